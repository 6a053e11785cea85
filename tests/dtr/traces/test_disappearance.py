"""Object Disappearance: the disc goes, the background stays, nothing else changes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dtr.boxes import box_iou
from dtr.traces import disappearance
from dtr.traces.measure import measure
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import change, disc_centre, flat_scene, moving_disc_scene, painted, ramp_stage, texture

BEGINS = [m.begin for m in disappearance.MECHANISMS]
START, STEP, RADIUS = (40.0, 48.0), (2.0, 0.0), 12.0
DISC = moving_disc_scene(14, 96, 128, start=START, step=STEP, radius=RADIUS, back=(40, 60))


@cache
def strokes_of(begin: contract.Begin, severity: float = 1.0, quiet: int = 3) -> dict[int, Stroke]:
    """Those of the first seed whose region is the disc and not a piece of the background."""
    tried = (painted(ramp_stage(DISC, severity, seed=seed, quiet=quiet), begin) for seed in range(12))
    return next(strokes for strokes in tried if strokes and change(DISC, 9, strokes[9]).max() > 50)


def frames_after(strokes: dict[int, Stroke]) -> np.ndarray:
    return contract.with_strokes(DISC, strokes)


def bright(rgb: np.ndarray) -> int:
    """Pixels of the disc that are left."""
    return int((rgb.min(axis=-1) > 130).sum())


@pytest.fixture
def disc() -> Scene:
    return DISC


class TestContract(contract.MechanismContract):
    begins = BEGINS
    first = 0.55  # at a third of the amount, where the ramp of this short scene begins, half of the small disc is gone


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in disappearance.MECHANISMS} == {"Object Disappearance"}
    assert [m.name for m in disappearance.MECHANISMS if m.held_out] == ["shrink_away"]


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__removes_the_disc_bit_by_bit(begin: contract.Begin) -> None:
    after = frames_after(strokes_of(begin))
    left = [bright(after[i]) / bright(DISC.frames[i]) for i in range(DISC.num_frames)]
    assert left[1] == 1
    assert left[-1] < 0.12
    assert max(np.diff(left)) < 0.1  # it does not come back


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__shows_what_is_behind(begin: contract.Begin) -> None:
    after = frames_after(strokes_of(begin))[-1]
    behind = texture(DISC.height, DISC.width, 0, 40, 60)
    x, y = disc_centre(DISC.num_frames - 1, start=START, step=STEP)
    rows, cols = np.mgrid[: DISC.height, : DISC.width]
    inside = np.hypot(cols - x, rows - y) < RADIUS - 2
    assert np.abs(after[inside] - behind[inside]).mean() < 15  # the disc is 150 away


@pytest.mark.parametrize("begin", BEGINS)
def test_measure__boxes_lie_on_the_disc(begin: contract.Begin) -> None:
    seen = measure(DISC, DISC.frames, list(strokes_of(begin).items()))
    assert seen is not None
    for index in (seen.first + 4, seen.last - 1):
        x, y = disc_centre(index, start=START, step=STEP)
        size = np.array([DISC.width, DISC.height] * 2)
        true = np.array([[x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]]) / size
        assert box_iou(seen.boxes[index - seen.first][None], true)[0, 0] > 0.55


def test_begin__leaves_a_plain_background_alone() -> None:
    assert all(begin(ramp_stage(flat_scene(5, 48, 64))) is None for begin in BEGINS)
