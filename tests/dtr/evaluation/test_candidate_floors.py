"""Constants as candidates against the same constants written as an answer of a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dtr.evaluation.candidate_floors import MODEL_SCORE, candidate_floor_statistics
from dtr.evaluation.candidates import CANDIDATE_FIGURES, KEYS, called_fake, match_candidates, precision_statistics
from dtr.evaluation.items import Item
from dtr.evaluation.rows import Policy
from dtr.floors import ConstantSpan, Floors, fit_floors, score_floors
from dtr.predictions import PredictedTrace, Prediction
from tests.random_items import some_items


def answered(items: list[Item], floors: Floors, box: str, span: str, *, ranked: bool) -> list[Item]:
    """The constant as the one candidate of a detector with the same labels."""
    found = []
    for item in items:
        p = item.prediction or Prediction(item.video.video_id, None)
        score = (float(item.called_fake) if p.fake_score is None else p.fake_score) if ranked else 1.0
        span_s = floors.spans[span].answer_s(item.video.duration_s or 0.0)
        found.append(Item(item.video, replace(p, traces=(PredictedTrace(score, floors.boxes[box], span_s),))))
    return found


@pytest.mark.parametrize("policy", ["oracle", "own"])
@pytest.mark.parametrize("ranked", [False, True])
def test_candidate_floor_statistics__are_those_of_a_model_that_answers_the_constant(
    policy: Policy, ranked: bool
) -> None:
    items = some_items(1, 30)
    floors = fit_floors([item.video for item in some_items(2, 30)])
    statistics = candidate_floor_statistics(items, floors, policy)
    assert set(statistics) == set(CANDIDATE_FIGURES)
    assert len(statistics["map_both"]) == 2 * len(floors.boxes) * len(floors.spans)
    weights = np.random.default_rng(0).integers(0, 3, (5, 30)).astype(float)
    suffix = MODEL_SCORE if ranked else ""
    box, span = "train_best", "train_median"
    for kind, name in (("box", box), ("tiou", span), ("both", f"{box}+{span}")):
        outcomes = match_candidates(answered(items, floors, box, span, ranked=ranked), kind)  # type: ignore[arg-type]
        if policy == "own":
            outcomes = outcomes.of(called_fake(items))
        for figure, counted in precision_statistics(outcomes, kind).items():  # type: ignore[arg-type]
            ours = statistics[figure][name + suffix](weights)
            np.testing.assert_allclose(ours, counted.statistic(weights), err_msg=f"{figure} {name}")


def test_candidate_floor_statistics__agree_with_the_floors_of_training() -> None:
    items = some_items(4, 30, lacking=False)
    videos = [item.video for item in items]
    floors = fit_floors(videos)
    ones = np.ones((1, len(items)))
    statistics, slow = candidate_floor_statistics(items, floors), score_floors(floors, videos)
    for figure in ("map_iou_0.3", "map_iou_0.5", "map_tiou_0.3", "map_tiou_0.7"):
        for name, wanted in slow[figure].items():
            assert float(statistics[figure][name](ones)[0]) == pytest.approx(wanted), (figure, name)


def test_candidate_floor_statistics__a_video_of_unknown_length_has_no_span() -> None:
    floors = Floors("fake", {"all": (0.0, 0.0, 1.0, 1.0)}, {"all": ConstantSpan(0, 1, True)}, 1, 1, 1)
    items = [Item(replace(item.video, duration_s=None), item.prediction) for item in some_items(0, 20, lacking=False)]
    statistics, ones = candidate_floor_statistics(items, floors), np.ones((1, 20))
    assert float(statistics["map_tiou"]["all"](ones)[0]) == 0.0
    assert float(statistics["map_iou_0.1"]["all"](ones)[0]) > 0
    assert set(KEYS.values()) <= set(statistics)
