"""A thing shown elsewhere, and the way that it goes against the camera."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.paint import move_by
from dtr.traces.relocate import moved, travel_px, way_px
from dtr.traces.track import Track, follow
from tests.traces_scenes import change, disc_mask, moving_disc_scene, ramp_stage

SCENE = moving_disc_scene(12, 96, 128, start=(30.0, 48.0), step=(3.0, 0.0), radius=12.0)


def followed() -> Track:
    track = follow(SCENE, 4, disc_mask(SCENE, 30 + 4 * 3.0, 48.0, 12.0), 0, 11)
    assert track is not None
    return track


def test_travel_px__is_the_way_of_the_disc() -> None:
    travel = travel_px(SCENE, followed())
    assert travel.shape == (12, 2)
    assert travel[-1] == pytest.approx([33.0, 0.0], abs=2.0)


def test_way_px__is_the_farthest_corner() -> None:
    assert way_px(followed(), 4, np.eye(3), move_by(3, 4)) == pytest.approx(5.0)
    assert way_px(followed(), 4, move_by(-3, -4), move_by(3, 4)) == pytest.approx(0.0)


def test_moved__shows_the_thing_there_and_the_background_here() -> None:
    stage = ramp_stage(SCENE, quiet=1)
    stroke = moved(stage, followed(), lambda index: move_by(0, 28))(8, SCENE.frames[8])
    assert stroke is not None
    frame = SCENE.frames[8].copy()
    x0, y0, x1, y1 = stroke.roi
    frame[y0:y1, x0:x1] = stroke.pixels
    x, y = 30 + 8 * 3, 48
    assert frame[y - 6 : y + 7, x - 6 : x + 7].mean() < 110
    assert frame[y + 22 : y + 35, x - 6 : x + 7].mean() > 150
    assert change(SCENE, 8, stroke)[stroke.support <= 0].max() <= 2


def test_moved__shows_another_frame_of_the_thing() -> None:
    stage = ramp_stage(SCENE, quiet=1)
    stroke = moved(stage, followed(), lambda index: np.eye(3), lambda index: index - 6)(8, SCENE.frames[8])
    assert stroke is not None
    x0, y0, _, _ = stroke.roi
    x, y = 30 + 2 * 3 - x0, 48 - y0
    assert stroke.pixels[y - 6 : y + 7, x - 6 : x + 7].mean() > 150


def test_moved__does_nothing_where_the_thing_stays() -> None:
    brush = moved(ramp_stage(SCENE, quiet=1), followed(), lambda index: np.eye(3))
    assert brush(6, SCENE.frames[6]) is None
