from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dtr.baselines.trajectory import (
    RESTRAV_WIDTH,
    FreshSteps,
    fresh_steps,
    mean_changes,
    mean_tokens,
    pooled_path,
    restrav_features,
    second_order_spread,
    step_lengths_and_angles,
    token_path,
)
from dtr.features import ClipFeatures


def clip(times_s: list[float], fresh: list[bool], *, width: int = 3, seed: int = 0) -> ClipFeatures:
    """A clip of two tokens a step with random features."""
    n = len(times_s)
    tokens = np.random.default_rng(seed).normal(size=(n, 2, width)).astype(np.float32)
    mask = np.repeat(np.array(fresh)[:, None], 2, axis=1)
    ends = [*times_s[1:], times_s[-1] + 0.1]
    step_s = np.array(list(zip(times_s, ends, strict=True)), np.float32)
    return ClipFeatures(tokens, mask, np.zeros((n, 2, 4), np.float32), step_s, "toy@0")


def test_fresh_steps__masked_steps_are_no_points_and_lengthen_the_interval() -> None:
    found = fresh_steps(clip([0.0, 0.2, 0.4, 0.6], [True, True, False, True]))
    assert found.times_s.tolist() == pytest.approx([0.0, 0.2, 0.6])
    assert found.tokens.shape == (3, 2, 3)


def test_fresh_steps__what_a_masked_step_holds_changes_nothing() -> None:
    one, other = (clip([0.0, 0.2, 0.4, 0.6, 0.8], [True, True, False, True, True]) for _ in range(2))
    other.tokens[2] = 1e4
    spreads = [second_order_spread(pooled_path(s), s.times_s) for s in (fresh_steps(one), fresh_steps(other))]
    assert spreads[0] == spreads[1]
    np.testing.assert_array_equal(mean_tokens(fresh_steps(one)), mean_tokens(fresh_steps(other)))
    np.testing.assert_array_equal(mean_changes(fresh_steps(one)), mean_changes(fresh_steps(other)))


def test_fresh_steps__a_step_at_the_same_time_is_left_out() -> None:
    assert fresh_steps(clip([0.0, 0.2, 0.2, 0.4], [True] * 4)).times_s.tolist() == pytest.approx([0.0, 0.2, 0.4])


def test_second_order_spread__equals_its_definition_written_out() -> None:
    points = np.random.default_rng(0).normal(size=(7, 5))
    speeds = [float(np.sqrt(((points[i + 1] - points[i]) ** 2).sum())) / 0.5 for i in range(6)]
    changes = [(b - a) / 0.5 for a, b in pairwise(speeds)]
    mean = sum(changes) / len(changes)
    expected = (sum((c - mean) ** 2 for c in changes) / (len(changes) - 1)) ** 0.5
    assert second_order_spread(points, np.arange(7) * 0.5) == pytest.approx(expected)


def test_second_order_spread__even_motion_at_uneven_times_has_none() -> None:
    times_s = np.array([0.0, 0.125, 0.25, 0.5, 0.75, 0.875])
    assert second_order_spread(times_s[:, None] * np.array([[3.0, 4.0]]), times_s) == pytest.approx(0.0, abs=1e-9)
    assert second_order_spread(times_s[:, None] * np.array([[3.0, 4.0]]), np.arange(6.0)) > 0.1


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_second_order_spread__is_unknown_for_few_steps(steps: int) -> None:
    assert np.isnan(second_order_spread(np.ones((steps, 2)), np.arange(steps, dtype=float)))


def test_angles__straight_is_0_back_is_180_and_standing_still_is_unknown() -> None:
    points = np.array([[0.0], [1.0], [2.0], [1.0], [1.0]])
    lengths, angles = step_lengths_and_angles(points, np.array([0.0, 1.0, 1.5, 2.5, 3.5]))
    assert lengths.tolist() == [1.0, 2.0, 1.0, 0.0]
    np.testing.assert_allclose(angles, [0.0, 180.0, np.nan])


def test_restrav_features__have_their_order_and_know_what_they_lack() -> None:
    points, at = np.random.default_rng(1).normal(size=(12, 4)), np.arange(12.0)
    lengths, angles = step_lengths_and_angles(points, at)
    found = restrav_features(points, at)
    np.testing.assert_allclose(found[:7], lengths[:7])
    np.testing.assert_allclose(found[7:13], angles[:6])
    np.testing.assert_allclose(found[13:17], [lengths.mean(), lengths.min(), lengths.max(), lengths.var()])
    np.testing.assert_allclose(found[17:], [angles.mean(), angles.min(), angles.max(), angles.var()])
    short = restrav_features(points[:3], at[:3])
    assert np.isnan(short).sum() == (7 - 2) + (6 - 1)
    assert np.isnan(restrav_features(points[:2], at[:2])).all()
    assert len(found) == len(short) == RESTRAV_WIDTH == 21


def test_a_clip_without_any_token__is_unknown_throughout() -> None:
    steps = fresh_steps(clip([0.0, 0.2], [False, False]))
    assert np.isnan(mean_tokens(steps)).all()
    assert np.isnan(mean_changes(steps)).all()
    assert np.isnan(restrav_features(token_path(steps), steps.times_s)).all()


def test_mean_changes__counts_motion_that_the_pooled_path_does_not_see() -> None:
    tokens = np.array([[[1.0], [0.0]], [[0.0], [1.0]]])  # something moved from one place to the other
    steps = FreshSteps(tokens, np.ones((2, 2), np.bool_), np.array([0.0, 0.5]))
    assert np.ptp(pooled_path(steps)) == 0
    assert mean_changes(steps).tolist() == [2.0]
