"""Object Splitting: the disc comes apart, and the background is seen between."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.traces import splitting
from dtr.traces.measure import measure
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import disc_centre, moving_disc_scene, painted, ramp_stage

START, STEP, RADIUS = (70.0, 72.0), (1.5, 0.0), 20.0
BEGINS = [m.begin for m in splitting.MECHANISMS]
LATE = 20


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


def bright(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What has the colours of the disc, not of the background."""
    return rgb.min(axis=-1) > 130


def shown(scene: Scene, begin: contract.Begin, index: int, seed: int = 0) -> NDArray[np.uint8]:
    frame = scene.frames[index].copy()
    stroke = painted(ramp_stage(scene, seed=seed), begin).get(index)
    if stroke is not None:
        frame[stroke.roi[1] : stroke.roi[3], stroke.roi[0] : stroke.roi[2]] = stroke.pixels
    return frame


@cache
def seed_on_the_disc(scene: Scene, begin: contract.Begin) -> int:
    """A seed whose region is the disc: what a region is, is drawn by chance."""
    x, y = disc_centre(LATE, start=START, step=STEP)
    for seed in range(8):
        seen = measure(scene, scene.frames, list(painted(ramp_stage(scene, seed=seed), begin).items()))
        if seen is not None and seen.last >= LATE:
            x0, y0, x1, y1 = seen.boxes[LATE - seen.first] * [192, 144, 192, 144]
            if x0 < x < x1 and y0 < y < y1 and bright(shown(scene, begin, LATE, seed)).sum() > 0.6 * np.pi * RADIUS**2:
                return seed
    raise AssertionError("no seed takes the disc")


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in splitting.MECHANISMS} == {"Object Splitting"}
    assert [m.name for m in splitting.MECHANISMS if m.held_out] == ["double_edge"]


class TestContract(contract.MechanismContract):
    begins = BEGINS
    factor = 1.15  # the disc's grain differs after any shift


def test_divide__opens_the_middle_and_keeps_both_halves(disc: Scene) -> None:
    frame = shown(disc, splitting.divide, LATE, seed_on_the_disc(disc, splitting.divide))
    x, y = (round(v) for v in disc_centre(LATE, start=START, step=STEP))
    middle = bright(frame)[y - 6 : y + 7, x - 6 : x + 7]
    assert middle.mean() < 0.6
    assert 0.6 < bright(frame).sum() / bright(disc.frames[LATE]).sum() < 1.4


def test_detach__a_piece_is_outside_and_the_body_stays(disc: Scene) -> None:
    before = bright(disc.frames[LATE])
    after = bright(shown(disc, splitting.detach, LATE, seed_on_the_disc(disc, splitting.detach)))
    assert (after & ~before).sum() > 0.05 * before.sum()
    assert (after & before).sum() > 0.35 * before.sum()
    assert (before & ~after).sum() > 0.05 * before.sum()


def test_double_edge__is_wider_in_the_end_and_see_through_before(disc: Scene) -> None:
    seed = seed_on_the_disc(disc, splitting.double_edge)
    end = bright(shown(disc, splitting.double_edge, LATE, seed))
    assert end.sum() > 1.15 * bright(disc.frames[LATE]).sum()
    stroke = painted(ramp_stage(disc, seed=seed), splitting.double_edge)[7]
    assert not bright(stroke.pixels)[stroke.support > 0.9].all()
