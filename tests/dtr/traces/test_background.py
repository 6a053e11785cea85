"""What is behind the disc, and how much has to be painted over."""

from __future__ import annotations

import numpy as np

from dtr.traces.background import Plate, camera_px
from dtr.traces.scene import Scene
from dtr.traces.track import follow
from tests.traces_scenes import disc_mask, moving_disc_scene, texture

RADIUS = 12.0
SCENE = moving_disc_scene(12, 96, 128, start=(30.0, 48.0), step=(4.0, 0.0), radius=RADIUS)
BEHIND = texture(96, 128, 0, 20, 110)


def plate_of(scene: Scene) -> Plate:
    track = follow(scene, 5, disc_mask(scene, 50.0, 48.0, RADIUS), 0, 11)
    assert track is not None
    return Plate(scene, track)


def test_plate__shows_what_other_frames_uncovered() -> None:
    behind = plate_of(SCENE).at(5, (40, 38, 60, 58))
    assert np.abs(behind - BEHIND[38:58, 40:60]).mean() < 8


def test_plate__agrees_with_the_light_around_the_region() -> None:
    frames = SCENE.frames.copy()
    frames[8] = np.minimum(255, frames[8].astype(int) + 30)
    brighter = Scene(frames, SCENE.times_s, SCENE.duration_s)
    x = 30 + 8 * 4
    behind = plate_of(brighter).at(8, (x - 8, 40, x + 8, 56))
    assert np.abs(behind - (BEHIND[40:56, x - 8 : x + 8] + 30)).mean() < 14


def test_cover__takes_in_what_sticks_out_in_the_colours_of_the_thing() -> None:
    frames = SCENE.frames.copy()
    x = 30 + 8 * 4
    frames[8, 44:52, x + 8 : x + 18] = frames[8, 44:52, x - 5 : x + 5]  # an arm that was not there before
    patch = plate_of(Scene(frames, SCENE.times_s, SCENE.duration_s)).cover(8)
    usual = plate_of(SCENE).cover(8)
    assert patch is not None
    assert usual is not None
    arm = (slice(45 - patch.roi[1], 51 - patch.roi[1]), slice(x + 14 - patch.roi[0], x + 17 - patch.roi[0]))
    assert patch.mask[arm].mean() > usual.mask[arm].mean() + 0.3
    rows, cols = np.mgrid[: patch.mask.shape[0], : patch.mask.shape[1]]
    disc = np.hypot(rows + patch.roi[1] - 48, cols + patch.roi[0] - x)
    assert patch.mask[disc < RADIUS - 1].min() > 0.8


def test_camera_px__is_still_where_the_camera_is() -> None:
    assert np.abs(camera_px(SCENE, 2, 9) - np.eye(3)).max() < 0.4
