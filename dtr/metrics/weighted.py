"""Label and ranking figures under many weightings of the same videos at once, for bootstrap resamples and for slices.

A weight says how often an example is counted: the figure of a weighting is the plain figure of the list in which every
example stands that often. Equal scores enter together, as one group, so no order among them matters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.checks import checked_array, checked_scores, checked_target
from dtr.errors import ConfigError

FloatArray = NDArray[np.float64]


class _Reached(NamedTuple):
    """Weight of the examples that score at least each of G distinct scores, best score first.

    Attributes:
        hits, alarms: (n, G) of positive and negative ones.
        positives, negatives: (n,) of all.
    """

    hits: FloatArray
    alarms: FloatArray
    positives: FloatArray
    negatives: FloatArray


def weighted_auroc(scores: ArrayLike, target: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Area under the ROC curve of every weighting, ties counting half.

    Args:
        scores: (V,) any finite numbers; target: (V,) 0 or 1; weights: (n, V) ≥ 0.

    Returns:
        (n,) in [0, 1]; NaN where a class has no weight.

    Raises:
        DetectorError: a score is not finite.
        AnnotationError: targets do not pair with the scores, or are not 0 and 1.
        ConfigError: weights do not pair with the scores, or are negative or not finite.

    Source: Hanley and McNeil (1982), the Mann-Whitney form.

    Example:
        >>> weighted_auroc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1], [[1, 1, 1, 1], [1, 0, 0, 2]]).tolist()
        [0.875, 1.0]
    """
    found = _reached(checked_array(scores, "scores", (None,)), target, weights)
    below = found.negatives[:, None] - found.alarms
    won = (_steps(found.hits) * (below + _steps(found.alarms) / 2)).sum(axis=1)
    return _ratio(won, found.positives * found.negatives)


def weighted_average_precision(scores: ArrayLike, target: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Average precision of every weighting: precision at each distinct score times the recall gained there.

    Args:
        scores: (V,) any finite numbers; target: (V,) 0 or 1; weights: (n, V) ≥ 0.

    Returns:
        (n,) in [0, 1]; NaN where no positive has weight.

    Raises:
        DetectorError, AnnotationError, ConfigError: as for `weighted_auroc`.

    Source: Zhu (2004), "Recall, precision and average precision"; without interpolation, as scikit-learn has it.

    Example:
        >>> weighted_average_precision([0.9, 0.8, 0.7], [1, 0, 1], [[1, 1, 1], [1, 0, 1]]).round(4).tolist()
        [0.8333, 1.0]
    """
    found = _reached(checked_array(scores, "scores", (None,)), target, weights)
    precision = _ratio(found.hits, found.hits + found.alarms, otherwise=0.0)
    return _ratio((_steps(found.hits) * precision).sum(axis=1), found.positives)


def weighted_tpr_at_fpr(scores: ArrayLike, target: ArrayLike, weights: ArrayLike, fpr: float) -> FloatArray:
    """The highest true-positive rate that a threshold reaches with at most a false-positive rate, per weighting.

    Args:
        scores: (V,) any finite numbers; target: (V,) 0 or 1; weights: (n, V) ≥ 0; fpr: in [0, 1).

    Returns:
        (n,) in [0, 1]; NaN where a class has no weight.

    Raises:
        DetectorError, AnnotationError: as for `weighted_auroc`.
        ConfigError: as there, or `fpr` is outside [0, 1).

    Example:
        >>> weighted_tpr_at_fpr([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], np.ones((1, 4)), 0.0).tolist()
        [0.5]
    """
    if not 0 <= fpr < 1:
        raise ConfigError(f"the false-positive rate must lie in [0, 1), got {fpr}; 0.01 means one real in a hundred")
    found = _reached(checked_array(scores, "scores", (None,)), target, weights)
    # The slack is that of `dtr.calibration.threshold_for_fpr`: 0.01 of 300 must allow 3.
    allowed = found.alarms <= fpr * found.negatives[:, None] + 1e-9
    hits = np.where(allowed, found.hits, 0.0).max(axis=1, initial=0.0)
    return _ratio(hits, np.where(found.negatives > 0, found.positives, 0.0))


def weighted_ece(scores: ArrayLike, target: ArrayLike, weights: ArrayLike, bins: int = 15) -> FloatArray:
    """Expected calibration error of every weighting, in the equal-width bins of `dtr.calibration.ece`.

    Args:
        scores: (V,) in [0, 1]; target: (V,) 0 or 1; weights: (n, V) ≥ 0; bins: ≥ 1.

    Returns:
        (n,) in [0, 1]; NaN where nothing has weight.

    Raises:
        DetectorError: a score is not in [0, 1].
        AnnotationError: as for `weighted_auroc`.
        ConfigError: as there, or bins < 1.

    Source: Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".

    Example:
        >>> weighted_ece([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1], [[1, 1, 1, 1], [1, 1, 0, 0]]).round(6).tolist()
        [0.25, 0.25]
    """
    if bins < 1:
        raise ConfigError(f"the calibration error needs at least 1 bin, got {bins}; 15 is usual")
    s = checked_scores(scores)
    y, w = checked_target(target, len(s)), _checked_weights(weights, len(s))
    gap = np.zeros((len(s), bins))
    gap[np.arange(len(s)), np.minimum((s * bins).astype(np.int64), bins - 1)] = s - y
    return _ratio(np.abs(w @ gap).sum(axis=1), w.sum(axis=1))


def weighted_brier(scores: ArrayLike, target: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Brier score of every weighting: mean squared difference of score and truth.

    Args:
        scores: (V,) in [0, 1]; target: (V,) 0 or 1; weights: (n, V) ≥ 0.

    Returns:
        (n,) in [0, 1]; NaN where nothing has weight.

    Raises:
        DetectorError, AnnotationError, ConfigError: as for `weighted_ece`.

    Source: Brier (1950), "Verification of forecasts expressed in terms of probability".

    Example:
        >>> weighted_brier([0.5, 1.0], [0, 1], [[1, 1], [2, 0]]).tolist()
        [0.125, 0.25]
    """
    s = checked_scores(scores)
    y, w = checked_target(target, len(s)), _checked_weights(weights, len(s))
    return _ratio(w @ (s - y) ** 2, w.sum(axis=1))


def _reached(s: FloatArray, target: ArrayLike, weights: ArrayLike) -> _Reached:
    y, w = checked_target(target, len(s)), _checked_weights(weights, len(s))
    order = np.argsort(-s, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(s[order]) != 0, True)[: len(s)])
    w = w[:, order]
    all_so_far, hits = np.cumsum(w, axis=1), np.cumsum(w * y[order], axis=1)
    # Counts are whole numbers, so the difference is exact.
    alarms = all_so_far - hits
    positives, negatives = (part[:, -1] if len(s) else np.zeros(len(w)) for part in (hits, alarms))
    return _Reached(hits[:, last_of_tie], alarms[:, last_of_tie], positives, negatives)


def _steps(reached: FloatArray) -> FloatArray:
    """(n, G) weight of each distinct score alone."""
    return np.diff(reached, axis=1, prepend=0.0)


def _checked_weights(weights: ArrayLike, count: int) -> FloatArray:
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] != count:
        raise ConfigError(f"weights must have shape (n, {count}), one per example, got {w.shape}; draw them for these")
    # One number tells of all: the sum of a NaN is NaN, and the least of negative ones is below 0.
    if w.size and not (np.isfinite(w.sum()) and w.min() >= 0):
        raise ConfigError(f"weights must be finite and at least 0, got {w.min()} to {w.max()}; they are counts")
    return w


def _ratio(above: FloatArray, below: FloatArray, otherwise: float = np.nan) -> FloatArray:
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)
