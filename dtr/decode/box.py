"""Kind "box": from dense heat and boxes to tubes inside a span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.boxes import box_iou, clip_boxes
from dtr.calibration import sigmoid
from dtr.decode.options import DecodeOptions
from dtr.decode.stitch import softmax
from dtr.spans import overlap_s

FloatArray = NDArray[np.floating]

GROWTH = (1.0, 1.15, 1.3, 1.5)
"""Scales tried on a box: under doubt a slightly larger box has the larger expected IoU."""

MIN_SHARE = 0.1
"""A further tube is linked only from tokens that hold at least this share of the probability."""


MIN_EVIDENCE = 0.02
"""A step shows a tube if the tokens that follow it hold at least this share of the step's probability over places."""


@dataclass(frozen=True)
class Tube:
    """Where a trace may be during a span.

    Attributes:
        score: [0, 1], mean heat of the tokens that voted for it.
        share: [0, 1], their share of the probability over places.
        box: (4,) xyxy for the whole span. steps: (M,) step indices. boxes: (M, 4) at those steps.
    """

    score: float
    share: float
    box: FloatArray
    steps: NDArray[np.intp]
    boxes: FloatArray


def decode_tubes(
    heat_logits: FloatArray,
    boxes: FloatArray,
    token_mask: NDArray[np.bool_],
    step_s: FloatArray,
    span_s: tuple[float, float],
    options: DecodeOptions | None = None,
) -> list[Tube]:
    """Link boxes inside a span.

    Heat is a distribution over places, and every token has a box for the trace it would belong to: together a
    distribution over boxes. The reported box is the one with the largest expected IoU under it (minimum Bayes risk for
    the IoU metric). From there the tube is linked from step to step, so that it follows what moves; the tokens it
    takes up are set aside, and the rest may give further tubes. For the first tube, boxes of training traces take part
    in the choice of the reported box, with the weight of `options.box_prior`: what the tokens leave in doubt is decided
    by where traces usually lie. They never decide which tokens are linked.

    Args:
        heat_logits: (N, P). boxes: (N, P, 4) xyxy. token_mask: (N, P) bool. step_s: (N, 2) seconds.
        span_s: (start, end) seconds. Where it touches no unmasked step, the nearest one is taken.
        options: decoding parameters.

    Returns:
        Tubes in the order they were found, the best supported first; empty when every step is masked.
    """
    options = options or DecodeOptions()
    steps, cover = _steps_inside(step_s, np.asarray(token_mask.any(axis=1)), span_s)
    if len(steps) == 0:
        return []
    place = softmax(heat_logits[steps], token_mask[steps])  # (M, P)
    joint = place * (cover / cover.sum())[:, None]  # (M, P), sums to 1
    heat, boxes = sigmoid(heat_logits[steps]), boxes[steps]
    floor = joint.sum(axis=0).max() * 1e-3
    left = np.ones(joint.shape, dtype=bool)  # (M, P)
    tubes: list[Tube] = []
    while len(tubes) < options.max_tubes:
        free = joint * left
        share = free.sum(axis=0)  # (P,)
        kept = share > floor
        if not kept.any() or share[kept].sum() < (MIN_SHARE if tubes else 0.0):
            break
        mean_boxes = (free[:, kept, None] * boxes[:, kept]).sum(axis=0) / share[kept, None]
        seed = best_expected_iou(mean_boxes, share[kept])
        box = seed if tubes else best_expected_iou(*_with_prior(mean_boxes, share[kept], options))
        taken, track = _linked(place * left, boxes, seed, options.box_iou)
        score = float(np.average(heat[taken], weights=joint[taken]))
        followed = clip_boxes(_smoothed(track, options.smooth_steps) + (box - seed))  # as far as the prior moved it
        tubes.append(Tube(score, float(joint[taken].sum()), box, steps, followed))
        left &= ~taken
    return tubes


def _steps_inside(
    step_s: FloatArray, step_mask: NDArray[np.bool_], span_s: tuple[float, float]
) -> tuple[NDArray[np.intp], FloatArray]:
    """Unmasked steps that a span touches, or else the nearest one, with the seconds that each shares: two (M,)."""
    shared_s = overlap_s(step_s, [span_s])[:, 0] * step_mask
    steps = np.flatnonzero(shared_s > 1e-6)
    if len(steps) or not step_mask.any():
        return steps, shared_s[steps]
    away_s = np.maximum(span_s[0] - step_s[:, 1], step_s[:, 0] - span_s[1])
    steps = np.array([np.argmin(np.where(step_mask, away_s, np.inf))])
    return steps, np.ones(1)


def _linked(
    place: FloatArray, boxes: FloatArray, seed: FloatArray, min_iou: float
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Follow a box from the step that shows it best, forwards and backwards.

    At each step the tokens whose boxes overlap the box of the step before belong to the tube, and their weighted mean
    is its box there. Where they hold less than `MIN_EVIDENCE` the trace is not seen, and the last box is held.

    Args:
        place: (M, P) probability over places of each step, 0 for tokens that are taken.
        boxes: (M, P, 4) xyxy. seed: (4,) where to begin. min_iou: of a token's box with the box before.

    Returns:
        (M, P) bool, the tokens that belong; (M, 4) box of each step.
    """
    near = box_iou(boxes.reshape(-1, 4), seed[None])[:, 0].reshape(place.shape)
    near = near >= min(min_iou, near[place > 0].max())  # whatever comes nearest where nothing agrees
    start = int(np.argmax((place * near).sum(axis=1)))
    weight = place[start] * near[start]
    taken, track = np.zeros(place.shape, dtype=bool), np.tile(weight @ boxes[start] / weight.sum(), (len(place), 1))
    taken[start] = weight > 0
    for order in (range(start + 1, len(place)), range(start - 1, -1, -1)):
        box = track[start]
        for step in order:
            weight = place[step] * (box_iou(boxes[step], box[None])[:, 0] >= min_iou)
            if weight.sum() >= MIN_EVIDENCE:
                taken[step], box = weight > 0, weight @ boxes[step] / weight.sum()
            track[step] = box
    return taken, track


def _with_prior(boxes: FloatArray, weights: FloatArray, options: DecodeOptions) -> tuple[FloatArray, FloatArray]:
    """Boxes and weights, joined by the prior's."""
    if options.box_prior == 0 or not options.prior_boxes:
        return boxes, weights
    prior = np.asarray(options.prior_boxes)
    weights = (1 - options.box_prior) * weights / max(weights.sum(), 1e-12)
    return np.concatenate([boxes, prior]), np.concatenate(
        [weights, np.full(len(prior), options.box_prior / len(prior))]
    )


def best_expected_iou(boxes: FloatArray, weights: FloatArray) -> FloatArray:
    """The box with the largest expected IoU with a weighted set of boxes.

    Candidates are the boxes themselves, their weighted mean around the best of them, and grown versions of both.

    Args:
        boxes: (M, 4) xyxy.
        weights: (M,) ≥ 0, not all zero.

    Returns:
        (4,) xyxy inside the frame.

    Example:
        >>> b = np.array([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.5], [0.9, 0.9, 1.0, 1.0]])
        >>> best_expected_iou(b, np.array([0.4, 0.4, 0.2])).tolist()
        [0.0, 0.0, 0.5, 0.5]
    """
    weights = weights / weights.sum()
    expected = box_iou(boxes, boxes) @ weights
    top = boxes[int(np.argmax(expected))]
    near = box_iou(boxes, top[None])[:, 0] * weights
    centred = (near[:, None] * boxes).sum(axis=0) / near.sum() if near.sum() > 0 else top
    candidates = np.concatenate([_grown(top), _grown(centred)])
    return candidates[int(np.argmax(box_iou(candidates, boxes) @ weights))]


def _grown(box: FloatArray) -> FloatArray:
    """(4,) → (len(GROWTH), 4): the box scaled around its centre and limited to the frame."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return clip_boxes(np.stack([np.concatenate([centre - half * g, centre + half * g]) for g in GROWTH]))


def _smoothed(track: FloatArray, smooth: int) -> FloatArray:
    """Moving average of (M, 4) boxes over at most ±`smooth` steps, as many before as after: it never lags behind."""
    last = len(track) - 1
    half = [min(i, last - i, smooth) for i in range(last + 1)]
    return np.stack([track[i - h : i + h + 1].mean(axis=0) for i, h in enumerate(half)])
