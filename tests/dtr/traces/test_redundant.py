"""Redundant Object: there is more of the disc, or of the bar, than before."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.traces import redundant
from dtr.traces.measure import measure
from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import change, moving_disc_scene, painted, ramp_stage, texture

START, STEP, RADIUS = (60.0, 72.0), (1.5, 0.0), 20.0


def bar_scene(num_frames: int = 16, height: int = 144, width: int = 192) -> Scene:
    """A bright bar, longer than wide, that glides over a dark background: it has an end that can be doubled."""
    back, face = texture(height, width, 3, 20, 110), texture(height, width, 4, 150, 250)
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for index in range(num_frames):
        shape = np.zeros((height, width), np.float32)
        cv2.rectangle(shape, (40 + 2 * index, 62), (104 + 2 * index, 80), 1.0, -1)
        glide = np.array([[1, 0, 2.0 * index], [0, 1, 0]])
        moved = cv2.warpAffine(face, glide, (width, height), borderMode=cv2.BORDER_WRAP)
        frames[index] = back + (moved - back) * cv2.GaussianBlur(shape, (0, 0), 0.7)[..., None]
    return Scene(frames, np.arange(num_frames) / 8, num_frames / 8)


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


@pytest.fixture(scope="module")
def bar() -> Scene:
    return bar_scene()


DONOR = moving_disc_scene(16, 120, 160, start=(70.0, 60.0), step=(1.0, 0.0), radius=24, seed=9)


def visitor(stage: Stage) -> Brush | None:
    return redundant.visitor(replace(stage, donor=DONOR))


BEGINS = [redundant.twin_copy, redundant.extra_part, visitor]


def bright(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What has the colours of the thing, not of the background."""
    return cv2.blur(frame, (3, 3)).min(axis=-1) > 135


def after(scene: Scene, index: int, stroke: Stroke) -> NDArray[np.uint8]:
    frame = scene.frames[index].copy()
    frame[stroke.roi[1] : stroke.roi[3], stroke.roi[0] : stroke.roi[2]] = stroke.pixels
    return frame


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in redundant.MECHANISMS} == {"Redundant Object"}
    assert [m.name for m in redundant.MECHANISMS if m.held_out] == ["visitor"]


class TestContract(contract.MechanismContract):
    begins = BEGINS
    scene = "bar"
    first = 0.5


def test_twin_copy__shows_the_disc_twice_and_boxes_the_second(disc: Scene) -> None:
    found = []
    for seed in range(4):  # what a region is, is drawn by chance: in most draws it is the disc
        strokes = painted(ramp_stage(disc, seed=seed), redundant.twin_copy)
        seen = measure(disc, disc.frames, list(strokes.items()))
        shown = bright(after(disc, 18, strokes[18])) if 18 in strokes else bright(disc.frames[18])
        if seen is None or not 1.4 < shown.sum() / bright(disc.frames[18]).sum() < 2.2:
            continue
        new = shown & ~bright(disc.frames[18])
        x0, y0, x1, y1 = seen.boxes[18 - seen.first] * [192, 144, 192, 144]
        found.append(new[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].sum() / new.sum())
        assert (x1 - x0) * (y1 - y0) < 3 * np.pi * RADIUS**2
    assert len(found) >= 2
    assert min(found) > 0.85


def test_extra_part__hangs_on_the_bar(bar: Scene) -> None:
    stroke = painted(ramp_stage(bar), redundant.extra_part)[12]
    new = bright(after(bar, 12, stroke)) & ~bright(bar.frames[12])
    near = cv2.dilate(bright(bar.frames[12]).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert new.sum() > 100
    assert (new & near).any()


def test_visitor__needs_another_clip(disc: Scene) -> None:
    assert redundant.visitor(ramp_stage(disc)) is None


def test_visitor__finds_nothing_to_bring_on_grey(disc: Scene) -> None:
    grey = Scene(np.full_like(DONOR.frames, 128), DONOR.times_s, DONOR.duration_s)
    assert redundant.visitor(replace(ramp_stage(disc), donor=grey)) is None


def test_visitor__stands_still_where_the_camera_does() -> None:
    scene = moving_disc_scene(16, start=(30.0, 40.0), step=(0.0, 0.0), radius=14)
    still = moving_disc_scene(16, 120, 160, start=(80.0, 60.0), step=(0.0, 0.0), radius=24, seed=9)
    tries = (painted(replace(ramp_stage(scene, seed=s), donor=still), redundant.visitor) for s in range(6))
    strokes = next(found for found in tries if found)
    places = np.array([strokes[i].roi for i in range(9, 16)])
    assert np.ptp(places, axis=0).max() <= 1
    assert max(change(scene, 14, strokes[14])[strokes[14].support > 0.9]) > 40
