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
    the IoU metric). For the likeliest tube of a span, boxes of training traces take part with the weight of
    `options.box_prior`: what the tokens leave in doubt is decided by where traces usually lie. Tokens whose boxes agree
    with the box are set aside, and the rest may give further tubes.

    Args:
        heat_logits: (N, P). boxes: (N, P, 4) xyxy. token_mask: (N, P) bool. step_s: (N, 2) seconds.
        span_s: (start, end) seconds.
        options: decoding parameters.

    Returns:
        Tubes in the order they were found, the best supported first; empty when no unmasked step touches the span.
    """
    options = options or DecodeOptions()
    cover = overlap_s(step_s, [span_s])[:, 0] * token_mask.any(axis=1)
    steps = np.flatnonzero(cover > 1e-6)
    if len(steps) == 0:
        return []
    place = softmax(heat_logits[steps], token_mask[steps])  # (M, P)
    joint = place * (cover[steps] / cover[steps].sum())[:, None]  # (M, P), sums to 1
    share = joint.sum(axis=0)  # (P,)
    mean_boxes = (joint[..., None] * boxes[steps]).sum(axis=0) / np.maximum(share, 1e-12)[:, None]  # (P, 4)
    heat = sigmoid(heat_logits[steps])
    left = share > share.max() * 1e-3
    tubes: list[Tube] = []
    while len(tubes) < options.max_tubes and share[left].sum() >= (MIN_SHARE if tubes else 0.0) and left.any():
        box = best_expected_iou(*_with_prior(mean_boxes[left], share[left], options if not tubes else None))
        agree = left & (box_iou(mean_boxes, box[None])[:, 0] >= options.box_iou)
        if not agree.any():
            agree = left & (share == share[left].max())
        track = _track(joint[:, agree], boxes[steps][:, agree], box, options.smooth_steps)
        score = float(np.average(heat[:, agree], weights=joint[:, agree]))
        tubes.append(Tube(score, float(share[agree].sum()), box, steps, track))
        left &= ~agree
    return tubes


def _with_prior(boxes: FloatArray, weights: FloatArray, options: DecodeOptions | None) -> tuple[FloatArray, FloatArray]:
    """Boxes and weights, joined by the prior's (None = without)."""
    if options is None or options.box_prior == 0 or not options.prior_boxes:
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


def _track(weights: FloatArray, boxes: FloatArray, box: FloatArray, smooth: int) -> FloatArray:
    """Boxes over time of the tokens that voted: weighted mean per step, moving average over ±`smooth` steps.

    The track is moved and scaled as a whole so that its mean is the tube's box.

    Args:
        weights: (M, A). boxes: (M, A, 4). box: (4,). smooth: steps.

    Returns:
        (M, 4) xyxy inside the frame.
    """
    total = weights.sum(axis=1, keepdims=True)
    per_step = (weights[..., None] * boxes).sum(axis=1) / np.maximum(total, 1e-12)
    count = len(per_step)
    rows = [per_step[max(0, i - smooth) : i + smooth + 1].mean(axis=0) for i in range(count)]
    track = np.stack(rows)
    return clip_boxes(track - track.mean(axis=0) + box)
