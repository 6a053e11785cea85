"""Background Distortion: what is behind the disc bends, the disc does not."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces import background_distortion
from dtr.traces.measure import measure
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import change, disc_centre, moving_disc_scene

BEGINS = [m.begin for m in background_distortion.MECHANISMS]
START, STEP, RADIUS = (60.0, 72.0), (2.0, 0.0), 20.0


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in background_distortion.MECHANISMS} == {"Background Distortion"}
    assert [m.name for m in background_distortion.MECHANISMS if m.held_out] == ["shear"]


class TestContract(contract.MechanismContract):
    begins = BEGINS


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__leaves_what_moves_before_the_background(disc: Scene, begin: contract.Begin) -> None:
    inside, outside = [], []
    for index, stroke in contract.strokes_of(begin, disc).items():
        rows, cols = np.mgrid[stroke.roi[1] : stroke.roi[3], stroke.roi[0] : stroke.roi[2]]
        x, y = disc_centre(index, start=START, step=STEP)
        changed = change(disc, index, stroke)
        inside.append(changed[np.hypot(cols - x, rows - y) < 0.7 * RADIUS].max(initial=0))
        outside.append(changed.max())
    assert np.median(inside) < 0.1 * np.median(outside)


@pytest.mark.parametrize("begin", BEGINS)
def test_measure__boxes_are_large_parts(disc: Scene, begin: contract.Begin) -> None:
    seen = measure(disc, disc.frames, list(contract.strokes_of(begin, disc).items()))
    assert seen is not None
    sides = seen.boxes[:, 2:] - seen.boxes[:, :2]
    assert 0.06 < np.median(sides.prod(axis=1)) <= 1


def test_swim__changes_faster_than_bend(disc: Scene) -> None:
    def unrest(begin: contract.Begin) -> float:
        changed = contract.traced(begin, disc)[12:].astype(np.float32) - disc.frames[12:]
        return float(np.abs(np.diff(changed, axis=0)).mean() / np.abs(changed).mean())

    assert unrest(background_distortion.swim) > 1.5 * unrest(background_distortion.bend)
