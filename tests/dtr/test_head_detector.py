from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.head_detector import floors_of, parts_table
from tests.handmade import fake, real

TRACE = TraceAnnotation(span_s=(1.0, 2.0), box=(0.2, 0.2, 0.6, 0.6))
VIDEOS = (fake(TRACE, duration_s=4.0), real(duration_s=4.0))
DATA = SimpleNamespace(parts={"fit": VIDEOS, "dev": VIDEOS})


@pytest.mark.parametrize(
    ("kind", "metrics"),
    [
        ("label", {"video_accuracy"}),
        ("box", {"box_iou", "box_distance", "map_iou_0.3", "map_iou_0.5"}),
        (
            "boundary",
            {"onset_error_s", "time_distance", "tiou", "map_tiou_0.3", "map_tiou_0.5", "map_tiou_0.7"},
        ),
        ("category", set()),
    ],
)
def test_floors_of__are_of_the_metrics_of_that_kind_of_head(kind: str, metrics: set[str]) -> None:
    assert set(floors_of(DATA, kind)) == metrics


def test_floors_of__without_boxes_there_are_none() -> None:
    data = SimpleNamespace(parts={"fit": (real(),), "dev": (real(),)})
    assert floors_of(data, "box") == {}


def test_parts_table__says_how_many_sources_are_elsewhere_too() -> None:
    def clip(source: str) -> VideoAnnotation:
        return VideoAnnotation("v", Path("v.mp4"), "fake", source)

    parts = {"fit": [clip("a"), clip("b"), clip("")], "dev": [clip("a")], "test": [clip("c"), clip("")]}
    assert {name: row["shared_sources"] for name, row in parts_table(parts).items()} == {"fit": 1, "dev": 1, "test": 0}
