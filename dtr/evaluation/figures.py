"""One measured number with what must stand beside it, and the resampled videos that intervals are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]
"""(n, V) weights of V videos in n resamples → (n,) values; NaN where a resample does not define it."""

LEVEL = 0.95


@dataclass(frozen=True)
class Figure:
    """A number, its interval, what it rests on; or why there is none.

    Attributes:
        value: None = it cannot be computed, for `reason`.
        interval: 95 % by resampling videos; None = not defined.
        n: rows or videos it rests on (`unit` says which).
        unit: "rows", "videos", "real videos", …
        reason: "" if there is a value.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    n: int = 0
    unit: str = "videos"
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "value": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "n": self.n,
            "unit": self.unit,
            "reason": self.reason or None,
        }


def draw_weights(num_videos: int, n: int = 1000, seed: int = 0) -> FloatArray:
    """How often each video is drawn in each of `n` resamples with replacement.

    Returns:
        (n + 1, num_videos); the first row is the data itself (all ones), so that one call gives value and interval.

    Raises:
        ConfigError: no videos, or n < 1.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap".

    Example:
        >>> w = draw_weights(3, n=2)
        >>> w.shape, w[0].tolist(), w[1:].sum(axis=1).tolist()
        ((3, 3), [1.0, 1.0, 1.0], [3.0, 3.0])
    """
    if num_videos < 1 or n < 1:
        raise ConfigError(f"a bootstrap needs at least one video and one resample, got {num_videos} and {n}")
    picks = np.random.default_rng(seed).multinomial(num_videos, np.full(num_videos, 1 / num_videos), size=n)
    return np.concatenate([np.ones((1, num_videos)), picks])


def figure(statistic: Statistic, weights: FloatArray, n: int, unit: str = "videos", reason: str = "") -> Figure:
    """Value and interval of a statistic.

    Args:
        statistic: of weights.
        weights: from `draw_weights`.
        n, unit: what it rests on.
        reason: said where the data do not define it.

    Example:
        >>> figure(lambda w: w @ np.array([0.0, 1.0]) / w.sum(axis=1), draw_weights(2), 2).value
        0.5
    """
    drawn = statistic(weights)
    value = float(drawn[0])
    if not math.isfinite(value):
        return Figure(None, None, n, unit, reason or f"not defined on {n} {unit}")
    return Figure(value, interval(drawn[1:]), n, unit)


def interval(drawn: FloatArray) -> tuple[float, float] | None:
    """Percentile interval of the resamples that define the statistic; None if none does.

    Example:
        >>> [round(v, 3) for v in interval(np.array([0.0, 0.5, 1.0, np.nan]))]
        [0.025, 0.975]
    """
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_statistic(rows: Sequence[FloatArray]) -> Statistic:
    """Mean over all rows of the drawn videos.

    Args:
        rows: one (R_i,) array per video; R_i may be 0.

    Example:
        >>> mean_statistic([np.array([0.0, 1.0]), np.zeros(0)])(np.ones((1, 2))).tolist()
        [0.5]
    """
    sums = np.array([r.sum() for r in rows], dtype=np.float64)
    counts = np.array([len(r) for r in rows], dtype=np.float64)
    return ratio_statistic(sums, counts)


def ratio_statistic(above: FloatArray, below: FloatArray) -> Statistic:
    """Weighted sum of `above` over that of `below`, (V,) each; NaN where nothing is drawn."""

    def value(weights: FloatArray) -> FloatArray:
        total = weights @ below
        return np.divide(weights @ above, total, out=np.full(len(weights), np.nan), where=total > 0)

    return value


def difference(ours: Statistic, theirs: Statistic, *, lower_is_better: bool) -> Statistic:
    """Paired gain of one statistic over another on the same drawn videos; positive = ours is better."""
    sign = -1.0 if lower_is_better else 1.0
    return lambda weights: sign * (ours(weights) - theirs(weights))
