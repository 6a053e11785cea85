from __future__ import annotations

from dataclasses import replace

import pytest

from dtr.evaluation.evaluation import Evaluation
from dtr.report import charts
from dtr.report.charts import cut_at


def test_gradient__says_floor_and_reference_of_every_bar(evaluation: Evaluation) -> None:
    chart = charts.gradient(evaluation)
    floor = evaluation.paper["bbox_iou"].floor
    value = evaluation.paper["bbox_iou"].model.value
    assert chart.picture is not None
    assert f"BBox IoU {value:.1f}, floor {floor:.1f}, published 32.6" in chart.picture.alt
    assert "Explanation not measured, floor 0.0" in chart.picture.alt
    assert "not judged" in chart.picture.__html__()


def test_gradient__turns_distances_round(evaluation: Evaluation) -> None:
    chart = charts.gradient(evaluation)
    distance = evaluation.paper["time_distance"].model.value
    assert distance is not None
    assert chart.picture is not None
    assert f"100 − Time distance {100 - distance:.1f}" in chart.picture.alt
    assert "published 78.1" in chart.picture.alt


def test_reliability__counts_every_scored_video(evaluation: Evaluation) -> None:
    chart = charts.reliability(evaluation)
    assert chart.picture is not None
    shown = [part.rpartition(" of ")[2] for part in chart.picture.alt.partition(": ")[2].split("; ")]
    assert sum(map(int, shown)) == 6
    assert str(evaluation.label["brier"].best) in chart.caption


def test_roc__marks_what_so_few_real_videos_cannot_measure(evaluation: Evaluation) -> None:
    whole, zoom = charts.roc(evaluation)
    assert "AUROC" in whole.caption
    assert str(evaluation.label["auroc"].best) in whole.caption
    assert "One of 2 real videos is 50 %" in zoom.caption
    assert zoom.picture is not None
    assert 'class="unknown"' in zoom.picture.__html__()


def test_risk_coverage__has_the_floor_beside_it(evaluation: Evaluation) -> None:
    chart = charts.risk_coverage(evaluation)
    floor = evaluation.label["accuracy"].floor
    assert floor is not None
    assert f"wrong in {100 - 100 * floor:.1f} %" in chart.caption
    assert [entry.cls for entry in chart.legend] == ["model", "floor"]


def test_overlaps__show_own_oracle_and_constant(evaluation: Evaluation) -> None:
    found = charts.overlaps(evaluation)
    assert len(found) == 3
    assert [e.cls for e in found[0].legend] == ["model", "oracle", "floor"]
    assert "own labels" in found[0].caption


def test_charts__without_scores_or_traces_say_why(labels_only: Evaluation) -> None:
    found = [*charts.roc(labels_only), charts.reliability(labels_only), charts.risk_coverage(labels_only)]
    assert all(c.picture is None and "no answer has a score" in c.caption for c in found)
    assert all(c.picture is None for c in charts.overlaps(labels_only))
    assert charts.gradient(labels_only).picture is not None


def test_charts__of_an_evaluation_without_curves_are_empty(evaluation: Evaluation) -> None:
    bare = replace(evaluation, curves={})
    assert charts.overlaps(bare) == []
    assert charts.roc(bare)[0].picture is None


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0.0, 0.0), (1.0, 1.0)], [(0.0, 0.0), (0.1, 0.1)]),
        ([(0.0, 0.4), (0.1, 0.6), (1.0, 1.0)], [(0.0, 0.4), (0.1, 0.6), (0.1, 0.6)]),
        ([(0.0, 1.0)], [(0.0, 1.0)]),
        ([], []),
    ],
)
def test_cut_at__ends_where_it_is_cut(points: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    assert cut_at(points, 0.1) == expected
