from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.boxes import centre_distance
from dtr.calibration import PlattCalibration
from dtr.collect import run_heads
from dtr.final_table import final_table
from tests.handmade import (
    BACKBONE,
    EchoLabel,
    HandmadeHead,
    OneBox,
    OneCategory,
    batch_of,
    fake,
    info_of,
    real,
    unseen,
)

BOX = (0.0, 0.0, 0.5, 0.5)
FIT = (
    fake(TraceAnnotation(span_s=(0.0, 1.0), box=(0.5, 0.5, 1.0, 1.0)), name="x", duration_s=2.0, width=64, height=48),
    real("y", duration_s=2.0, width=48, height=64),
)
TEST = (
    fake(TraceAnnotation(span_s=(0.0, 1.0), box=BOX), name="a", duration_s=2.0, width=64, height=48),
    fake(TraceAnnotation(span_s=(0.5, 1.0), box=(0.0, 0.0, 0.5, 1.0)), name="b", duration_s=2.0, width=64, height=48),
    real("c", duration_s=2.0, width=48, height=64),
    real("d", duration_s=2.0, width=64, height=48),
)


@dataclass
class Data:
    """What the table needs of a datamodule."""

    parts: dict[str, tuple[VideoAnnotation, ...]]
    facts: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def table_of(
    heads: dict[str, HandmadeHead],
    test: tuple[VideoAnnotation, ...] = TEST,
    values: tuple[float, ...] = (2.0, -1.0, -2.0, 1.0),
    *,
    fit: tuple[VideoAnnotation, ...] = FIT,
    canonical: bool = False,
    **info: Any,
) -> dict[str, Any]:
    results = list(run_heads(heads, [batch_of(*test, values=values[: len(test)])], BACKBONE))
    data: Any = Data({"fit": fit, "test": test})
    found = final_table(info_of(heads, **info), results, data, canonical=canonical)
    return json.loads(json.dumps(found, allow_nan=False))  # it travels in detector.json


def test_label__figures_by_hand_beside_metadata_and_majority() -> None:
    metrics = table_of({"is": EchoLabel()}, canonical=True)["metrics"]
    auroc = metrics["video_auroc"]
    assert (auroc["value"], auroc["n"], auroc["floor"]) == (0.75, 4, 0.5)
    assert auroc["gain"] == pytest.approx(auroc["value"] - auroc["floor"])
    assert auroc["interval"][0] <= 0.75 <= auroc["interval"][1]
    accuracy = metrics["video_accuracy"]
    assert accuracy["value"] == 0.5
    assert accuracy["gain"] == pytest.approx(accuracy["value"] - accuracy["floor"])
    assert metrics["false_alarm_rate"]["value"] == 0.5


def test_label__threshold_and_calibration_are_the_detectors() -> None:
    higher = table_of({"is": EchoLabel()}, thresholds={"label": 0.8})["metrics"]
    assert (higher["video_accuracy"]["value"], higher["false_alarm_rate"]["value"]) == (0.75, 0.0)  # sigmoid(1) = 0.73
    platt = PlattCalibration(1.0, -1.5, 10, 5, 0.5).to_json()
    moved = table_of({"is": EchoLabel()}, calibration={"label": platt})["metrics"]
    assert (moved["video_accuracy"]["value"], moved["false_alarm_rate"]["value"]) == (0.75, 0.0)
    assert moved["video_auroc"]["value"] == 0.75


def test_label__a_figure_that_is_not_defined_is_none() -> None:
    metrics = table_of({"is": EchoLabel()}, TEST[:2], canonical=True)["metrics"]
    assert (metrics["video_auroc"]["value"], metrics["video_auroc"]["interval"]) == (None, None)
    assert metrics["video_auroc"].get("gain") is None
    assert metrics["false_alarm_rate"]["value"] is None
    assert metrics["video_accuracy"]["value"] == 0.5


def test_metadata__what_it_saw_is_said() -> None:
    found = table_of({"is": EchoLabel()})
    assert found["notes"][0] == "- metadata-only floor: trees on width, height, aspect, duration_s"
    one_class = table_of({"is": EchoLabel()}, fit=FIT[:1])
    assert one_class["metrics"]["video_auroc"]["floor_name"] == "always_fake"
    assert "no metadata-only floor" in one_class["notes"][0]


def test_box__every_row_against_the_best_candidate_beside_the_best_floor() -> None:
    metrics = table_of({"is": EchoLabel(), "where": OneBox(BOX)}, (*TEST, unseen("e")), (2.0, -1.0, -2.0, 1.0, 5.0))[
        "metrics"
    ]
    iou = metrics["box_iou"]
    assert (iou["value"], iou["n"]) == (pytest.approx((1 + 0.5) / 2), 2)
    assert (iou["floor"], iou["floor_name"]) == (pytest.approx((0.25 + 0.5) / 2), "full_frame")
    assert iou["gain"] == pytest.approx(0.75 - 0.375)
    assert iou["gain_interval"][0] <= iou["gain"] <= iou["gain_interval"][1]
    distance = metrics["box_distance"]
    assert distance["value"] == pytest.approx(np.mean([0.0, centre_distance(BOX, (0, 0, 0.5, 1.0))]))
    assert distance["gain"] == pytest.approx(distance["floor"] - distance["value"])  # smaller is better
    assert not {"onset_error_s", "tiou"} & set(metrics)  # no head answers "when"


def test_box__a_moving_trace_counts_by_the_box_around_its_way() -> None:
    moving = TraceAnnotation(span_s=(0.0, 1.0), boxes=((0.0, (0.0, 0.0, 0.25, 0.5)), (1.0, (0.25, 0.0, 0.5, 0.5))))
    test = (replace(TEST[0], traces=(moving,)), *TEST[2:])
    iou = table_of({"is": EchoLabel(), "where": OneBox(BOX)}, test, (2.0, -2.0, 1.0))["metrics"]["box_iou"]
    assert (iou["value"], iou["n"]) == (pytest.approx(1.0), 1)


def test_box__training_data_without_boxes_leaves_constants_that_need_none() -> None:
    blind = tuple(replace(v, traces=()) for v in FIT)
    found = table_of({"is": EchoLabel(), "where": OneBox(BOX)}, fit=blind)
    assert found["metrics"]["box_iou"]["value"] == pytest.approx(0.75)
    assert found["metrics"]["box_iou"]["floor_name"] == "full_frame"
    assert any("no training rows" in note for note in found["notes"])


def test_box__a_video_without_stated_duration_is_measured_by_its_clip() -> None:
    timeless = tuple(replace(v, duration_s=None) for v in TEST)
    assert table_of({"is": EchoLabel(), "where": OneBox(BOX)}, timeless)["metrics"]["box_iou"]["n"] == 2


def test_category__calibrated_scores_of_tagged_rows_beside_a_constant() -> None:
    def tagged(name: str, category: int) -> VideoAnnotation:
        return fake(TraceAnnotation(categories=frozenset({CATEGORIES[category]})), name=name, duration_s=2.0)

    test = (tagged("a", 0), tagged("b", 1), real("c"), unseen("d"))
    heads: dict[str, HandmadeHead] = {"is": EchoLabel(), "what": OneCategory(0)}
    metrics = table_of(heads, test)["metrics"]
    assert metrics["category_map"]["value"] == metrics["category_map"]["floor"] == 0.5
    assert (metrics["category_map"]["gain"], metrics["category_map"]["n"]) == (0.0, 2)
    assert metrics["category_micro_f1"]["value"] == pytest.approx(0.5)
    never = PlattCalibration(0.01, -3.0, 18, 2, 0.1, "category").to_json()
    assert table_of(heads, test, calibration={"category": never})["metrics"]["category_micro_f1"]["value"] == 0.0


def test_category__a_test_split_without_tags_has_no_such_rows() -> None:
    metrics = table_of({"is": EchoLabel(), "what": OneCategory(0)})["metrics"]
    assert not [name for name in metrics if name.startswith("category")]


def test_worst_cases__of_files_as_they_are_only() -> None:
    worst = table_of({"is": EchoLabel()})["worst"]
    assert [(t["label"], t["by"]) for t in worst] == [("fake", "generator"), ("real", "source")]
    assert [(r["n"], r["called_fake"]) for t in worst for r in t["rows"]] == [(2, 1), (2, 1)]
    assert "worst" not in table_of({"is": EchoLabel()}, canonical=True)
