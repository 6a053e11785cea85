"""Values, intervals and gains from weights of videos."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.errors import ConfigError
from dtr.evaluation.compared import compare
from dtr.evaluation.counted import Counted, undefined
from dtr.evaluation.figures import draw_weights, figure, interval, mean_statistic, ratio_statistic
from dtr.metrics.bootstrap import bootstrap_by_video


def test_draw_weights__draws_whole_videos_with_replacement() -> None:
    weights = draw_weights(7, n=50, seed=3)
    assert weights.shape == (51, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert (weights[0] == 1).all()
    assert (draw_weights(7, n=50, seed=3) == weights).all()
    assert (draw_weights(7, n=50, seed=4) != weights).any()
    with pytest.raises(ConfigError, match="at least one video"):
        draw_weights(0)


def test_figure__agrees_with_drawing_videos_one_by_one() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.uniform(size=int(n)) for n in rng.integers(1, 4, size=60)]
    found = figure(mean_statistic(rows), draw_weights(60, n=4000), sum(map(len, rows)), "rows")
    assert found.value == pytest.approx(np.concatenate(rows).mean())
    low, high = bootstrap_by_video(rows, n=4000)
    assert found.interval == pytest.approx((low, high), abs=0.006)


def test_figure__rows_of_one_video_are_not_independent() -> None:
    rng = np.random.default_rng(1)
    videos = [np.full(10, v) for v in rng.uniform(size=20)]
    alone = [np.array([v]) for rows in videos for v in rows]
    together = figure(mean_statistic(videos), draw_weights(20), 200).interval
    apart = figure(mean_statistic(alone), draw_weights(200), 200).interval
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_figure__what_is_not_defined_says_why() -> None:
    assert figure(mean_statistic([np.zeros(0)]), draw_weights(1), 0, "rows", "no row").reason == "no row"
    assert undefined(3, "videos", "one class").figure(draw_weights(3)).value is None
    assert interval(np.array([np.nan, np.nan])) is None


def test_ratio_statistic__a_resample_without_anything_is_nan() -> None:
    found = ratio_statistic(np.array([1.0, 0.0]), np.array([1.0, 0.0]))(np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found[0] == 1.0
    assert np.isnan(found[1])


def test_compare__pairing_takes_the_difficulty_of_videos_away() -> None:
    rng = np.random.default_rng(3)
    floor = rng.uniform(0, 1, 60)
    ours = floor + 0.05 + rng.normal(0, 0.01, 60)
    model, constant = (mean_statistic([np.array([v]) for v in values]) for values in (ours, floor))
    weights = draw_weights(60)
    found = compare(Counted(model, 60), {"constant": constant}, weights)
    assert 0.04 < found.gain.interval[0] < found.gain.value < found.gain.interval[1] < 0.06
    assert found.model.interval[1] - found.model.interval[0] > 0.1
    worse = compare(Counted(model, 60), {"constant": constant}, weights, lower=True)
    assert worse.gain.value == pytest.approx(-found.gain.value)


def test_compare__takes_the_best_floor_and_leaves_out_undefined_ones() -> None:
    def constant(value: float) -> Counted:
        return Counted(lambda w: np.full(len(w), value), 1)

    floors = {name: constant(v).statistic for name, v in (("a", 0.2), ("b", 0.4), ("c", np.nan))}
    higher = compare(constant(0.5), floors, draw_weights(1, 5))
    lower = compare(constant(0.5), floors, draw_weights(1, 5), lower=True)
    assert (higher.best, lower.best) == ("b", "a")
    assert set(higher.floors) == {"a", "b"}
    assert (higher.gain.value, lower.gain.value) == (pytest.approx(0.1), pytest.approx(-0.3))
    none = compare(constant(0.5), {}, draw_weights(1, 5))
    assert (none.best, none.gain, none.floor) == (None, None, None)
