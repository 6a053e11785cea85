"""The table of a finished detector on a model card: `dtr evaluate`'s figures, from cached features instead of media."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.collect import ClipResult, category_rows
from dtr.datamodule import FeatureDataModule
from dtr.evaluation.beyond import candidate_compared
from dtr.evaluation.compared import Compared
from dtr.evaluation.evaluate import fitted_floors
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.from_results import predictions_of
from dtr.evaluation.grounding import grounding_figures
from dtr.evaluation.items import Item, join
from dtr.evaluation.label_floor import label_compared, label_floors
from dtr.evaluation.metadata import MetadataOnly, metadata_only
from dtr.metadata_floor import metadata_floor
from dtr.metrics.category import CategoryMetrics
from dtr.model_info import ModelInfo
from dtr.pipeline import category_scores
from dtr.worst_cases import worst_cases

LABEL = {
    "video_auroc": "auroc",
    "video_accuracy": "accuracy",
    "false_alarm_rate": "false_alarm_rate",
    "video_ece": "ece",
    "video_brier": "brier",
}
"""Names on the card of figures of `dtr.evaluation.label`."""

GROUNDING = {
    "box": ("box_iou", "box_distance"),
    "boundary": ("onset_error_s", "time_distance", "tiou"),
    "box and boundary": ("viou", "map_both"),
}
"""Figures of place and time by the kinds of heads that answer them."""


def final_table(
    info: ModelInfo, results: Sequence[ClipResult], data: FeatureDataModule, *, canonical: bool
) -> dict[str, Any]:
    """Measure a detector on clips that nothing was chosen on.

    Place and time are under the oracle label: every annotated generated video is answered, by its strongest candidate,
    against each of its trace rows. Floors are fitted on the fit part.

    Args:
        info: of the detector, calibrated.
        results: raw outputs of the test clips.
        data: for annotations and floors.
        canonical: the clips went through one re-encoding, so that most metadata agree.

    Returns:
        {"metrics": metric → row of `dtr.card.metric_table`, "notes": lines}; a figure that the clips do not define (an
        AUROC of one label) is None. For files as they are also "worst", the tables of `dtr.worst_cases`.
    """
    videos = {v.video_id: v for v in data.parts["test"]}
    items = join([_timed(videos[r.video_id], r) for r in results], predictions_of(info, results))
    weights = draw_weights(len(items))
    fit = data.parts["fit"]
    metadata, note = _metadata(fit, items, data.facts, canonical)
    label = label_compared(items, label_floors(items, fit, metadata), weights)
    metrics = {name: label[key] for name, key in LABEL.items()}
    floors, notes = fitted_floors(fit)
    if any(item.rows for item in items):
        found = (
            grounding_figures(items, floors, weights)["oracle"] | candidate_compared(items, floors, weights)["oracle"]
        )
        kinds = {spec.kind for spec in info.heads.values()}
        answered = [m for kind, names in GROUNDING.items() if set(kind.split(" and ")) <= kinds for m in names]
        metrics |= {name: found[name] for name in answered if found[name].model.n}
    rows = {name: _row(compared) for name, compared in metrics.items()} | _categories(info, list(results))
    table = {"metrics": rows, "notes": [f"- {line}" for line in (note, *notes)]}
    return table if canonical else table | {"worst": worst_cases(items, data.facts, weights)}


def _timed(video: VideoAnnotation, result: ClipResult) -> VideoAnnotation:
    """The annotation, with the decoded clip's duration where it states none."""
    return video if video.duration_s else replace(video, duration_s=result.truth.duration_s)


def _metadata(
    fit: Sequence[VideoAnnotation], items: Sequence[Item], facts: Mapping[str, Any], canonical: bool
) -> tuple[MetadataOnly | None, str]:
    """What facts of the files alone say; of canonical clips only what the recipe leaves of them."""
    scored = [item.video for item in items]
    if canonical:
        floor = metadata_floor(fit, scored)
        return MetadataOnly(floor.scores, floor.features, len(fit), len(scored)), _saw(floor.features)
    found = metadata_only(fit, scored, facts)
    if isinstance(found, str):
        return None, f"no metadata-only floor: {found}"
    return found, _saw(found.features)


def _saw(features: Sequence[str]) -> str:
    return f"metadata-only floor: trees on {', '.join(features)}"


def _row(compared: Compared) -> dict[str, Any]:
    """A row of the card's table."""
    model, gain = compared.model, compared.gain
    row: dict[str, Any] = {"value": model.value, "interval": model.interval, "n": model.n}
    if compared.best is not None:
        row |= {"floor": compared.floor, "floor_name": compared.best}
        row |= {"gain": gain and gain.value, "gain_interval": gain and gain.interval}
    return row


def _categories(info: ModelInfo, results: list[ClipResult]) -> dict[str, Any]:
    """The category head alone: calibrated scores inside annotated tubes, beside a constant score."""
    names = [name for name, spec in info.heads.items() if spec.kind == "category"]
    if not names:
        return {}
    scores, target = category_rows(names[0], results)
    if not len(scores) or not target.any():
        return {}
    metric = CategoryMetrics(thresholds=float(info.thresholds.get("category", 0.5)))
    metric.update([category_scores(info, row) for row in scores], target)
    values: dict[str, dict[str, Any]] = {
        f"category_{name}": {"value": _defined(v), "n": len(scores)} for name, v in metric.compute().items()
    }
    floor = _prevalence(target)
    gain = values["category_map"]["value"]
    values["category_map"] |= {"floor": floor, "floor_name": "constant score", "gain": gain and gain - floor}
    return values


def _prevalence(target: NDArray[np.floating]) -> float:
    """Mean average precision of a constant score: the mean share of rows, over the categories that some row has."""
    return float(target.mean(axis=0)[target.any(axis=0)].mean())


def _defined(value: Any) -> float | None:
    """A number, or None: JSON has no NaN."""
    return float(np.asarray(value)) if math.isfinite(value) else None
