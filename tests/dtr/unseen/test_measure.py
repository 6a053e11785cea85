from __future__ import annotations

import math

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.evaluation.items import Item
from dtr.evaluation.measure import measure
from dtr.floors import fit_floors
from dtr.predictions import Prediction
from dtr.unseen.measure import generator_figures, measure_fold
from dtr.unseen.table import combine
from tests.handmade import fake, real

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
ALL = {"label", "box", "boundary"}
FLOORS = fit_floors([fake(TraceAnnotation(span_s=(0.0, 1.0), box=LEFT), duration_s=4.0), real()])


def generated(name: str, source: str, *traces: TraceAnnotation) -> VideoAnnotation:
    return fake(*traces, name=name, source=source, duration_s=4.0)


def said(video: VideoAnnotation, score: float, box: tuple[float, ...] = LEFT, onset_s: float = 0.0) -> Item:
    label = "fake" if score >= 0.5 else "real"
    return Item(video, Prediction(video.video_id, label, score, box, onset_s, onset_s + 2.0))  # type: ignore[arg-type]


TRACE = TraceAnnotation(span_s=(1.0, 3.0), box=RIGHT)
ITEMS = [
    said(generated("a1", "a", TRACE), 0.9, RIGHT, 1.0),
    said(generated("a2", "a", TRACE, TRACE), 0.3),
    said(generated("b1", "b"), 0.6),
    said(real("r1", source="cam1"), 0.4),
    said(real("r2", source="cam2"), 0.7),
]


def test_measure_fold__figures_by_hand() -> None:
    found = measure_fold(ITEMS, [], FLOORS, ALL)
    a = found["unseen"]["generators"]["a"]
    assert a["clips"] == 2
    assert a["model"]["auroc"] == ((1.0 + 0.0) / 2, 2)
    assert a["model"]["fake_accuracy"] == (0.5, 2)
    assert a["model"]["balanced_accuracy"] == (0.5, 2)  # one of two reals is called real
    assert a["model"]["box_iou"] == (pytest.approx(1 / 3), 3)
    assert a["model"]["time_distance"] == (pytest.approx((0 + 0.25 + 0.25) / 3), 3)
    assert a["floors"]["box_iou"]["full_frame"] == (0.5, 3)
    assert a["floors"]["tiou"]["whole_video"] == (0.5, 3)
    assert found["unseen"]["real_sources"]["cam2"]["model"] == {"false_alarms": (1.0, 1), "fake_score": (0.7, 1)}
    b = found["unseen"]["generators"]["b"]
    assert set(b["model"]) == {"auroc", "fake_accuracy", "balanced_accuracy"}  # nobody looked for its traces


def test_measure_fold__sources_add_up_to_all_clips_together() -> None:
    found = measure_fold(ITEMS, [], FLOORS, ALL)["unseen"]["generators"]
    whole = measure(ITEMS)
    for name in ("auroc", "fake_accuracy", "box_iou", "box_distance", "time_distance", "onset_error_s", "tiou", "viou"):
        pooled = combine(source["model"][name] for source in found.values() if name in source["model"])
        assert pooled[0] == pytest.approx(whole[name]), name


@pytest.mark.parametrize(
    ("kinds", "gone"),
    [
        ({"label"}, {"box_iou", "tiou", "viou"}),
        ({"label", "box"}, {"tiou", "viou"}),
        ({"label", "boundary"}, {"box_iou", "viou"}),
    ],
)
def test_generator_figures__what_no_head_answers_is_left_out(kinds: set[str], gone: set[str]) -> None:
    found = generator_figures(ITEMS[:2], ITEMS[3:], FLOORS, kinds)
    assert not gone & (set(found["model"]) | set(found["floors"]))
    assert set(found["floors"]) <= set(found["model"])


def test_measure_fold__without_held_out_cameras_ranks_against_the_seen() -> None:
    found = measure_fold(ITEMS[:3], ITEMS[3:], None, ALL)
    assert found["ranked_against"] == {"unseen": "seen", "seen": "seen"}
    assert found["unseen"]["generators"]["a"]["model"]["auroc"] == (0.5, 2)
    assert found["unseen"]["generators"]["a"]["floors"] == {}
    assert found["unseen"]["real_sources"] == {}


def test_measure_fold__without_any_real_clip_has_no_ranking() -> None:
    model = measure_fold(ITEMS[:3], [], FLOORS, ALL)["unseen"]["generators"]["a"]["model"]
    assert not {"auroc", "balanced_accuracy"} & set(model)
    assert all(math.isfinite(value) for value, _ in model.values())
