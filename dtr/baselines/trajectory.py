"""A clip as a path through feature space: how fast it goes, how it turns, how evenly it does both.

A path has a point for every step that shows a new frame; a masked step has none. Times are those of the frames, so that
a step that was left out, or an uneven frame rate, makes a longer interval and not a faster motion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtr.features import ClipFeatures

FloatArray = NDArray[np.float64]

D3_MIN_STEPS = 4
"""Steps that give two second-order differences: the spread of one number says nothing."""

RESTRAV_MIN_STEPS = 3
"""Steps that give one angle."""

RESTRAV_LENGTHS, RESTRAV_ANGLES = 7, 6
"""First lengths and first angles that are features themselves."""

RESTRAV_WIDTH = RESTRAV_LENGTHS + RESTRAV_ANGLES + 8


class FreshSteps(NamedTuple):
    """The steps of a clip that show a new frame.

    Attributes:
        tokens: (N, P, D). token_mask: (N, P) bool, at least one True in each row.
        times_s: (N,) presentation times of the frames, increasing.
    """

    tokens: FloatArray
    token_mask: NDArray[np.bool_]
    times_s: FloatArray


def fresh_steps(clip: ClipFeatures) -> FreshSteps:
    """Steps with at least one token; one that starts no later than the step before it is left out."""
    times_s = clip.step_s[:, 0].astype(np.float64)
    fresh = np.flatnonzero(clip.token_mask.any(axis=1))
    later = np.diff(times_s[fresh], prepend=-np.inf) > 0
    kept = fresh[later]
    return FreshSteps(clip.tokens[kept].astype(np.float64), clip.token_mask[kept], times_s[kept])


def pooled_path(steps: FreshSteps) -> FloatArray:
    """(N, D): the mean of each step's tokens, over all places and views.

    Example:
        >>> mask = np.array([[True, False], [True, True]])
        >>> tokens = np.array([[[1.0], [9.0]], [[1.0], [3.0]]])
        >>> pooled_path(FreshSteps(tokens, mask, np.array([0.0, 0.5]))).ravel().tolist()
        [1.0, 2.0]
    """
    weights = steps.token_mask[..., None]
    return (steps.tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)


def token_path(steps: FreshSteps) -> FloatArray:
    """(N, P'·D): all tokens of a step side by side; only the P' places that every step has.

    Example:
        >>> mask = np.array([[True, False], [True, True]])
        >>> token_path(FreshSteps(np.ones((2, 2, 3)), mask, np.array([0.0, 0.5]))).shape
        (2, 3)
    """
    kept = steps.token_mask.all(axis=0) if len(steps.token_mask) else np.zeros(steps.token_mask.shape[1], np.bool_)
    return steps.tokens[:, kept].reshape(len(steps.tokens), int(kept.sum()) * steps.tokens.shape[2])


def second_order_spread(points: FloatArray, times_s: FloatArray) -> float:
    """Spread of the second-order differences of a path; D3 holds that it is lower for generated video.

    The length of each step (L2) over its time is the first-order feature, the change of that over time the second-order
    one, and the sample standard deviation of the latter over the clip is the answer. The paper's frames lie at equal
    intervals, where the times only scale the answer.

    Args:
        points: (N, D); times_s: (N,) increasing.

    Returns:
        0 or more, in feature units per s²; NaN below `D3_MIN_STEPS` points.

    Source: Zheng et al. (2025), "D3: Training-Free AI-Generated Video Detection Using Second-Order Features",
    arXiv 2508.00701, its variant with the L2 distance.

    Example:
        >>> at = np.array([0.0, 1.0, 2.0, 3.0])
        >>> second_order_spread(np.array([[0.0], [1.0], [2.0], [3.0]]), at)
        0.0
        >>> round(second_order_spread(np.array([[0.0], [1.0], [3.0], [4.0]]), at), 4)
        1.4142
    """
    if len(points) < D3_MIN_STEPS:
        return float("nan")
    interval_s = np.diff(times_s)
    speed = np.linalg.norm(np.diff(points, axis=0), axis=1) / interval_s  # (N - 1,)
    between_s = (interval_s[1:] + interval_s[:-1]) / 2
    return float(np.std(np.diff(speed) / between_s, ddof=1))


def step_lengths_and_angles(points: FloatArray, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far a path goes a second, and by how much it turns.

    Args:
        points: (N, D); times_s: (N,) increasing.

    Returns:
        (N - 1,) L2 length of each step per second, and (N - 2,) angles between neighbouring steps in degrees, 0 to 180;
        NaN where one of the two has no length.

    Example:
        >>> lengths, angles = step_lengths_and_angles(np.array([[0.0, 0], [1, 0], [1, 2]]), np.array([0.0, 1.0, 2.0]))
        >>> lengths.tolist(), angles.round(6).tolist()
        ([1.0, 2.0], [90.0])
    """
    moves = np.diff(points, axis=0)
    lengths = np.linalg.norm(moves, axis=1)
    both = lengths[1:] * lengths[:-1]
    cosine = np.full(len(both), np.nan)
    np.divide((moves[1:] * moves[:-1]).sum(axis=1), both, out=cosine, where=both > 0)
    return lengths / np.diff(times_s), np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def restrav_features(points: FloatArray, times_s: FloatArray) -> FloatArray:
    """The 21 features of ReStraV: first 7 lengths, first 6 angles, then mean, minimum, maximum, variance of each.

    Args:
        points: (N, D); times_s: (N,) increasing.

    Returns:
        (21,); NaN where the path is too short, or stands still; all NaN below `RESTRAV_MIN_STEPS` points.

    Source: Internò et al. (2025), "AI-Generated Video Detection via Perceptual Straightening", arXiv 2507.00583.

    Example:
        >>> at = np.arange(8.0)
        >>> found = restrav_features(np.stack([at, at], axis=1), at)
        >>> found.shape, found[:2].round(4).tolist(), found[13:17].round(4).tolist()
        ((21,), [1.4142, 1.4142], [1.4142, 1.4142, 1.4142, 0.0])
    """
    if len(points) < RESTRAV_MIN_STEPS:
        return np.full(RESTRAV_WIDTH, np.nan)
    lengths, angles = step_lengths_and_angles(points, times_s)
    parts = [_first(lengths, RESTRAV_LENGTHS), _first(angles, RESTRAV_ANGLES), _moments(lengths), _moments(angles)]
    return np.concatenate(parts)


def mean_tokens(steps: FreshSteps) -> FloatArray:
    """(D,): the mean of all tokens of a clip; NaN where it has none.

    Example:
        >>> mean_tokens(FreshSteps(np.array([[[2.0]], [[4.0]]]), np.ones((2, 1), bool), np.array([0.0, 1.0]))).tolist()
        [3.0]
    """
    if not len(steps.tokens):
        return np.full(steps.tokens.shape[2], np.nan)
    return steps.tokens[steps.token_mask].mean(axis=0)


def mean_changes(steps: FreshSteps) -> FloatArray:
    """(D,): mean over places and times of the absolute first difference of each channel, per second; NaN without one.

    Differences are taken place by place, so that a motion inside the frame counts; their signs would cancel.

    Example:
        >>> tokens = np.array([[[0.0], [0.0]], [[1.0], [-1.0]]])
        >>> mean_changes(FreshSteps(tokens, np.ones((2, 2), bool), np.array([0.0, 0.5]))).tolist()
        [2.0]
    """
    both = steps.token_mask[1:] & steps.token_mask[:-1]  # (N - 1, P)
    if not both.any():
        return np.full(steps.tokens.shape[2], np.nan)
    change = np.abs(np.diff(steps.tokens, axis=0)) / np.diff(steps.times_s)[:, None, None]
    return change[both].mean(axis=0)


def _first(values: FloatArray, count: int) -> FloatArray:
    """The first `count` values; NaN where there are fewer."""
    found = np.full(count, np.nan)
    found[: len(values)] = values[:count]
    return found


def _moments(values: FloatArray) -> FloatArray:
    """Mean, minimum, maximum and variance of what is known."""
    known = values[~np.isnan(values)]
    return np.array([known.mean(), known.min(), known.max(), known.var()]) if len(known) else np.full(4, np.nan)
