"""A stage offers regions that can be followed, off those that are taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dtr.traces.mechanism import Stage
from dtr.traces.scene import Scene
from tests.traces_scenes import disc_mask, flat_scene, moving_disc_scene, ramp_stage

SCENE = moving_disc_scene(16)


def test_anchor__is_where_the_trace_begins_to_be_seen() -> None:
    stage = ramp_stage(SCENE, quiet=4)
    assert stage.amount[stage.anchor] > 0.3 >= stage.amount[stage.anchor - 1]
    faint = replace(stage, amount=np.minimum(stage.amount, 0.2), first=4)
    assert faint.anchor == 4


def test_region__is_followed_over_the_trace_and_rides_on_what_moves() -> None:
    stage = replace(ramp_stage(SCENE, quiet=4), first=2, last=13)
    track = stage.region("moving", (0.05, 0.07))
    assert track is not None
    assert track.anchor == stage.anchor
    assert 2 <= track.first < track.last <= 13
    assert track.last - track.first >= 0.7 * 11
    disc = disc_mask(SCENE, 60.0 + 2 * track.anchor, 72.0, 22.0)
    assert (track.mask * disc).sum() / track.mask.sum() > 0.6
    way = track.centre_px(track.last) - track.centre_px(track.first)
    assert way[0] == pytest.approx(2 * (track.last - track.first), rel=0.25)


def test_region__keeps_off_taken_boxes_and_those_to_avoid() -> None:
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
    stage = replace(ramp_stage(SCENE), taken=(left,))
    track = stage.region()
    assert track is not None
    assert track.box(track.anchor)[0] > 0.45
    assert stage.region(avoid=(right,)) is None


def test_region__that_is_lost_before_most_of_the_trace_is_over_is_none() -> None:
    frames = SCENE.frames.copy()
    frames[8:] = 255 - frames[8:, ::-1, ::-1]
    scene = Scene(frames, SCENE.times_s, SCENE.duration_s)
    assert scene.cuts == (8,)
    assert ramp_stage(scene).region() is None
    assert replace(ramp_stage(scene), last=7).region() is not None


@pytest.mark.parametrize("scene", [flat_scene(4), moving_disc_scene(3), moving_disc_scene(8, 32, 32, radius=6.0)])
def test_region__of_even_short_and_tiny_shots_is_one_or_none(scene: Scene) -> None:
    track = ramp_stage(scene, quiet=0).region()
    assert track is None or track.last < scene.num_frames


def test_region__repeats_for_the_same_seed() -> None:
    first, second = (ramp_stage(SCENE, seed=5).region() for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_array_equal(first.moves, second.moves)


def test_seconds__count_from_the_first_frame_of_the_trace() -> None:
    stage = Stage(SCENE, 3, 9, np.ones(16), 1.0, np.random.default_rng(0))
    assert stage.seconds(3) == 0
    assert stage.seconds(9) == pytest.approx(0.5)
