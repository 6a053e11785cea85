from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import Box, TraceAnnotation, VideoAnnotation
from dtr.errors import AnnotationError, ConfigError
from dtr.evaluation.items import Item
from dtr.evaluation.measure import MEASURES, measure
from dtr.predictions import PredictedTrace, Prediction
from dtr.robustness.answers import Answers, Lost
from dtr.robustness.table import make_table

LEFT: Box = (0.0, 0.4, 0.05, 0.6)  # out of view after crop-0.8
MIDDLE: Box = (0.4, 0.4, 0.6, 0.6)
CROPPED: Box = (0.375, 0.375, 0.625, 0.625)  # the middle in the cropped frame


def fake(name: str, *boxes: Box, duration_s: float | None = 4.0) -> VideoAnnotation:
    traces = tuple(TraceAnnotation(span_s=(1.0, 2.0), box=box) for box in boxes)
    return VideoAnnotation(name, Path(f"{name}.mp4"), "fake", duration_s=duration_s, traces=traces)


def real(name: str) -> VideoAnnotation:
    return VideoAnnotation(name, Path(f"{name}.mp4"), "real", duration_s=4.0, traces=(), exhaustive=True)


def said(name: str, score: float, box: Box = MIDDLE, span_s: tuple[float, float] = (1.0, 2.0)) -> Prediction:
    return Prediction(
        name,
        "fake" if score >= 0.5 else "real",
        score,
        box,
        *span_s,
        traces=(PredictedTrace(score, box, span_s),),
        form="verdict",
    )


def answers(by_transform: dict[str, list[Prediction]], lost: tuple[Lost, ...] = ()) -> Answers:
    found = {name: {p.video_id: p for p in said} for name, said in by_transform.items()}
    return Answers(found, lost, dict.fromkeys(found.get("none", {}), 4.0), ("m@1",))


def test_make_table__compares_the_same_traces_on_both_sides() -> None:
    videos = [fake("a", LEFT, MIDDLE), real("b")]
    table = make_table(
        videos,
        answers({"none": [said("a", 0.9), said("b", 0.1)], "crop-0.8": [said("a", 0.9, CROPPED), said("b", 0.1)]}),
    )
    none, crop = table.rows
    assert none.values["box_iou"] == pytest.approx(0.5)  # one of two traces
    assert crop.out_of_view == 1
    assert crop.values["box_iou"] == pytest.approx(1.0)
    # Untouched, the trace that is still in view was found as well: nothing is gained by losing the other one.
    assert crop.drops["box_iou"] == pytest.approx(0.0)
    assert none.drops == {}


def test_make_table__maps_times() -> None:
    moved = said("a", 0.9, span_s=(2.0, 4.0))  # at half speed
    table = make_table([fake("a", MIDDLE)], answers({"none": [said("a", 0.9)], "speed-0.5": [moved]}))
    assert table.rows[1].values["tiou"] == pytest.approx(1.0)
    assert table.rows[1].values["time_distance"] == pytest.approx(0.0)


def test_make_table__counts_a_drop_as_positive_whichever_way_is_better() -> None:
    videos = [fake("a", MIDDLE), fake("c", MIDDLE), real("b"), real("d")]
    good = [said("a", 0.9), said("c", 0.8), said("b", 0.1), said("d", 0.2)]
    bad = [said("a", 0.3, (0.4, 0.4, 0.6, 0.5), (3.0, 4.0)), *good[1:3], said("d", 0.6)]
    table = make_table(videos, answers({"none": good, "blur-1": bad, "hflip": good}))
    blur = table.rows[1]
    assert blur.drops["auroc"] == pytest.approx(0.25)
    assert blur.drops["accuracy"] == pytest.approx(0.5)
    assert blur.drops["box_iou"] == pytest.approx(0.25)
    assert blur.drops["time_distance"] == pytest.approx(0.25)
    assert blur.values["time_distance"] == pytest.approx(0.25)
    assert table.worst["time_distance"] == table.worst["auroc"] == "blur-1"
    assert table.rows[2].drops["auroc"] == 0
    assert table.rows[2].intervals["auroc"] == (0.0, 0.0)
    low, high = blur.intervals["box_iou"]  # type: ignore[misc]
    assert low == 0.0
    assert 0.25 < high <= 0.5


def test_make_table__values_are_those_of_measure() -> None:
    videos = [fake("a", MIDDLE), real("b")]
    said_of = [said("a", 0.7, LEFT), said("b", 0.6)]
    table = make_table(videos, answers({"none": said_of}))
    wanted = measure([Item(v, p) for v, p in zip(videos, said_of, strict=True)])
    np.testing.assert_equal(dict(table.rows[0].values), wanted)
    assert set(table.rows[0].values) == set(MEASURES)


def test_make_table__leaves_a_failed_clip_out_of_both_sides_and_counts_it() -> None:
    videos = [fake("a", MIDDLE), fake("c", MIDDLE), real("b")]
    none = [said("a", 0.2), said("c", 0.9), said("b", 0.3)]  # a is missed
    lost = (Lost("a", "blur-1", "video", "no picture"),)
    table = make_table(videos, answers({"none": none, "blur-1": none[1:]}, lost))
    assert (table.rows[1].n_fake, table.rows[1].n_real, table.rows[1].failed) == (1, 1, 1)
    assert table.rows[1].drops["auroc"] == 0
    assert table.to_json()["failures"] == [
        {"video_id": "a", "transform": "blur-1", "kind": "video", "message": "no picture"}
    ]


def test_make_table__takes_the_decoded_duration_where_none_is_stated() -> None:
    table = make_table([fake("a", MIDDLE, duration_s=None)], answers({"none": [said("a", 0.9, span_s=(3.0, 4.0))]}))
    assert table.rows[0].values["time_distance"] == pytest.approx(0.5)


def test_make_table__of_one_class_has_no_auroc_and_is_still_json() -> None:
    table = make_table([fake("a", MIDDLE)], answers({"none": [said("a", 0.9)], "hflip": [said("a", 0.8)]}))
    data = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert data["transforms"][1]["values"]["auroc"] is None
    assert data["transforms"][1]["drops"]["auroc"] is None
    assert data["transforms"][1]["intervals"]["auroc"] is None
    assert data["transforms"][1]["values"]["fake_accuracy"] == 1.0


def test_make_table__takes_a_transform_without_any_answer() -> None:
    lost = (Lost("a", "h265-crf28", "config", "no encoder"),)
    table = make_table([fake("a", MIDDLE)], answers({"none": [said("a", 0.9)], "h265-crf28": []}, lost))
    assert (table.rows[1].n_fake, table.rows[1].failed) == (0, 1)


def test_make_table__refuses_foreign_answers() -> None:
    with pytest.raises(AnnotationError, match="not annotated with a label"):
        make_table([real("b")], answers({"none": [said("a", 0.9)]}))
    with pytest.raises(AnnotationError, match="untouched"):
        make_table([real("b")], answers({"hflip": [said("b", 0.9)]}))
    with pytest.raises(ConfigError, match="twirl"):
        make_table([real("b")], answers({"none": [said("b", 0.9)], "twirl": [said("b", 0.9)]}))
