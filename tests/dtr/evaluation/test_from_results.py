from __future__ import annotations

import json

import numpy as np
import pytest

from dtr.annotation import TraceAnnotation
from dtr.calibration import PlattCalibration
from dtr.collect import run_heads
from dtr.errors import DetectorError
from dtr.evaluation.from_results import predictions_of, verdict_of
from tests.handmade import BACKBONE, EchoLabel, HandmadeHead, OneBox, batch_of, fake, info_of, real

BOX = (0.0, 0.0, 0.5, 0.5)
CLIPS = (fake(TraceAnnotation(span_s=(0.0, 1.0), box=BOX), name="a", duration_s=1.9, width=64, height=48), real("b"))
HEADS: dict[str, HandmadeHead] = {"is": EchoLabel(), "where": OneBox(BOX)}


def results_of(heads: dict[str, HandmadeHead], values: tuple[float, ...] = (2.0, -1.0)) -> list:
    return list(run_heads(heads, [batch_of(*CLIPS, values=values)], BACKBONE))


def test_predictions_of__label_score_and_place_are_the_runtimes() -> None:
    found = predictions_of(info_of(HEADS), results_of(HEADS))
    assert set(found) == {"a", "b"}
    assert (found["a"].label, found["b"].label) == ("fake", "real")
    assert found["a"].fake_score == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-6)
    assert found["a"].box == pytest.approx(BOX, abs=0.01)
    assert found["b"].box == pytest.approx(BOX, abs=0.01)  # a REAL label keeps its candidates
    assert found["a"].model_id == "hand@1"


def test_predictions_of__calibration_and_threshold_are_the_detectors() -> None:
    platt = PlattCalibration(1.0, -3.0, 10, 5, 0.5).to_json()
    moved = predictions_of(info_of(HEADS, calibration={"label": platt}), results_of(HEADS))
    assert moved["a"].label == "real"
    lower = predictions_of(info_of(HEADS, thresholds={"label": 0.2}), results_of(HEADS))
    assert (lower["a"].label, lower["b"].label) == ("fake", "fake")


def test_verdict_of__takes_size_and_duration_from_the_annotation() -> None:
    first, second = results_of(HEADS)
    verdict = verdict_of(info_of(HEADS), first, CLIPS[0])
    assert (verdict.duration_s, verdict.width, verdict.height, verdict.video) == (1.9, 64, 48, "a.mp4")
    unknown = verdict_of(info_of(HEADS), second)
    assert (unknown.duration_s, unknown.width) == (pytest.approx(2.0), 0)
    assert len(unknown.frame_scores) == len(unknown.frame_times_s) == 12
    json.dumps(verdict.to_json(), allow_nan=False)


def test_predictions_of__a_detector_without_a_label_head_is_refused() -> None:
    boxes: dict[str, HandmadeHead] = {"where": OneBox(BOX)}
    with pytest.raises(DetectorError, match="tells real from fake"):
        predictions_of(info_of(boxes), results_of(boxes))
