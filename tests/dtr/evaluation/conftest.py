"""Small sets of annotated videos with answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.predictions import PredictedTrace, Prediction

Videos = list[VideoAnnotation]


def fake(video_id: str, *traces: TraceAnnotation, split: str = "test", source: str = "Gen") -> VideoAnnotation:
    return VideoAnnotation(
        video_id, Path(f"videos/{video_id}.mp4"), "fake", source, split, 640, 480, 24.0, 4.0, traces or None
    )


def real(video_id: str, split: str = "test", source: str = "Cam") -> VideoAnnotation:
    return VideoAnnotation(
        video_id, Path(f"real_videos/{video_id}.mp4"), "real", source, split, 320, 240, 30.0, 6.0, (), True
    )


def trace(box: tuple[float, float, float, float], span_s: tuple[float, float], text: str = "") -> TraceAnnotation:
    return TraceAnnotation(span_s, box, (), frozenset({"Sudden Blurring"}), (), text or None)


@pytest.fixture
def videos() -> Videos:
    """Three generated videos (with two rows, one row and none) and two real ones."""
    return [
        fake("f1", trace((0.0, 0.0, 0.5, 1.0), (1.0, 2.0), "melts"), trace((0.5, 0.0, 1.0, 1.0), (2.0, 3.0))),
        fake("f2", trace((0.0, 0.0, 1.0, 1.0), (0.0, 4.0), "blurs")),
        fake("f3"),
        real("r1"),
        real("r2"),
    ]


@pytest.fixture
def answers() -> dict[str, Prediction]:
    """f1 found, f2 called real though it has a box, f3 without an answer, one real video called fake."""
    box = (0.0, 0.0, 0.5, 1.0)
    found = PredictedTrace(0.9, box, (1.0, 2.0), categories={"Sudden Blurring": 0.8})
    return {
        "f1": Prediction("f1", "fake", 0.9, box, 1.0, 2.0, "melts", (found,)),
        "f2": Prediction("f2", "real", 0.4, (0.0, 0.0, 1.0, 1.0), 0.0, 4.0),
        "r1": Prediction("r1", "real", 0.1),
        "r2": Prediction("r2", "fake", 0.7, box, 0.0, 1.0, None, (PredictedTrace(0.5, box, (0.0, 1.0)),)),
    }


@pytest.fixture
def train() -> Videos:
    """Enough to fit every floor."""
    found = [fake(f"tf{i}", trace((0.1, 0.1, 0.6, 0.6), (0.5, 2.5)), split="train") for i in range(6)]
    return found + [real(f"tr{i}", split="train") for i in range(5)]
