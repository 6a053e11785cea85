"""The table of a finished detector: every metric with its interval, the floor beside it and the gain over the floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.collect import ClipResult, category_rows
from dtr.datamodule import FeatureDataModule
from dtr.decode.assemble import Candidate
from dtr.errors import AnnotationError
from dtr.floors import LOWER_IS_BETTER, FloorRows, fit_floors, floor_rows
from dtr.metadata_floor import metadata_floor
from dtr.metrics.bootstrap import bootstrap_by_video, gain_over_floor
from dtr.metrics.category import CategoryMetrics
from dtr.metrics.grounding import box_rows, known_duration_s, span_rows
from dtr.metrics.ranking import auroc
from dtr.model_info import ModelInfo
from dtr.pipeline import category_scores, decode_outputs, label_score

GROUNDING = {"box": ("box_iou", "box_distance"), "boundary": ("onset_error_s", "time_distance", "tiou")}
"""Metrics by the kind of head that answers them."""


def final_table(
    info: ModelInfo, results: Sequence[ClipResult], data: FeatureDataModule, *, canonical: bool
) -> dict[str, Any]:
    """Measure a detector on clips that nothing was chosen on.

    Box and time are measured under the oracle label: every annotated generated video is answered, by its strongest
    candidate, against each of its trace rows. Floors are fitted on the fit part.

    Args:
        info: of the detector, calibrated.
        results: raw outputs of the test clips.
        data: for annotations and floors.
        canonical: the clips went through one re-encoding, so that most metadata agree.

    Returns:
        {"metrics": metric → row of `dtr.card.metric_table`, "notes": lines}; a figure that the clips do not define (an
        AUROC of one label) is None.
    """
    videos = {v.video_id: v for v in data.parts["test"]}
    metrics = _label_metrics(info, results)
    floor, note = _metadata(data, canonical)
    notes: list[str] = []
    if "video_auroc" in metrics and floor is not None:
        metrics["video_auroc"] |= {"floor": floor, "floor_name": "metadata only"}
        metrics["video_auroc"]["gain"] = metrics["video_auroc"]["value"] - floor
    answered = [r for r in results if r.truth.spans_s or r.truth.boxes]
    if {s.kind for s in info.heads.values()} & GROUNDING.keys() and answered:
        table, notes = _grounding(info, answered, [_timed(videos[r.video_id], r) for r in answered], data)
        metrics |= table
    metrics |= _categories(info, list(results))
    return {"metrics": {name: _defined(row) for name, row in metrics.items()}, "notes": [note, *notes]}


def _timed(video: VideoAnnotation, result: ClipResult) -> VideoAnnotation:
    """The annotation, with the decoded clip's duration where it states none."""
    return video if video.duration_s else replace(video, duration_s=result.truth.duration_s)


def _defined(row: dict[str, Any]) -> dict[str, Any]:
    """A row with None for every figure that is not defined; JSON has no NaN."""

    def finite(value: Any) -> bool:
        return not isinstance(value, float) or math.isfinite(value)

    return {key: value if all(map(finite, np.atleast_1d(value).tolist())) else None for key, value in row.items()}


def _label_metrics(info: ModelInfo, results: Sequence[ClipResult]) -> dict[str, Any]:
    known = [r for r in results if not math.isnan(r.truth.label)]
    if not known:
        return {}
    scores = [label_score(info, decode_outputs(info, r.outputs, r.geometry).label_logit or 0.0) for r in known]
    rows = [np.array([[score, r.truth.label]]) for score, r in zip(scores, known, strict=True)]
    threshold = float(info.thresholds.get("label", 0.5))

    def area(pairs: np.ndarray) -> float:
        return auroc(pairs[:, 0], pairs[:, 1])

    def accuracy(pairs: np.ndarray) -> float:
        return float(((pairs[:, 0] >= threshold) == (pairs[:, 1] == 1)).mean())

    def false_alarms(pairs: np.ndarray) -> float:
        real = pairs[pairs[:, 1] == 0, 0]
        return float((real >= threshold).mean()) if len(real) else math.nan

    majority = max(np.mean([r.truth.label for r in known]), 1 - np.mean([r.truth.label for r in known]))
    found = {"video_auroc": area, "video_accuracy": accuracy, "false_alarm_rate": false_alarms}
    pairs = np.concatenate(rows)
    counts = {"false_alarm_rate": int((pairs[:, 1] == 0).sum())}
    table: dict[str, dict[str, Any]] = {
        name: {"value": f(pairs), "interval": bootstrap_by_video(rows, f), "n": counts.get(name, len(rows))}
        for name, f in found.items()
    }
    table["video_accuracy"] |= {"floor": float(majority), "floor_name": "majority label"}
    table["video_accuracy"]["gain"] = table["video_accuracy"]["value"] - float(majority)
    return table


def _metadata(data: FeatureDataModule, canonical: bool) -> tuple[float | None, str]:
    """AUROC of a classifier that sees only facts of the files."""
    facts = None if canonical else data.facts
    try:
        floor = metadata_floor(data.parts["fit"], data.parts["test"], facts)
    except AnnotationError as error:  # facts are optional in the released form
        return None, f"- no metadata-only floor: {error}"
    return floor.auroc, f"- metadata-only floor: trees on {', '.join(floor.features)}"


def _grounding(
    info: ModelInfo, results: list[ClipResult], videos: list[VideoAnnotation], data: FeatureDataModule
) -> tuple[dict[str, Any], list[str]]:
    """Box and time rows of the strongest candidate of each video, beside the best constant answer; and notes."""
    best = [next(iter(decode_outputs(info, r.outputs, r.geometry).candidates), None) for r in results]
    ours = _model_rows(best, videos)
    kinds = {spec.kind for spec in info.heads.values()}
    wanted = [metric for kind, metrics in GROUNDING.items() if kind in kinds for metric in metrics]
    floors, notes = _floors(data, videos)
    table = {}
    for metric in wanted:
        rows = ours[metric]
        joined = np.concatenate(rows)
        if len(joined):
            table[metric] = {"value": float(joined.mean()), "interval": bootstrap_by_video(rows), "n": len(joined)}
            table[metric] |= _beside(rows, floors[metric], metric in LOWER_IS_BETTER) if floors else {}
    return table, notes


def _floors(data: FeatureDataModule, videos: list[VideoAnnotation]) -> tuple[FloorRows, list[str]]:
    """What every constant answer of the fit part scores on the given videos; and a note where there is none."""
    try:
        return floor_rows(fit_floors(data.parts["fit"]), videos), []
    except AnnotationError as error:  # training data without boxes, or without spans
        return {}, [f"- no constant answers as floors: {error}"]


def _beside(rows: list[np.ndarray], floors: Mapping[str, list[np.ndarray]], lower: bool) -> dict[str, Any]:
    """The best floor of a metric and the gain over it."""
    means = {name: np.concatenate(by_video).mean() for name, by_video in floors.items()}
    name = (min if lower else max)(means, key=lambda n: means[n])
    gain = gain_over_floor(rows, floors[name], higher_is_better=not lower)
    return {
        "floor": float(means[name]),
        "floor_name": name,
        "gain": float(gain.gain),
        "gain_interval": (gain.low, gain.high),
    }


def _model_rows(best: Sequence[Candidate | None], videos: Sequence[VideoAnnotation]) -> dict[str, list[np.ndarray]]:
    """Per metric one array of rows per video, as `dtr.floors.floor_rows` gives them."""
    found: dict[str, list[np.ndarray]] = {}
    for candidate, video in zip(best, videos, strict=True):
        traces = video.traces or ()
        spans = [t.span_s for t in traces if t.span_s is not None]
        boxes = box_rows(None if candidate is None else candidate.box, [t.box for t in traces if t.box is not None])
        times = span_rows(None if candidate is None else candidate.span_s, spans, known_duration_s(video))
        for metric, rows in (("box_iou", boxes.iou), ("box_distance", boxes.distance)):
            found.setdefault(metric, []).append(rows)
        for metric in ("onset_error_s", "time_distance", "tiou"):
            found.setdefault(metric, []).append(getattr(times, metric))
    return found


def _categories(info: ModelInfo, results: list[ClipResult]) -> dict[str, Any]:
    """Figures of the calibrated category scores inside annotated tubes, beside a constant score."""
    names = [name for name, spec in info.heads.items() if spec.kind == "category"]
    if not names:
        return {}
    scores, target = category_rows(names[0], results)
    if not len(scores) or not target.any():
        return {}
    metric = CategoryMetrics(thresholds=float(info.thresholds.get("category", 0.5)))
    metric.update([category_scores(info, row) for row in scores], target)
    present = target.any(axis=0)
    floor = float(target.mean(axis=0)[present].mean())  # average precision of a constant score is the prevalence
    values: dict[str, dict[str, Any]] = {
        f"category_{name}": {"value": float(v), "n": len(scores)} for name, v in metric.compute().items()
    }
    values["category_map"] |= {"floor": floor, "floor_name": "constant score"}
    values["category_map"]["gain"] = values["category_map"]["value"] - floor
    return values
