import math

import numpy as np
import pytest

from dtr.errors import ConfigError, DetectorError
from dtr.metrics.bootstrap import bootstrap_by_video
from dtr.metrics.ranking import auroc


def test_bootstrap_by_video__has_the_width_of_theory():
    rows = np.random.default_rng(0).normal(3.0, 2.0, 400)
    low, high = bootstrap_by_video([[v] for v in rows], n=2000)
    half = 1.96 * rows.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((rows.mean() - half, rows.mean() + half), abs=0.03)


def test_bootstrap_by_video__rows_of_one_video_move_together():
    rng = np.random.default_rng(1)
    per_video = rng.normal(0, 1, 50)
    together = bootstrap_by_video([[v] * 20 for v in per_video])
    apart = bootstrap_by_video([[v] for v in np.repeat(per_video, 20)])
    assert together[1] - together[0] > 3 * (apart[1] - apart[0])


def test_bootstrap_by_video__covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(100):
        low, high = bootstrap_by_video([[v] for v in rng.normal(0, 1, 40)], n=200)
        hits += low <= 0 <= high
    assert 86 <= hits <= 100


def test_bootstrap_by_video__takes_any_statistic_and_leaves_undefined_resamples_out():
    rows = [[(0.9, 1)], [(0.2, 0)], [(0.3, 0)]]  # many resamples have one class only
    low, high = bootstrap_by_video(rows, lambda r: auroc(r[:, 0], r[:, 1]))
    assert (low, high) == (1.0, 1.0)
    one_class = bootstrap_by_video(rows[:1], lambda r: auroc(r[:, 0], r[:, 1]))
    assert all(math.isnan(v) for v in one_class)


def test_bootstrap_by_video__same_seed_same_interval_one_video_no_width():
    rows = [[0.1, 0.5], [], [0.9]]
    assert bootstrap_by_video(rows, seed=3) == bootstrap_by_video(rows, seed=3)
    assert bootstrap_by_video([[0.1, 0.5]]) == pytest.approx((0.3, 0.3))


def test_bootstrap__says_what_is_wrong():
    with pytest.raises(ConfigError, match="at least one row"):
        bootstrap_by_video([[], []])
    with pytest.raises(DetectorError, match="finite"):
        bootstrap_by_video([[0.1], [float("nan")]])
    with pytest.raises(ConfigError, match="wrap it"):
        bootstrap_by_video([0.1, 0.2])
    with pytest.raises(ConfigError, match="n of at least 1"):
        bootstrap_by_video([[0.1]], n=0)
