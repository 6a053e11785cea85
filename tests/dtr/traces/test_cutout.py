"""Things cut out and laid down: along their edges, as sharp as before, inside the frame."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.background import Plate
from dtr.traces.cutout import (
    Canvas,
    as_there,
    cut,
    gone,
    held,
    lift,
    matte,
    with_detail,
)
from dtr.traces.paint import grain_of, move_by
from dtr.traces.scene import Scene
from dtr.traces.track import Track, follow
from tests.traces_scenes import disc_centre, disc_mask, moving_disc_scene, ramp_stage

START, STEP, RADIUS = (60.0, 72.0), (2.0, 0.0), 22.0


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


@pytest.fixture(scope="module")
def track(disc: Scene) -> Track:
    found = follow(disc, 4, disc_mask(disc, *disc_centre(4, start=START, step=STEP), RADIUS), 0, 23)
    assert found is not None
    return found


def test_matte__ends_at_the_edge_of_the_picture() -> None:
    picture = np.full((40, 60, 3), 40, np.uint8)
    picture[:, 30:] = 220
    rough = np.clip((np.arange(60) - 24) / 10, 0, 1).astype(np.float32) * np.ones((40, 1), np.float32)
    alpha = matte(picture, rough, 4)
    assert alpha[:, 26:29].max() < 0.3
    assert alpha[:, 32:].min() > 0.7


def test_cut__is_the_disc(disc: Scene, track: Track) -> None:
    layer = cut(disc.frames[10], track, 10)
    assert layer is not None
    x, y = disc_centre(10, start=START, step=STEP)
    rows, cols = np.mgrid[layer.roi[1] : layer.roi[3], layer.roi[0] : layer.roi[2]]
    inside = np.hypot(cols - x, rows - y) < RADIUS
    overlap = (inside & (layer.mask > 0.5)).sum() / (inside | (layer.mask > 0.5)).sum()
    assert overlap > 0.85


def test_lift__keeps_the_detail_of_what_it_moves(disc: Scene, track: Track) -> None:
    moved = lift(disc.frames[6], track, 6, move_by(30.5, 10.5))
    own = cut(disc.frames[6], track, 6)
    assert moved is not None
    assert own is not None
    assert grain_of(moved.pixels) == pytest.approx(grain_of(own.pixels), rel=0.25)


def test_lift__is_nothing_outside_the_frame(disc: Scene, track: Track) -> None:
    assert lift(disc.frames[6], track, 6, move_by(4000, 0)) is None


def test_lift__onto_a_smaller_frame_stays_inside_of_it(disc: Scene, track: Track) -> None:
    layer = lift(disc.frames[6], track, 6, move_by(-40, -40), onto=(48, 40))
    assert layer is not None
    assert layer.roi[2] <= 48
    assert layer.roi[3] <= 40


def test_with_detail__changes_the_grain_by_its_gain() -> None:
    noise = np.random.default_rng(0).normal(128, 12, (64, 64, 3)).astype(np.uint8)
    assert grain_of(with_detail(noise, 1.4)) > 1.2 * grain_of(noise)
    assert grain_of(with_detail(noise, 0.7)) < 0.85 * grain_of(noise)


def test_canvas__support_is_where_layers_lie_however_faint() -> None:
    frame = np.full((20, 30, 3), 100, np.uint8)
    canvas = Canvas(frame, (5, 5, 15, 15), None)
    assert canvas.stroke() is None
    canvas.put((5, 5, 15, 15), np.full((10, 10, 3), 200, np.uint8), np.ones((10, 10), np.float32), 0.1)
    stroke = canvas.stroke()
    assert stroke is not None
    assert stroke.support.min() == 1
    assert stroke.pixels.max() == 110
    assert frame.max() == 100


def test_gone__shows_the_background_where_the_disc_was(disc: Scene, track: Track) -> None:
    layer = gone(disc.frames[4], Plate(disc, track), 4, 1.0)
    assert layer is not None
    assert layer.pixels[layer.mask > 0.9].mean() < 120 < disc.frames[4][60:84, 58:76].mean()


def test_held__fades_where_the_track_ends(disc: Scene, track: Track) -> None:
    stage = ramp_stage(disc)
    short = Track(track.first, 15, track.anchor, track.mask, track.moves[: 16 - track.first], track.size, track.scale)
    amount = held(stage, short)
    assert (amount[16:] == 0).all()
    assert (np.abs(np.diff(amount)) < 0.5).all()
    assert amount[:11] == pytest.approx(stage.amount[:11])


def test_as_there__leaves_a_move_of_the_anchor_frame_as_it_is(track: Track) -> None:
    assert as_there(track, track.anchor, move_by(3, 4)) == pytest.approx(move_by(3, 4))
