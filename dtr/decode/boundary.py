"""Kind "boundary": from dense actionness and bound distributions to span candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.calibration import sigmoid
from dtr.decode.options import DecodeOptions
from dtr.decode.stitch import softmax, weighted_quantile
from dtr.spans import span_iou, suppress_spans

FloatArray = NDArray[np.floating]
MIN_SPAN_S = 0.04


@dataclass(frozen=True)
class SpanCandidate:
    """When a trace may be on.

    Attributes:
        span_s: (start, end) seconds.
        score: [0, 1], mean actionness of the steps that voted for it.
        share: [0, 1], their share of the clip's probability of holding the trace.
    """

    span_s: tuple[float, float]
    score: float
    share: float


def decode_spans(
    action_logits: FloatArray,
    start_logits: FloatArray,
    end_logits: FloatArray,
    bins_s: FloatArray,
    step_s: FloatArray,
    step_mask: NDArray[np.bool_],
    duration_s: float,
    options: DecodeOptions | None = None,
) -> list[SpanCandidate]:
    """Let every step vote for the onset and offset of the trace it sees; group the votes into candidates.

    The reported onset and offset are the medians of the votes: the median minimises the expected absolute error, which
    is what the onset metric (time distance) charges. For the likeliest candidate (the clip's answer) the onsets and
    offsets of training traces vote too, with the weight of `options.span_prior`: what the steps leave in doubt is
    decided by how traces usually lie.

    Args:
        action_logits: (N,). start_logits, end_logits: (N, K). bins_s: (K,) seconds.
        step_s: (N, 2) seconds. step_mask: (N,) bool. duration_s: end of the clip.
        options: decoding parameters.

    Returns:
        Candidates, the likeliest first; empty when every step is masked.
    """
    options = options or DecodeOptions()
    index = np.flatnonzero(step_mask)
    if len(index) == 0:
        return []
    centre = step_s[index].mean(axis=1)
    weight = softmax(action_logits[index])  # (M,)
    actionness = sigmoid(action_logits[index])
    starts = np.clip(centre[:, None] - bins_s, 0.0, duration_s)  # (M, K) where each vote falls
    ends = np.clip(centre[:, None] + bins_s, 0.0, duration_s)
    start_p, end_p = softmax(start_logits[index]), softmax(end_logits[index])
    spans = np.stack([_medians(starts, start_p), _medians(ends, end_p)], axis=1)  # (M, 2)
    spans[:, 1] = np.maximum(spans[:, 1], spans[:, 0] + MIN_SPAN_S)
    peaks = suppress_spans(spans, weight, options.span_tiou, most=options.max_spans)
    overlap = span_iou(spans, spans[peaks])  # (M, peaks)
    owner = np.where(overlap.max(axis=1) > options.span_tiou, overlap.argmax(axis=1), -1)
    owner[peaks] = np.arange(len(peaks))
    candidates = []
    likeliest = int(np.argmax([weight[owner == k].sum() for k in range(len(peaks))]))
    for k in range(len(peaks)):
        voters = owner == k
        share = weight[voters]
        prior = options.span_prior if k == likeliest else 0.0
        start = _median(starts[voters], start_p[voters] * share[:, None], options.prior_onsets, prior, duration_s)
        end = _median(ends[voters], end_p[voters] * share[:, None], options.prior_offsets, prior, duration_s)
        score = float(np.average(actionness[voters], weights=share)) if share.sum() > 0 else 0.0
        candidates.append(SpanCandidate(_ordered(start, end, duration_s), score, float(share.sum())))
    return sorted(candidates, key=lambda c: -c.share)


def _median(
    votes: FloatArray, weights: FloatArray, prior_shares: tuple[float, ...], prior: float, duration_s: float
) -> float:
    """Median of (M, K) votes and of the prior's, which hold a share `prior` of all the weight."""
    values, weights = votes.ravel(), weights.ravel()
    if prior > 0 and prior_shares:
        weights = (1 - prior) * weights / max(weights.sum(), 1e-12)
        values = np.concatenate([values, np.asarray(prior_shares) * duration_s])
        weights = np.concatenate([weights, np.full(len(prior_shares), prior / len(prior_shares))])
    return weighted_quantile(values, weights)


def _medians(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Row-wise weighted medians: (M, K), (M, K) → (M,)."""
    return np.array([weighted_quantile(v, w) for v, w in zip(values, weights, strict=True)])


def _ordered(start: float, end: float, duration_s: float) -> tuple[float, float]:
    """A span of at least `MIN_SPAN_S` inside the clip (or as long as the clip allows)."""
    if end - start < MIN_SPAN_S:
        end = min(start + MIN_SPAN_S, max(duration_s, MIN_SPAN_S))
        start = end - MIN_SPAN_S if end - start < MIN_SPAN_S else start
    return float(start), float(end)
