"""Intervals by resampling videos: rows of one video are not independent, so whole videos are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import ConfigError, DetectorError

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]


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
