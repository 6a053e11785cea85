"""A small evaluation with what a report has to survive: hostile words, a broken file, a missing one, a turned one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from dtr.annotation import Label, TraceAnnotation, VideoAnnotation
from dtr.evaluation.evaluate import EvaluationOptions, evaluate
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.items import Item
from dtr.predictions import PredictedTrace, Prediction

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>\"'&{{ 7*7 }}\ud800\u202e"
BOX = (0.0, 0.0, 0.5, 1.0)
Videos = list[VideoAnnotation]
MakeItem = Callable[..., Item]


def video(video_id: str, label: Label, path: Path, *traces: TraceAnnotation, split: str = "test") -> VideoAnnotation:
    source = "Gen" if label == "fake" else "Cam"
    return VideoAnnotation(video_id, path, label, source, split, 96, 64, 12.0, 4.0, traces, label == "real")


def trace(text: str = "") -> TraceAnnotation:
    return TraceAnnotation((1.0, 2.0), BOX, (), frozenset({"Sudden Blurring"}), (), text or None)


def answer(video_id: str, label: Label | None, score: float | None, text: str = "") -> Prediction:
    found = PredictedTrace(0.9, BOX, (1.0, 2.0), categories={"Sudden Blurring": 0.8})
    return Prediction(video_id, label, score, BOX, 1.0, 2.0, text or None, (found,))


@pytest.fixture
def make_item() -> MakeItem:
    """`make_item("id", "fake", "real", 0.2)`: true label, said label, score."""

    def make(
        video_id: str, label: Label, said: Label | None, score: float | None = 0.5, *traces: TraceAnnotation
    ) -> Item:
        return Item(video(video_id, label, Path("nowhere.mp4"), *traces), answer(video_id, said, score))

    return make


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """good.mp4 (4 s, 12 fps, numbered frames), turned.mp4 (stored on its side) and broken.mp4."""
    folder = tmp_path_factory.mktemp("media")
    media.write_video(folder / "good.mp4", num_frames=48)
    media.write_video(folder / "turned.mp4", width=64, height=96, rotation_cw=90)
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"nothing that decodes" * 50)
    return folder


@pytest.fixture(scope="session")
def evaluation(media_folder: Path) -> Evaluation:
    """Hostile ids, sources, explanations and provenance; media good, turned, broken and missing."""
    fakes = [
        replace(video(HOSTILE, "fake", media_folder / "good.mp4", trace(HOSTILE)), source=HOSTILE),
        video("broken", "fake", media_folder / "broken.mp4", trace()),
        video("missing", "fake", media_folder / "missing.mp4", trace(), trace()),
        video("missed", "fake", media_folder / "good.mp4", trace()),
        video("unlooked", "fake", media_folder / "good.mp4"),
    ]
    reals = [video(f"r{i}", "real", media_folder / "turned.mp4") for i in range(3)]
    said = [answer(HOSTILE, "fake", 0.9, HOSTILE), answer("broken", "fake", 0.8), answer("missing", "fake", 0.7)]
    said += [answer("missed", "real", 0.2), answer("r0", "fake", 0.95), answer("r1", "real", 0.1)]
    # Without real ones there is no metadata floor, whose library takes seconds to import.
    train = [video(f"t{i}", "fake", Path("t.mp4"), trace(), split="train") for i in range(6)]
    found = evaluate(
        fakes + reals, {p.video_id: p for p in said}, train=train, options=EvaluationOptions(resamples=50, prior=0.01)
    )
    provenance = {"model_ids": [HOSTILE, "b", "c", "d"], "split": ["test"], "predictions": {"sha256": "ab12"}}
    return replace(found, notes=(*found.notes, HOSTILE), provenance=provenance | found.provenance)


@pytest.fixture(scope="session")
def labels_only() -> Evaluation:
    """Answers without scores on videos without traces: nothing but accuracy can be counted."""
    videos = [replace(video(f"f{i}", "fake", Path("x.mp4")), traces=None) for i in range(3)]
    videos += [video("r", "real", Path("x.mp4"))]
    said = {v.video_id: Prediction(v.video_id, "fake") for v in videos}
    return evaluate(videos, said, options=EvaluationOptions(resamples=20))
