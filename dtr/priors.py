"""How traces usually lie: boxes and times of training traces, and how much weight decoding should give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.collect import ClipResult
from dtr.metrics.grounding import box_rows, span_rows
from dtr.model_info import ModelInfo
from dtr.pipeline import decode_outputs

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Weights that are tried; 0 = the heads alone."""

MOST_BOXES = 48
QUANTILES = 21


def fit_priors(train: Sequence[VideoAnnotation]) -> dict[str, Any]:
    """The prior entries of a detector's `decoding`, from training traces; without those that nothing is known of.

    Boxes are thinned evenly in order of area; onsets and offsets, as shares of the video, are quantiles (of the videos
    whose annotation states a duration).
    """
    traces = [(t, v) for v in train for t in v.traces or ()]
    found_boxes = [box for t, _ in traces if (box := t.extent) is not None]
    boxes = sorted(found_boxes, key=lambda b: ((b[2] - b[0]) * (b[3] - b[1]), b))
    timed = [(t.span_s, v.duration_s) for t, v in traces if t.span_s is not None and v.duration_s]
    shares = np.array([np.array(span_s) / duration_s for span_s, duration_s in timed])
    found: dict[str, Any] = {}
    if boxes:
        pick = np.unique(np.linspace(0, len(boxes) - 1, MOST_BOXES).round().astype(int))
        found["prior_boxes"] = [[round(v, 4) for v in boxes[i]] for i in pick]
    if len(shares):
        levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
        for name, values in (("prior_onsets", shares[:, 0]), ("prior_offsets", shares[:, 1])):
            found[name] = [round(float(q), 4) for q in np.quantile(values, levels)]
    return found


def choose_weights(info: ModelInfo, results: Sequence[ClipResult]) -> ModelInfo:
    """Set the priors' weights to those with the best box IoU and time distance on the given clips.

    Args:
        info: of a detector whose `decoding` holds priors.
        results: of the dev part (never of the clips that the final table is made of).
    """
    for name, measure in (("box_prior", _box_iou), ("span_prior", _onset)):
        if not info.decoding.get("prior_boxes" if name == "box_prior" else "prior_onsets"):
            continue
        trials = [replace(info, decoding=info.decoding | {name: weight}) for weight in WEIGHTS]
        info = max(trials, key=lambda trial: measure(trial, results))
    return info


def _box_iou(info: ModelInfo, results: Sequence[ClipResult]) -> float:
    rows = [box_rows(best.box, r.truth.boxes).iou for r, best in _answers(info, results) if r.truth.boxes]
    return float(np.concatenate(rows).mean()) if rows else 0.0


def _onset(info: ModelInfo, results: Sequence[ClipResult]) -> float:
    """Negative mean time distance."""
    rows = [
        span_rows(best.span_s, r.truth.spans_s, r.truth.duration_s).time_distance
        for r, best in _answers(info, results)
        if r.truth.spans_s
    ]
    return -float(np.concatenate(rows).mean()) if rows else 0.0


def _answers(info: ModelInfo, results: Sequence[ClipResult]) -> list[tuple[ClipResult, Any]]:
    """Every annotated clip with its strongest candidate."""
    found = []
    for result in results:
        candidates = decode_outputs(info, result.outputs, result.geometry).candidates
        if candidates and (result.truth.boxes or result.truth.spans_s):
            found.append((result, candidates[0]))
    return found
