"""Regions: where they are looked for, what they keep off, and that there is one to be found."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.regions import Prefer, interest, largest_part, pick_region
from dtr.traces.scene import Scene
from tests.traces_scenes import disc_mask, flat_scene, moving_disc_scene

SCENE = moving_disc_scene(8)
KINDS: tuple[Prefer, ...] = ("moving", "salient", "static")
FRAME = 3
DISC = disc_mask(SCENE, 60.0 + 2 * FRAME, 72.0, 22.0)


def picks(scene: Scene, count: int = 12, **how: object) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    found = [pick_region(scene, min(FRAME, scene.num_frames - 1), rng, **how) for _ in range(count)]  # type: ignore[arg-type]
    return [mask for mask in found if mask is not None]


@pytest.mark.parametrize("prefer", KINDS)
def test_pick_region__gives_soft_masks_of_about_the_asked_area(prefer: Prefer) -> None:
    masks = picks(SCENE, prefer=prefer, area=(0.03, 0.1))
    assert len(masks) >= 9
    for mask in masks:
        assert mask.shape == (SCENE.small_height, SCENE.small_width)
        assert 0 <= mask.min() < 0.01 < 0.9 < mask.max() <= 1
        assert 0.4 * 0.03 <= mask.mean() <= 2 * 0.1
        assert np.abs(np.diff(mask, axis=1)).max() < 0.5


def test_pick_region__moving_finds_the_disc_and_static_leaves_it() -> None:
    on_disc = {kind: np.median([(m * DISC).sum() / m.sum() for m in picks(SCENE, prefer=kind)]) for kind in KINDS}
    assert on_disc["moving"] > 0.7
    assert on_disc["static"] < 0.3


def test_pick_region__follows_the_outline_of_a_thing() -> None:
    masks = picks(SCENE, 16, prefer="moving", area=(0.05, 0.07))
    overlap = [np.minimum(m, DISC).sum() / np.maximum(m, DISC).sum() for m in masks]
    assert max(overlap) > 0.85
    assert np.median(overlap) > 0.5


@pytest.mark.parametrize("prefer", KINDS)
def test_pick_region__keeps_off_boxes_that_are_taken(prefer: Prefer) -> None:
    x0, y0, x1, y1 = box = (0.2, 0.2, 0.6, 0.8)
    masks = picks(SCENE, prefer=prefer, avoid=(box,))
    assert masks
    inside = np.s_[int(y0 * 144) : int(np.ceil(y1 * 144)), int(x0 * 192) : int(np.ceil(x1 * 192))]
    assert max(mask[inside].max() for mask in masks) == 0
    assert picks(SCENE, prefer=prefer, avoid=((0.0, 0.0, 1.0, 1.0),)) == []


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize("prefer", KINDS)
def test_pick_region__keeps_off_letterbox_bars(prefer: Prefer, level: int) -> None:
    frames = SCENE.frames.copy()
    for bar in (np.s_[:, :20], np.s_[:, -20:], np.s_[:, :, -16:]):
        frames[bar] = np.random.default_rng(0).integers(0, level + 1, frames[bar].shape)
    masks = picks(Scene(frames, SCENE.times_s, SCENE.duration_s), prefer=prefer)
    assert masks
    for mask in masks:
        assert max(mask[:20].max(), mask[-20:].max(), mask[:, -16:].max()) < 0.05


def test_pick_region__near_confines_the_choice() -> None:
    near = np.zeros((144, 192), np.float32)
    near[:, 150:] = 1
    masks = picks(SCENE, area=(0.01, 0.03), near=near)
    assert masks
    for mask in masks:
        assert (mask * np.arange(192)).sum() / mask.sum() > 135


@pytest.mark.parametrize("scene", [flat_scene(4), flat_scene(1, 32, 32), moving_disc_scene(4, 32, 32, radius=6.0)])
def test_pick_region__finds_a_place_on_even_and_tiny_frames(scene: Scene) -> None:
    assert picks(scene, 6)


def test_pick_region__repeats_for_the_same_seed() -> None:
    for first, second in zip(picks(SCENE, 4), picks(SCENE, 4), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("prefer", KINDS)
def test_interest__is_a_share_and_is_kept(prefer: Prefer) -> None:
    found = interest(SCENE, FRAME, prefer)
    assert 0 <= found.min() < found.max() <= 1
    assert interest(SCENE, FRAME, prefer) is found
    assert not interest(flat_scene(3), 1, prefer).any()


def test_largest_part__drops_the_rest_and_fills_holes() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[2:12, 2:12] = 1
    mask[5:8, 5:8] = 0
    mask[15:18, 15:18] = 1
    expected = np.zeros_like(mask)
    expected[2:12, 2:12] = 1
    np.testing.assert_array_equal(largest_part(mask), expected)
    assert not largest_part(np.zeros((5, 5), np.uint8)).any()
