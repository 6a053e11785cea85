"""The paper's protocol by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import join
from dtr.evaluation.paper import PAPER_METRICS, explanation_rows, num_rows, paper_figures, unjudged
from dtr.floors import fit_floors
from dtr.predictions import Prediction

ONE = draw_weights(5, n=20)


def values(videos: list[VideoAnnotation], answers: dict[str, Prediction], **options: object) -> dict[str, float | None]:
    found = paper_figures(join(videos, answers), ONE, **options)  # type: ignore[arg-type]
    return {name: compared.model.value for name, compared in found.items()}


def test_paper_figures__count_rows(videos, answers) -> None:
    found = values(videos, answers)
    # Rows: f1 twice (right), f2 (wrong), f3 once (missing), r1 (right), r2 (wrong).
    assert found["accuracy"] == pytest.approx(100 * 3 / 6)
    assert found["fake_accuracy"] == pytest.approx(100 * 2 / 4)
    assert found["real_accuracy"] == pytest.approx(50.0)
    # Rows with a box: IoU 1 and 0 of f1, 0 of f2, which was called REAL.
    assert found["bbox_iou"] == pytest.approx(100 / 3)
    assert found["bbox_distance"] == pytest.approx(100 * (0 + 0.5 / np.sqrt(2) + 1) / 3)
    assert found["time_distance"] == pytest.approx(100 * (0 + 0.25 + 1) / 3)
    assert found["explanation"] is None
    assert found["overall"] is None


def test_paper_figures__per_video_changes_accuracy_only(videos, answers) -> None:
    rows, found = values(videos, answers), values(videos, answers, per_video=True)
    assert found["accuracy"] == pytest.approx(40.0)
    assert found["fake_accuracy"] == pytest.approx(100 / 3)
    assert {k: found[k] for k in ("bbox_iou", "bbox_distance", "time_distance")} == {
        k: rows[k] for k in ("bbox_iou", "bbox_distance", "time_distance")
    }


def test_paper_figures__judged_explanations_complete_overall(videos, answers) -> None:
    judged = {"f1": [0.5, None], "f2": [None]}
    found = values(videos, answers, judged=judged)
    # f1's first row is judged 0.5; f2 was called REAL, which is 0 without a judge.
    assert found["explanation"] == pytest.approx(25.0)
    parts = (found["accuracy"], found["explanation"], found["bbox_iou"], 100 - found["time_distance"])
    assert found["overall"] == pytest.approx(sum(parts) / 4)
    assert found["overall_without_accuracy"] == pytest.approx(sum(parts[1:]) / 3)


def test_paper_figures__an_unjudged_sentence_leaves_explanation_open(videos, answers) -> None:
    found = paper_figures(join(videos, answers), ONE, judged={"f1": [None, None]})
    assert found["explanation"].model.value is None
    assert "no judge's score" in found["overall"].model.reason
    assert unjudged(join(videos, answers), {}) == 1
    assert explanation_rows(join(videos, answers), {"f1": [1.0]}) is not None


@pytest.mark.parametrize("label", ["fake", "real"])
def test_paper_figures__one_class_only(videos, answers, label: str) -> None:
    chosen = [v for v in videos if v.label == label]
    found = paper_figures(join(chosen, answers), draw_weights(len(chosen), 5))
    missing = "real_accuracy" if label == "fake" else "fake_accuracy"
    assert found[missing].model.value is None
    assert found[missing].model.reason
    assert (found["bbox_iou"].model.value is None) == (label == "real")


def test_paper_figures__without_answers_everything_is_worst(videos) -> None:
    found = values(videos, {})
    assert [found[name] for name in PAPER_METRICS] == [0.0, 0.0, 0.0, None, 0.0, 100.0, 100.0, None]


def test_paper_figures__intervals_hold_the_value(videos, answers) -> None:
    found = paper_figures(join(videos, answers), draw_weights(5, n=500))
    for compared in found.values():
        if compared.model.value is not None:
            low, high = compared.model.interval
            assert low <= compared.model.value <= high


def test_paper_figures__floors_say_fake_to_everything(videos, answers, train) -> None:
    found = paper_figures(
        join(videos, answers),
        ONE,
        floors=fit_floors(train),
        labels={"mine": np.array([True, True, True, False, False])},
    )
    assert found["accuracy"].floors == {"always_fake": pytest.approx(100 * 4 / 6), "mine": pytest.approx(100.0)}
    assert found["accuracy"].best == "mine"
    assert found["accuracy"].gain.value == pytest.approx(-50.0)
    assert found["bbox_iou"].floors["full_frame"] == pytest.approx(100 * (0.5 + 0.5 + 1) / 3)
    assert found["time_distance"].floors["start_0"] == pytest.approx(100 * (0.25 + 0.5 + 0) / 3)
    # A floor for Overall is known although the model's is not judged.
    overall = {name.partition("+")[0]: value for name, value in found["overall"].floors.items()}
    best_iou, best_time = found["bbox_iou"].floor, found["time_distance"].floor
    assert overall["always_fake"] == pytest.approx((100 * 4 / 6 + 0 + best_iou + 100 - best_time) / 4)
    # Labels that are all right keep every box and onset: the stronger floor.
    assert overall["mine"] == pytest.approx((100 + 0 + best_iou + 100 - best_time) / 4)
    assert found["overall"].best.startswith("mine+")


def test_paper_figures__a_floor_that_says_real_answers_no_place_or_time(videos, answers, train) -> None:
    real = {"real": np.zeros(5, dtype=bool)}
    found = paper_figures(join(videos, answers), ONE, floors=fit_floors(train), labels=real)
    overall = {name.partition("+")[0]: value for name, value in found["overall"].floors.items()}
    # Both real videos are right (2 of 6 rows); IoU 0 and time distance 100.
    assert overall["real"] == pytest.approx(100 * (2 / 6) / 4)


def test_num_rows__a_video_without_rows_fills_one(videos) -> None:
    assert [num_rows(item) for item in join(videos, {})] == [2, 1, 1, 1, 1]
