"""A statistic with what it rests on, so that the same one makes figures, gains over floors and slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from dtr.evaluation.figures import Figure, FloatArray, Statistic, figure


class Counted(NamedTuple):
    """A statistic of video weights.

    Attributes:
        statistic: (n, V) → (n,).
        n, unit: what it rests on.
        reason: said where the data do not define it.
    """

    statistic: Statistic
    n: int
    unit: str = "videos"
    reason: str = ""

    def figure(self, weights: FloatArray) -> Figure:
        """Value and interval.

        Example:
            >>> Counted(lambda w: w.mean(axis=1), 2).figure(np.ones((3, 2))).value
            1.0
        """
        return figure(self.statistic, weights, self.n, self.unit, self.reason)


def undefined(n: int, unit: str, reason: str) -> Counted:
    """A figure that cannot be computed.

    Example:
        >>> undefined(0, "videos", "no answer has a score").figure(np.ones((1, 2))).reason
        'no answer has a score'
    """
    return Counted(lambda weights: np.full(len(weights), np.nan), n, unit, reason)


def figures(counted: Mapping[str, Counted], weights: FloatArray) -> dict[str, Figure]:
    """Every figure, in the same order.

    Args:
        counted: statistics by name.
        weights: from `draw_weights`.
    """
    return {name: c.figure(weights) for name, c in counted.items()}


def remembered(statistic: Statistic) -> Statistic:
    """The same statistic, which keeps its last answer: figures built of others do not compute them again.

    The weights must not be changed in place between two calls.

    Example:
        >>> calls = []
        >>> slow = remembered(lambda w: calls.append(1) or w.sum(axis=1))
        >>> w = np.ones((1, 2))
        >>> slow(w).tolist(), slow(w).tolist(), len(calls)
        ([2.0], [2.0], 1)
    """
    last: list[tuple[FloatArray, FloatArray]] = []

    def value(weights: FloatArray) -> FloatArray:
        # The array itself is kept, so its identity cannot pass to another one.
        if not last or last[0][0] is not weights:
            last[:] = [(weights, statistic(weights))]
        return last[0][1]

    return value


def mean_of(statistics: list[Statistic]) -> Statistic:
    """Mean of several statistics; NaN where one of them is.

    Example:
        >>> mean_of([lambda w: w.min(axis=1), lambda w: w.max(axis=1)])(np.array([[0.0, 1.0]])).tolist()
        [0.5]
    """
    return lambda weights: np.mean([statistic(weights) for statistic in statistics], axis=0)
