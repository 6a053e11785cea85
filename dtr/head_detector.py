"""From one trained head to a detector folder that holds it: calibration, metrics beside the floor, card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.card import head_card
from dtr.collect import calibrate_head, run_heads
from dtr.detector import BackbonePart, model_id, save_detector
from dtr.detector_calibration import with_operating_data
from dtr.errors import AnnotationError
from dtr.floors import best_floors, fit_floors, score_floors
from dtr.head import Head
from dtr.model_info import ModelInfo
from dtr.views import ViewSpec

FLOORED: dict[str, tuple[str, ...]] = {
    "label": ("video_accuracy",),
    "box": ("box_", "map_iou_"),
    "boundary": ("onset_error_s", "time_distance", "tiou", "map_tiou_"),
}
"""Beginnings of the names of the metrics that a constant answer is a floor of, by kind of head."""


def save_head_detector(
    head: Head, name: str, data: Any, metrics: Mapping[str, Any], config: Mapping[str, Any], folder: Path
) -> Path:
    """Write the detector folder of one head.

    Args:
        head: trained.
        name: of the head.
        data: the datamodule it was trained with, set up.
        metrics: validation metrics of the checkpoint.
        config: how it was trained (plain JSON), for the card.
        folder: to write.
    """
    head = head.eval().cpu()
    recipe = data.store.recipe
    spec = head.spec(recipe.backbone_id)
    loader = data.part("calibration") if data.parts["calibration"] else ()
    held_out = list(run_heads({name: head}, loader, recipe.backbone_id))
    calibration = {target: c.to_json() for target, c in calibrate_head(name, spec, held_out).items()}
    training = {
        "data": parts_table({part: videos for part, videos in data.parts.items() if part != "test"}),
        "metrics": dict(metrics),
        "floor": floors_of(data, spec.kind),
        "config": dict(config),
        "parameters": sum(p.numel() for p in head.parameters()),
    }
    info = ModelInfo(
        model_id=model_id(name, {name: head}, recipe.backbone_id),
        backbone_id=recipe.backbone_id,
        clock=recipe.head_clock,
        views=views_of(recipe.identity),
        heads={name: spec},
        calibration=calibration,
        training=training,
    )
    info = with_operating_data(info, held_out)
    init = {"class_path": f"{type(head).__module__}.{type(head).__qualname__}", "init_args": head.init_args}
    backbone = BackbonePart(dict(recipe.backbone))
    return save_detector(
        folder, info=info, heads={name: head}, head_init={name: init}, backbone=backbone, card=head_card(info)
    )


def floors_of(data: Any, kind: str) -> dict[str, Any]:
    """Best constant answer, fitted on the fit part, per metric of a kind of head on the dev part.

    Empty for kinds without constant answers, and without boxes or spans.
    """
    try:
        best = best_floors(score_floors(fit_floors(data.parts["fit"]), data.parts["dev"]))
    except AnnotationError:  # a data set without boxes or spans has no grounding floors
        return {}
    return {
        metric: {"name": name, "value": value}
        for metric, (name, value) in best.items()
        if metric.startswith(FLOORED.get(kind, ())) and math.isfinite(value)
    }


def views_of(identity: Mapping[str, Any]) -> tuple[ViewSpec, ...]:
    """The views recorded in a cache's recipe."""
    return tuple(ViewSpec.from_json(v) for v in identity.get("views", ()))


def parts_table(parts: Mapping[str, Sequence[VideoAnnotation]]) -> dict[str, dict[str, int]]:
    """Counts of every part of the data, with how many of its sources have videos in another part too.

    Example:
        >>> clips = [VideoAnnotation(str(i), Path("a.mp4"), "real", source="one") for i in range(3)]
        >>> parts_table({"fit": clips[:2], "test": clips[2:]})["test"]["shared_sources"]
        1
    """
    sources = {name: {(v.label, v.source) for v in videos if v.source} for name, videos in parts.items()}
    table = {}
    for name, videos in parts.items():
        elsewhere = set().union(*(found for other, found in sources.items() if other != name))
        table[name] = part_counts(videos) | {"shared_sources": len(sources[name] & elsewhere)}
    return table


def part_counts(videos: Sequence[VideoAnnotation]) -> dict[str, int]:
    """Videos, traces and sources of one part of the data."""
    return {
        "videos": len(videos),
        "fake": sum(v.label == "fake" for v in videos),
        "real": sum(v.label == "real" for v in videos),
        "traces": sum(len(v.traces or ()) for v in videos),
        "sources": len({(v.label, v.source) for v in videos}),
    }
