"""Rank correlation under many weightings of the same examples at once, for bootstrap resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.checks import checked_array
from dtr.errors import ConfigError

FloatArray = NDArray[np.float64]


def weighted_spearman(x: ArrayLike, y: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Spearman's rank correlation of every weighting, equal values sharing their mean rank.

    A weight says how often an example is counted, as in `dtr.metrics.weighted`.

    Args:
        x, y: (V,) any finite numbers; weights: (n, V) counts ≥ 0.

    Returns:
        (n,) in [−1, 1]; NaN where x or y does not vary among what is counted.

    Raises:
        DetectorError: x or y is not finite, or they do not pair.
        ConfigError: weights do not pair with them, or are negative or not finite.

    Source: Spearman (1904), "The proof and measurement of association between two things"; Pearson's correlation of
    mid-ranks.

    Example:
        >>> weighted_spearman([1, 2, 3, 4], [1, 4, 9, 2], [[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0]]).round(6).tolist()
        [0.4, 1.0, nan]
    """
    first = checked_array(x, "x", (None,))
    second = checked_array(y, "y", (len(first),))
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] != len(first):
        raise ConfigError(f"weights must have shape (n, {len(first)}), one per example, got {w.shape}; draw them again")
    if not (np.isfinite(w).all() and (w >= 0).all()):
        raise ConfigError("weights must be finite and at least 0, got others; they are counts")
    return _pearson(_mid_ranks(first, w), _mid_ranks(second, w), w)


def _mid_ranks(values: FloatArray, w: FloatArray) -> FloatArray:
    """(n, V) mean rank of each value in the list in which every example stands as often as its weight says."""
    if not len(values):
        return np.zeros(w.shape)
    order = np.argsort(values, kind="stable")
    firsts = np.flatnonzero(np.append(True, np.diff(values[order]) != 0))
    count = np.add.reduceat(w[:, order], firsts, axis=1)  # of each distinct value
    middle = np.cumsum(count, axis=1) - (count - 1) / 2
    _, group = np.unique(values, return_inverse=True)
    return middle[:, group]


def _pearson(a: FloatArray, b: FloatArray, w: FloatArray) -> FloatArray:
    total = w.sum(axis=1, keepdims=True)
    counted = np.where(total > 0, total, 1.0)  # a weighting without examples has no spread, and so no answer
    a, b = (values - (w * values).sum(axis=1, keepdims=True) / counted for values in (a, b))
    spread = np.sqrt((w * a * a).sum(axis=1) * (w * b * b).sum(axis=1))
    together = (w * a * b).sum(axis=1)
    found = np.divide(together, spread, out=np.full(len(w), np.nan), where=spread > 0)
    return np.clip(found, -1.0, 1.0)
