"""Place and time compared twice."""

from __future__ import annotations

import pytest

from dtr.evaluation.figures import draw_weights
from dtr.evaluation.grounding import GROUNDING_METRICS, grounding_figures
from dtr.evaluation.items import join
from dtr.floors import Floors, fit_floors


def test_grounding_figures__oracle_labels_count_what_own_labels_hide(videos, answers) -> None:
    found = grounding_figures(join(videos, answers), None, draw_weights(5, 10))
    assert set(found["own"]) == set(found["oracle"]) == set(GROUNDING_METRICS)
    assert found["own"]["box_iou"].model.value == pytest.approx(1 / 3)
    assert found["oracle"]["box_iou"].model.value == pytest.approx(2 / 3)
    assert found["oracle"]["tiou"].model.value == pytest.approx((1 + 0 + 1) / 3)
    assert found["oracle"]["recall_at_tiou_0.5"].model.value == pytest.approx(2 / 3)
    assert found["oracle"]["viou"].model.value == pytest.approx(2 / 3)
    assert found["oracle"]["onset_error_s"].model.value == pytest.approx((0 + 1 + 0) / 3)


def test_grounding_figures__a_floor_has_the_models_recall_under_own_labels(videos, answers, train) -> None:
    found = grounding_figures(join(videos, answers), fit_floors(train), draw_weights(5, 10))
    own, oracle = found["own"]["box_iou"], found["oracle"]["box_iou"]
    # Full frame: 0.5 and 0.5 on f1; 1 on f2, which the model called REAL.
    assert oracle.floors["full_frame"] == pytest.approx(2 / 3)
    assert own.floors["full_frame"] == pytest.approx(1 / 3)
    assert own.gain.value == pytest.approx(own.model.value - own.floor)
    time = found["own"]["time_distance"]
    assert time.floors["start_0"] == pytest.approx((0.25 + 0.5 + 1) / 3)
    assert time.gain.value == pytest.approx(time.floor - time.model.value)


def test_grounding_figures__every_constant_only_where_it_says_something(videos, answers, train) -> None:
    found = grounding_figures(join(videos, answers), fit_floors(train), draw_weights(5, 10))["oracle"]
    assert "whole_video" not in found["box_iou"].floors
    assert "full_frame" not in found["tiou"].floors
    assert "full_frame+whole_video" in found["viou"].floors


def test_grounding_figures__constants_without_training_rows(videos, answers) -> None:
    found = grounding_figures(join(videos, answers), Floors.unfitted(), draw_weights(5, 10))["oracle"]
    assert set(found["box_iou"].floors) == {"full_frame", "centre"}
    assert found["time_distance"].floors == {"start_0": pytest.approx((0.25 + 0.5 + 0) / 3)}


def test_grounding_figures__without_truth_there_is_a_reason(videos, answers) -> None:
    only_real = [v for v in videos if v.label == "real"]
    found = grounding_figures(join(only_real, answers), None, draw_weights(2, 10))["own"]
    assert {c.model.value for c in found.values()} == {None}
    assert found["box_iou"].model.reason == "no trace row has a box"
    assert found["viou"].model.reason == "no trace row has both a box and a time"
