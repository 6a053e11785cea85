"""Object Merging: two discs side by side become one."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces import merging
from dtr.traces.measure import measure
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import change, painted, ramp_stage, texture

LEFT, RIGHT, ROW = 62.0, 118.0, 72.0
RADII = 24.0, 17.0
STEP = 1.0
BEGINS = [m.begin for m in merging.MECHANISMS]


@pytest.fixture(scope="module")
def pair() -> Scene:
    """Two bright discs of unlike colour, 15 pixels apart, that glide to the right together."""
    back = texture(144, 192, 0, 20, 100)
    faces = texture(144, 192, 1, 150, 250), texture(144, 192, 2, 120, 230) * np.float32([1, 0.4, 0.3])
    rows, cols = np.mgrid[:144, :192].astype(np.float32)
    frames = np.empty((20, 144, 192, 3), np.uint8)
    for index in range(20):
        picture = back.copy()
        for face, x, radius in zip(faces, (LEFT, RIGHT), RADII, strict=True):
            inside = np.clip(radius - np.hypot(cols - x - STEP * index, rows - ROW) + 0.5, 0, 1)[..., None]
            picture += inside * (np.roll(face, round(STEP * index), axis=1) - picture)
        frames[index] = picture
    return Scene(frames, np.arange(20) / 10, 2.0)


def painted_on(scene: Scene, begin: contract.Begin, index: int, seed: int = 0) -> np.ndarray:
    stroke = painted(ramp_stage(scene, seed=seed), begin).get(index)
    frame = scene.frames[index].astype(np.float32)
    if stroke is not None:
        frame[stroke.roi[1] : stroke.roi[3], stroke.roi[0] : stroke.roi[2]] = stroke.pixels
    return frame


def seed_that_takes_both(scene: Scene, begin: contract.Begin) -> int:
    """A seed whose trace reaches over both discs: what a region is, is drawn by chance."""
    for seed in range(12):
        seen = measure(scene, scene.frames, list(painted(ramp_stage(scene, seed=seed), begin).items()))
        if seen is not None:
            x0, _, x1, _ = seen.boxes[-1] * 192
            if x0 < LEFT + 15 + STEP * 19 and x1 > RIGHT - 9 + STEP * 19:
                return seed
    raise AssertionError("no seed takes both discs")


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in merging.MECHANISMS} == {"Object Merging"}
    assert [m.name for m in merging.MECHANISMS if m.held_out] == ["bleed"]


class TestContract(contract.MechanismContract):
    begins = BEGINS
    scene = "pair"
    factor = 1.15  # the discs' grain differs after any shift
    first = 0.5


def test_fuse__closes_the_gap(pair: Scene) -> None:
    index = 18
    middle = round((LEFT + RADII[0] + RIGHT - RADII[1]) / 2 + STEP * index)
    gap = slice(round(ROW) - 5, round(ROW) + 5), slice(middle - 3, middle + 3)
    fused = painted_on(pair, merging.fuse, index, seed_that_takes_both(pair, merging.fuse))
    assert pair.frames[index][gap][..., 0].mean() < 100
    assert fused[gap][..., 0].mean() > 140


def test_absorb__the_smaller_one_leaves_its_place(pair: Scene) -> None:
    index = 18
    place = slice(round(ROW) - 6, round(ROW) + 6), slice(round(RIGHT + STEP * index), round(RIGHT + STEP * index + 10))
    assert pair.frames[index][place][..., 0].mean() > 150
    left = [painted_on(pair, merging.absorb, index, seed)[place][..., 0].mean() for seed in range(5)]
    assert min(left) < 110


def test_bleed__changes_only_what_is_near_the_border(pair: Scene) -> None:
    stroke = painted(ramp_stage(pair, 0.5, seed=1), merging.bleed)[18]
    changed = change(pair, 18, stroke)
    x0, y0, x1, y1 = stroke.roi
    assert changed.max() > 40
    assert (changed > 12).mean() < 0.6
    assert max(changed[0].max(), changed[-1].max()) <= 2 or y0 == 0 or y1 == pair.height
    assert max(changed[:, 0].max(), changed[:, -1].max()) <= 2 or x0 == 0 or x1 == pair.width
