"""What a scene says of its motion: the camera's, a thing's own, and cuts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.traces.scene import Scene
from tests.traces_scenes import disc_mask, flat_scene, moving_disc_scene, texture


def filmed(move: NDArray[np.floating], num_frames: int = 5, seed: int = 3) -> Scene:
    """A camera over a still textured plane; `move` (3, 3) px carries what is seen from a frame to the next one."""
    height, width, margin = 144, 192, 120
    plane = cv2.resize(texture(96, 108, seed, 0, 255), (width + 2 * margin, height + 2 * margin))
    frames = []
    total = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1.0]])
    for _ in range(num_frames):
        frames.append(cv2.warpAffine(plane, total[:2], (width, height)).round().astype(np.uint8))
        total = move @ total
    return Scene(np.stack(frames), np.arange(num_frames) / 12, num_frames / 12)


def zoom(factor: float, centre: tuple[float, float]) -> NDArray[np.float64]:
    shift = [(1 - factor) * c for c in centre]
    return np.array([[factor, 0, shift[0]], [0, factor, shift[1]], [0, 0, 1.0]])


PAN = np.array([[1, 0, -3.0], [0, 1, 1.5], [0, 0, 1.0]])
CORNERS = np.array([[10.0, 10, 1], [180, 10, 1], [10, 130, 1], [180, 130, 1]])


@pytest.mark.parametrize("move", [PAN, zoom(1.03, (96, 72)), zoom(0.98, (60, 100)), np.eye(3)])
def test_camera__is_the_known_pan_or_zoom(move: NDArray[np.floating]) -> None:
    found = filmed(move).camera(1)
    assert np.abs((CORNERS @ (found - move).T)[:, :2]).max() < 0.35


def test_camera_between__adds_up_and_goes_both_ways() -> None:
    scene = filmed(PAN)
    assert np.abs((CORNERS @ (scene.camera_between(0, 4) - np.linalg.matrix_power(PAN, 4)).T)[:, :2]).max() < 0.8
    np.testing.assert_allclose(scene.camera_between(4, 0) @ scene.camera_between(0, 4), np.eye(3), atol=1e-9)
    np.testing.assert_array_equal(scene.camera_between(2, 2), np.eye(3))


def test_camera__is_the_backgrounds_where_a_disc_moves() -> None:
    scene = moving_disc_scene(4, step=(4.0, 0.0), radius=28.0)
    assert np.abs((CORNERS @ (scene.camera(1) - np.eye(3)).T)[:, :2]).max() < 0.35


@pytest.mark.parametrize("enlarged", [1, 2])
def test_own_motion__is_the_discs_in_small_pixels(enlarged: int) -> None:
    size = {"height": 144 * enlarged, "width": 192 * enlarged, "radius": 30.0 * enlarged}
    start = (70.0 * enlarged, 72.0 * enlarged)
    scene = moving_disc_scene(4, start=start, step=(3.0 * enlarged, 0.0), **size)
    assert scene.to_full == (enlarged, enlarged)
    speed = scene.own_motion(1)
    x = start[0] + 3.0 * enlarged
    assert np.median(speed[disc_mask(scene, x, start[1], 22.0 * enlarged) > 0.5]) == pytest.approx(3.0, rel=0.15)
    assert np.median(speed[disc_mask(scene, x, start[1], 45.0 * enlarged) < 0.5]) < 0.3


def test_flow__backwards_undoes_forwards() -> None:
    scene = filmed(PAN)
    middle = np.s_[40:100, 40:150]
    np.testing.assert_allclose(np.median(scene.flow(1)[middle], axis=(0, 1)), [-3.0, 1.5], atol=0.25)
    np.testing.assert_allclose(np.median(scene.flow(2, -1)[middle], axis=(0, 1)), [3.0, -1.5], atol=0.25)


def joined(first: Scene, second: Scene) -> Scene:
    frames = np.concatenate([first.frames, second.frames])
    return Scene(frames, np.arange(len(frames)) / 12, len(frames) / 12)


def test_cuts__are_found_where_they_are() -> None:
    parts = [filmed(PAN, 4, seed) for seed in (0, 50)]
    assert joined(*parts).cuts == (4,)
    assert joined(parts[0], flat_scene(3, 144, 192)).cuts == (4,)
    assert joined(joined(*parts), parts[0]).cuts == (4, 8)


@pytest.mark.parametrize("speed", [6.0, 18.0])
def test_cuts__a_fast_pan_is_none(speed: float) -> None:
    assert filmed(np.array([[1, 0, -speed], [0, 1, 0], [0, 0, 1.0]])).cuts == ()


@pytest.mark.parametrize(("gain", "lift"), [(1.5, 60.0), (0.3, 0.0), (0.6, 100.0)])
def test_cuts__a_flash_or_a_lamp_that_goes_out_is_none(gain: float, lift: float) -> None:
    frames = filmed(PAN, num_frames=5).frames.copy()
    frames[2:4] = np.clip(frames[2:4] * gain + lift, 0, 255)
    assert np.abs(frames[2].astype(int) - frames[1]).mean() > 35
    assert Scene(frames, np.arange(5) / 12, 5 / 12).cuts == ()


@pytest.mark.parametrize("size", [(32, 32), (1, 40), (300, 20)])
def test_scene__one_frame_of_any_size_has_no_motion(size: tuple[int, int]) -> None:
    scene = flat_scene(1, *size)
    assert scene.cuts == ()
    assert scene.small.shape == (1, scene.small_height, scene.small_width, 3)
    assert not scene.own_motion(0).any()


def test_scene__even_frames_have_no_motion() -> None:
    scene = flat_scene(3)
    np.testing.assert_array_equal(scene.camera_between(0, 2), np.eye(3))
    assert scene.cuts == ()
