"""Intervals by resampling videos: rows of one video are not independent, so whole videos are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import ConfigError, DetectorError

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]


class Gain(NamedTuple):
    """How much better one set of answers is than another on the same rows; positive = better.

    Attributes:
        gain: difference of the statistics; low, high: its interval.
    """

    gain: float
    low: float
    high: float


def row_mean(rows: FloatArray) -> float:
    """Mean over all rows, the statistic of most figures.

    Example:
        >>> row_mean(np.array([0.0, 1.0]))
        0.5
    """
    return float(np.mean(rows))


def bootstrap_by_video(
    values: Sequence[ArrayLike],
    statistic: Statistic = row_mean,
    *,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a statistic over rows, drawing whole videos with replacement.

    Args:
        values: one array of rows, (R_i, …), per video (or per source, to draw whole sources); R_i = 0 is allowed.
        statistic: of the rows of all drawn videos, joined along the first axis.
        n: resamples; seed: of the draw; level: share of resamples inside.

    Returns:
        (low, high); a resample whose statistic is undefined (NaN: one class only, or no row drawn) is left out, both
        are NaN if the statistic of the data itself is.

    Raises:
        ConfigError: no rows at all, n < 1 or level outside (0, 1).
        DetectorError: a value is not finite.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", percentile interval.

    Example:
        >>> low, high = bootstrap_by_video([[0.0], [1.0], [1.0], [0.0]])
        >>> low, high
        (0.0, 1.0)
    """
    rows = _rows(values, n, level)
    if math.isnan(statistic(np.concatenate(rows))):
        return math.nan, math.nan
    drawn = np.array([statistic(np.concatenate([rows[i] for i in pick])) for pick in _picks(rows, n, seed)])
    return _interval(drawn, level)


def gain_over_floor(
    values: Sequence[ArrayLike],
    floor_values: Sequence[ArrayLike],
    statistic: Statistic = row_mean,
    *,
    higher_is_better: bool = True,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Gain:
    """Paired gain over a floor: the same drawn videos for both, so what makes a video hard cancels.

    Args:
        values, floor_values: one array of rows per video, the same videos in the same order.
        statistic, n, seed, level: as for `bootstrap_by_video`.
        higher_is_better: False for distances and errors; the gain is positive for the better one either way.

    Raises:
        ConfigError: the two do not have the same rows, or as for `bootstrap_by_video`.
        DetectorError: a value is not finite.

    Example:
        >>> gain_over_floor([[0.5], [0.7]], [[0.25], [0.45]]).gain.__round__(6)
        0.25
    """
    ours, floor = _rows(values, n, level), _rows(floor_values, n, level)
    if [len(v) for v in ours] != [len(v) for v in floor]:
        raise ConfigError(
            f"a paired gain needs the same rows of the same videos, got {len(ours)} videos with "
            f"{sum(map(len, ours))} rows against {len(floor)} with {sum(map(len, floor))}; score both on one list"
        )
    sign = 1.0 if higher_is_better else -1.0

    def difference(pick: NDArray[np.int64]) -> float:
        gain = statistic(np.concatenate([ours[i] for i in pick])) - statistic(np.concatenate([floor[i] for i in pick]))
        return sign * gain

    drawn = np.array([difference(pick) for pick in _picks(ours, n, seed)])
    return Gain(difference(np.arange(len(ours))), *_interval(drawn, level))


def _rows(values: Sequence[ArrayLike], n: int, level: float) -> list[FloatArray]:
    """The rows of each video that has any (a video without rows adds nothing to any resample)."""
    if n < 1 or not 0 < level < 1:
        raise ConfigError(f"a bootstrap needs n of at least 1 and a level inside (0, 1), got {n} and {level}")
    rows = [a for a in (np.asarray(v, dtype=np.float64) for v in values) if a.size]
    if not rows:
        raise ConfigError("a bootstrap needs at least one row, got none; score some annotated videos first")
    for place, array in enumerate(rows):
        if array.ndim == 0:
            raise ConfigError(f"a bootstrap takes an array of rows per video, got the number {array}; wrap it")
        if not np.isfinite(array).all():
            raise DetectorError(f"values to bootstrap must be finite, got {array} in video {place}; check the scores")
    return rows


def _picks(rows: list[FloatArray], n: int, seed: int) -> NDArray[np.int64]:
    """(n, number of videos) indices of the drawn videos."""
    return np.random.default_rng(seed).integers(0, len(rows), size=(n, len(rows)))


def _interval(drawn: FloatArray, level: float) -> tuple[float, float]:
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
