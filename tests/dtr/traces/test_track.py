"""A followed region: where it is, when it ends, and that mask, box and picture lie on each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dtr.traces.paint import carry, move_by, turn_about
from dtr.traces.scene import Scene
from dtr.traces.track import Patch, Track, follow, follow_camera
from tests.traces_scenes import disc_mask, flat_scene, moving_disc_scene

RADIUS = 22.0
SCENE = moving_disc_scene(20, step=(3.0, 1.0), start=(40.0, 50.0))


def disc_at(index: int) -> tuple[float, float]:
    return 40.0 + 3.0 * index, 50.0 + index


def on_frame(patch: Patch | None, scene: Scene) -> np.ndarray:
    full = np.zeros((scene.height, scene.width), np.float32)
    if patch is not None:
        x0, y0, x1, y1 = patch.roi
        full[y0:y1, x0:x1] = patch.mask
    return full


def followed(scene: Scene = SCENE, anchor: int = 8, radius: float = RADIUS) -> Track:
    track = follow(scene, anchor, disc_mask(scene, *disc_at(anchor), radius), 0, scene.num_frames - 1)
    assert track is not None
    return track


def square_track(scale: float = 2.0) -> Track:
    """Rows 10 … 30 and columns 20 … 50 (the last left out) of a 60 × 80 anchor frame; it moves by (3, −1) a frame."""
    mask = np.zeros((60, 80), np.float32)
    mask[10:30, 20:50] = 1
    moves = np.stack([move_by(3.0 * k, -1.0 * k) for k in range(4)])
    return Track(2, 5, 2, mask, moves, (round(80 * scale), round(60 * scale)), (scale, scale))


def test_follow__stays_on_the_disc_both_ways() -> None:
    track = followed()
    assert (track.first, track.last) == (0, 19)
    for index in (0, 4, 13, 19):
        x, y = disc_at(index)
        rows, cols = np.mgrid[:144, :192]
        truth = np.hypot(cols - x, rows - y) <= RADIUS
        mask = on_frame(track.patch(index), SCENE) > 0.5
        assert (mask & truth).sum() / (mask | truth).sum() > 0.85
        edges = np.array([x - RADIUS, y - RADIUS, x + RADIUS + 1, y + RADIUS + 1])
        np.testing.assert_allclose(np.array(track.box(index)) * [192, 144, 192, 144], edges, atol=4)


def test_follow__keeps_to_the_frames_that_are_of_interest() -> None:
    track = follow(SCENE, 8, disc_mask(SCENE, *disc_at(8), RADIUS), 6, 11)
    assert track is not None
    assert (track.first, track.last) == (6, 11)
    np.testing.assert_array_equal(track.move(8), np.eye(3))
    np.testing.assert_array_equal(track.move(99), track.move(11))


def test_follow__ends_at_a_cut_on_both_sides() -> None:
    frames = SCENE.frames.copy()
    frames[:5] = 255 - frames[:5, ::-1, ::-1]
    frames[12:] = 255 - frames[12:, ::-1, ::-1]
    scene = Scene(frames, SCENE.times_s, SCENE.duration_s)
    assert scene.cuts == (5, 12)
    track = followed(scene)
    assert (track.first, track.last) == (5, 11)


def test_follow__ends_when_the_thing_leaves() -> None:
    scene = moving_disc_scene(16, start=(100.0, 72.0), step=(9.0, 0.0))
    track = follow(scene, 0, disc_mask(scene, 100.0, 72.0, RADIUS), 0, 15)
    assert track is not None
    out = (192 - 100) / 9  # the centre reaches the side
    assert out - 4 < track.last < out + 2


def test_follow__goes_through_a_flash() -> None:
    frames = SCENE.frames.copy()
    frames[10] = np.clip(frames[10] * 1.4 + 50.0, 0, 255)
    track = followed(Scene(frames, SCENE.times_s, SCENE.duration_s))
    assert track.last == 19
    np.testing.assert_allclose(track.centre_px(19), disc_at(19), atol=2.5)


def test_follow__an_empty_mask_gives_nothing_and_a_still_one_stays() -> None:
    scene = flat_scene(5)
    assert follow(scene, 2, np.zeros((96, 128), np.float32), 0, 4) is None
    mask = np.zeros((96, 128), np.float32)
    mask[30:60, 40:80] = 1
    track = follow(scene, 2, mask, 0, 4)
    assert track is not None
    np.testing.assert_allclose(track.moves, np.stack([np.eye(3)] * 5), atol=1e-6)


def test_follow_camera__ignores_the_thing() -> None:
    track = follow_camera(SCENE, 8, disc_mask(SCENE, *disc_at(8), RADIUS), 3, 12)
    assert (track.first, track.last) == (3, 12)
    np.testing.assert_allclose(track.centre_px(12), disc_at(8), atol=1.5)


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("index", [2, 4])
def test_patch_and_box__lie_on_the_mask_to_half_a_pixel(scale: float, index: int) -> None:
    track = square_track(scale)
    dx, dy = 3 * (index - 2), -(index - 2)
    left, top, right, bottom = edges = scale * np.array([20 + dx, 10 + dy, 50 + dx, 30 + dy])
    np.testing.assert_allclose(np.array(track.box(index)) * np.array([*track.size] * 2), edges, atol=1e-9)
    patch = track.patch(index)
    assert patch is not None
    x0, y0, x1, y1 = patch.roi
    weight = patch.mask.sum()
    assert weight == pytest.approx((right - left) * (bottom - top), rel=0.02)
    centre = np.array([(patch.mask.sum(0) * np.arange(x0, x1)).sum(), (patch.mask.sum(1) * np.arange(y0, y1)).sum()])
    np.testing.assert_allclose(centre / weight + 0.5, [(left + right) / 2, (top + bottom) / 2], atol=0.1)
    np.testing.assert_allclose(centre / weight, track.centre_px(index), atol=0.5)


def test_box__of_a_turned_square_holds_all_its_corners() -> None:
    track = replace(square_track(), moves=np.stack([turn_about(np.array([34.5, 19.5]), np.pi / 4)] * 4))
    found = np.array(track.box(3)) * [160, 120, 160, 120]
    half = (29 + 19) / 2 / np.sqrt(2) + 0.5
    np.testing.assert_allclose(found, 2 * np.array([35 - half, 20 - half, 35 + half, 20 + half]), atol=0.1)


def test_box__is_clipped_to_the_frame() -> None:
    track = square_track()
    assert replace(track, moves=track.moves @ move_by(40, 0)).box(2) == pytest.approx((60 / 80, 10 / 60, 1, 0.5))


def test_move_px__carries_full_pixels_from_frame_to_frame() -> None:
    track = square_track(2.0)
    np.testing.assert_allclose(track.move_px(3, 5), move_by(12.0, -4.0), atol=1e-9)
    np.testing.assert_allclose(track.move_px(4, 4), np.eye(3), atol=1e-9)
    turned = replace(
        track, moves=np.stack([turn_about(np.array([30.0, 20.0]), 0.3 * k, 1 + 0.1 * k) for k in range(4)])
    )
    there = turned.move_px(2, 5) @ np.array([*turned.centre_px(2), 1.0])
    np.testing.assert_allclose(there[:2], turned.centre_px(5), atol=1e-9)


def test_carried__lies_on_the_patch() -> None:
    track = square_track(2.0)
    patch = track.patch(4)
    assert patch is not None
    np.testing.assert_allclose(track.carried(track.mask, 4, patch.roi), patch.mask, atol=1e-6)


def test_patch__moves_as_a_picture_moved_by_the_same_way_does() -> None:
    track = square_track(2.0)
    picture = (on_frame(track.patch(2), flat_scene(1, 120, 160)) * 255).astype(np.uint8)[..., None].repeat(3, axis=-1)
    then = move_by(7.0, 5.0)
    moved = on_frame(track.patch(2, then=then), flat_scene(1, 120, 160))
    np.testing.assert_allclose(carry(picture, then, (0, 0, 160, 120))[..., 0] / 255, moved, atol=0.02)


def test_patch__grows_about_its_centre_and_ends_at_the_frame() -> None:
    track = square_track(2.0)
    small, large = track.patch(2), track.patch(2, grow=1.5)
    assert small is not None
    assert large is not None
    assert large.mask.sum() == pytest.approx(2.25 * small.mask.sum(), rel=0.03)
    cut = track.patch(2, then=move_by(-60, -30))
    assert cut is not None
    assert cut.roi[:2] == (0, 0)
    assert track.patch(2, then=move_by(500, 0)) is None
    assert track.side_px == pytest.approx(np.sqrt(60 * 40))


def test_padded__keeps_the_mask_where_it_is_and_stays_inside() -> None:
    track = square_track(2.0)
    patch = track.patch(2)
    assert patch is not None
    wide = patch.padded(25, track.size)
    assert wide.roi == (13, 0, 127, 87)
    scene = flat_scene(1, 120, 160)
    np.testing.assert_array_equal(on_frame(wide, scene), on_frame(patch, scene))
    frame = scene.frames[0].copy()
    wide.of(frame)[:] = 0
    assert frame[86, 126].max() == 0
    assert frame[87, 127].min() == 128


def test_part__keeps_the_motion() -> None:
    track = square_track()
    half = track.mask.copy()
    half[:, 35:] = 0
    assert track.part(half).box(4) == pytest.approx((26 / 80, 8 / 60, 41 / 80, 28 / 60))
