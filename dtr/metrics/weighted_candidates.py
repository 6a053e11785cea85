"""Average precision of localised candidates under many weightings of the same videos at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.checks import checked_array
from dtr.errors import AnnotationError, ConfigError
from dtr.metrics.average_precision import FALSE_POSITIVE, RECALLS, TRUE_POSITIVE

FloatArray = NDArray[np.float64]


def weighted_candidate_precision(
    scores: ArrayLike, outcomes: ArrayLike, videos: ArrayLike, num_truths: ArrayLike, weights: ArrayLike
) -> FloatArray:
    """101-point interpolated average precision of all candidates, a figure per weighting of the videos.

    Weights of ones give `dtr.metrics.average_precision.average_precision`; a video of weight 2 counts like two videos
    with the same candidates and truths.

    Args:
        scores: (K,) finite; outcomes: (K,) as `candidate_outcomes` gives them; videos: (K,) index of each one's video.
        num_truths: (V,) annotated traces of each video; weights: (n, V) ≥ 0.

    Returns:
        (n,) in [0, 1]; NaN where no trace has weight.

    Raises:
        DetectorError: a score is not finite.
        AnnotationError: numbers of traces are not finite.
        ConfigError: the shapes do not fit.

    Source: Lin et al. (2014), "Microsoft COCO"; precision at recalls 0, 0.01, …, 1.

    Example:
        >>> outcomes = [TRUE_POSITIVE, FALSE_POSITIVE, TRUE_POSITIVE]
        >>> w = [[1, 1], [1, 0], [0, 1]]
        >>> weighted_candidate_precision([0.9, 0.8, 0.7], outcomes, [0, 1, 0], [2, 0], w).round(4).tolist()
        [0.835, 1.0, nan]
    """
    s, outcome, video, truths, w = _checked(scores, outcomes, videos, num_truths, weights)
    total = w @ truths
    hit, wrong = outcome == TRUE_POSITIVE, outcome == FALSE_POSITIVE
    if not hit.any():
        return np.where(total > 0, 0.0, np.nan)
    # Precision is best at a hit: between two of them it can only fall. So only their scores are looked at.
    levels = np.unique(-s[hit])
    hits = _reached(levels, s[hit], video[hit], w)
    counted = hits + _reached(levels, s[wrong], video[wrong], w)
    precision = np.divide(hits, counted, out=np.zeros_like(hits), where=counted > 0)
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = np.divide(hits, total[:, None], out=np.zeros_like(hits), where=total[:, None] > 0)
    taken = np.diff(np.searchsorted(RECALLS, recall, side="right"), axis=1, prepend=0)
    return np.where(total > 0, (best_from_here * taken).sum(axis=1) / len(RECALLS), np.nan)


def _reached(levels: FloatArray, s: FloatArray, video: NDArray[np.int64], w: FloatArray) -> FloatArray:
    """(n, G) weight of the candidates that score at least each level.

    Args:
        levels: (G,) negated scores, rising; s: (K,); video: (K,); w: (n, V).
    """
    place = np.searchsorted(levels, -s, side="left")
    kept = place < len(levels)
    concerned, column = np.unique(video[kept], return_inverse=True)
    # Counts per video and level, added up along the levels, then one product with the weights of those videos.
    counts = np.bincount(column * len(levels) + place[kept], minlength=len(concerned) * len(levels))
    return w[:, concerned] @ np.cumsum(counts.reshape(len(concerned), len(levels)), axis=1, dtype=np.float64)


def _checked(
    scores: ArrayLike, outcomes: ArrayLike, videos: ArrayLike, num_truths: ArrayLike, weights: ArrayLike
) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64], FloatArray, FloatArray]:
    s = checked_array(scores, "candidate scores", (None,))
    truths = checked_array(num_truths, "numbers of traces", (None,), AnnotationError)
    outcome, video = (np.asarray(v, dtype=np.int64).reshape(-1) for v in (outcomes, videos))
    w = np.asarray(weights, dtype=np.float64)
    fits = len(s) == len(outcome) == len(video) and w.ndim == 2 and w.shape[1] == len(truths)
    if not fits or (len(video) and not 0 <= video.min() <= video.max() < len(truths)):
        raise ConfigError(
            f"weighted precision needs an outcome and a video index per candidate and a weight per video, got "
            f"{len(s)} scores, {len(outcome)} outcomes, {len(video)} indices, {len(truths)} videos and weights of "
            f"shape {w.shape}; pair them"
        )
    return s, outcome, video, truths, w
