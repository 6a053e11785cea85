"""Constant places and times as candidates: what average precision comes to without looking.

Precision over candidates mixes two things: telling generated videos from real ones, and finding the place. So each
constant is scored twice: with the same score for every video, and ("…/model_score") ranked by the model's own score of
the video. Only what a model adds to the second was gained by place and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtr.boxes import box_iou
from dtr.evaluation.candidates import KEYS, THRESHOLDS, Outcomes, called_fake, has, precision_statistic, truth_of
from dtr.evaluation.counted import mean_of
from dtr.evaluation.figures import FloatArray, Statistic
from dtr.evaluation.items import Item
from dtr.evaluation.rows import Policy
from dtr.floors import Floors
from dtr.metrics.average_precision import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, Kind
from dtr.spans import span_iou

MODEL_SCORE = "/model_score"


def candidate_floor_statistics(
    items: Sequence[Item], floors: Floors, policy: Policy = "oracle"
) -> dict[str, dict[str, Statistic]]:
    """Every constant's average precision, by figure of `CANDIDATE_FIGURES` and name of the constant.

    Args:
        items: V videos.
        floors: fitted on training rows.
        policy: "own" = only videos that the model called fake get a candidate.

    Returns:
        Statistics that are computed when they are called; names are "<box>", "<span>" or "<box>+<span>".
    """
    overlaps = _overlaps(items, floors)
    answered = called_fake(items) if policy == "own" else np.ones(len(items), dtype=np.bool_)
    scores = {"": np.ones(len(items)), MODEL_SCORE: _model_scores(items)}
    found: dict[str, dict[str, Statistic]] = {}
    for kind, key in KEYS.items():
        build = partial(_outcomes, truth=truth_of(items, kind))
        for name, best in overlaps[kind].items():
            for suffix, s in scores.items():
                outcomes = build(best, s).of(answered)
                at = {f"{key}_{t:g}": precision_statistic(outcomes, t) for t in THRESHOLDS}
                for figure, statistic in ({key: mean_of(list(at.values()))} | at).items():
                    found.setdefault(figure, {})[name + suffix] = statistic
    return found


def _overlaps(items: Sequence[Item], floors: Floors) -> dict[Kind, dict[str, FloatArray]]:
    """(V,) best overlap of each constant with a trace of each video; 0 without one, −1 where it answers nothing."""
    boxes, spans = list(floors.boxes), list(floors.spans)
    found: dict[Kind, FloatArray] = {
        "box": np.zeros((len(boxes), len(items))),
        "tiou": np.zeros((len(spans), len(items))),
        "both": np.zeros((len(boxes) * len(spans), len(items))),
    }
    constants = np.array([floors.boxes[name] for name in boxes])
    for place, item in enumerate(items):
        for kind, values in found.items():
            values[:, place] = _best(item, kind, constants, floors)
    names: dict[Kind, list[str]] = {"box": boxes, "tiou": spans, "both": [f"{b}+{s}" for b in boxes for s in spans]}
    return {kind: dict(zip(names[kind], values, strict=True)) for kind, values in found.items()}


def _best(item: Item, kind: Kind, boxes: FloatArray, floors: Floors) -> FloatArray | float:
    """Best overlap of every constant of a kind with the traces of one video."""
    duration_s = item.video.duration_s or 0.0
    if item.video.traces is None or (kind != "box" and duration_s <= 0):
        return -1.0
    traces = [t for t in item.rows if has(t, kind)]
    if not traces:
        return 0.0
    true_boxes = [t.box for t in traces if t.box is not None]
    if kind == "box":
        return box_iou(boxes, true_boxes).max(axis=1)
    answers = [span.answer_s(duration_s) for span in floors.spans.values()]
    in_time = span_iou(answers, [t.span_s for t in traces if t.span_s is not None])
    if kind == "tiou":
        return in_time.max(axis=1)
    in_place = box_iou(boxes, true_boxes)
    return np.minimum(in_place[:, None], in_time[None]).max(axis=2).ravel()


def _outcomes(
    best: FloatArray, scores: FloatArray, truth: tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]
) -> Outcomes:
    """The one candidate of each video, matched."""
    num_truths, whole, known = truth
    videos = np.flatnonzero(best >= 0)
    missed = np.where(known[videos], FALSE_POSITIVE, IGNORED)
    by_threshold = {t: np.where(best[videos] >= t, TRUE_POSITIVE, missed).astype(np.int8) for t in THRESHOLDS}
    return Outcomes(scores[videos], videos, by_threshold, num_truths, whole, known)


def _model_scores(items: Sequence[Item]) -> FloatArray:
    """(V,) the model's score of fake; its label where it said none."""
    said = [item.prediction.fake_score if item.prediction is not None else None for item in items]
    return np.array([float(item.called_fake) if s is None else s for s, item in zip(said, items, strict=True)])
