"""Sudden Blurring: the disc loses its detail, smears, or gets other detail; what is around it stays."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.boxes import box_iou
from dtr.traces import blurring
from dtr.traces.measure import measure
from dtr.traces.paint import grain_of
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import change, disc_centre, moving_disc_scene

BEGINS = [m.begin for m in blurring.MECHANISMS]
START, STEP, RADIUS = (60.0, 72.0), (2.0, 0.0), 20.0


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in blurring.MECHANISMS} == {"Sudden Blurring"}
    assert [m.name for m in blurring.MECHANISMS if m.held_out] == ["detail_swap"]


class TestContract(contract.MechanismContract):
    begins = BEGINS


def core(rgb: np.ndarray, index: int) -> np.ndarray:
    """A square inside the disc."""
    x, y = disc_centre(index, start=START, step=STEP)
    half = int(RADIUS * 0.6)
    return np.ascontiguousarray(rgb[int(y) - half : int(y) + half, int(x) - half : int(x) + half])


def test_defocus__takes_the_detail_away(disc: Scene) -> None:
    last = disc.num_frames - 1
    after = contract.traced(blurring.defocus, disc)[last]
    assert grain_of(core(after, last)) < 0.6 * grain_of(core(disc.frames[last], last))


def test_detail_swap__keeps_as_much_detail_but_another(disc: Scene) -> None:
    last = disc.num_frames - 1
    before, after = (core(frames[last], last) for frames in (disc.frames, contract.traced(blurring.detail_swap, disc)))
    assert 0.35 < grain_of(after) / grain_of(before) < 2
    fine = [np.diff(v.mean(axis=2), axis=1).ravel() for v in (before, after)]
    assert np.corrcoef(fine[0], fine[1])[0, 1] < 0.5


def test_ghosting__doubles_lie_where_the_disc_came_from() -> None:
    scene = moving_disc_scene(start=(40.0, 72.0), step=(4.0, 0.0), radius=RADIUS, fps=24.0)
    last = scene.num_frames - 1
    x, y = disc_centre(last, start=(40.0, 72.0), step=(4.0, 0.0))
    both = contract.traced(blurring.ghosting, scene)[last], scene.frames[last]
    after, before = (frame[int(y) - 8 : int(y) + 8] for frame in both)
    behind, ahead = (
        np.abs(after[:, part].astype(float) - before[:, part]).mean()
        for part in (slice(int(x - RADIUS) - 8, int(x - RADIUS) - 1), slice(int(x + RADIUS) + 2, int(x + RADIUS) + 9))
    )
    assert behind > 8
    assert behind > 2 * ahead


@pytest.mark.parametrize("begin", BEGINS)
def test_measure__boxes_lie_on_the_disc(disc: Scene, begin: contract.Begin) -> None:
    seen = measure(disc, disc.frames, list(contract.strokes_of(begin, disc, 0.5).items()))
    assert seen is not None
    x, y = disc_centre(seen.last - 1, start=START, step=STEP)
    true = np.array([[x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]]) / ([disc.width, disc.height] * 2)
    assert box_iou(seen.boxes[-2][None], true)[0, 0] > 0.5


def test_brush__leaves_what_is_far_from_the_disc(disc: Scene) -> None:
    for index, stroke in contract.strokes_of(blurring.defocus, disc).items():
        rows, cols = np.mgrid[stroke.roi[1] : stroke.roi[3], stroke.roi[0] : stroke.roi[2]]
        x, y = disc_centre(index, start=START, step=STEP)
        assert change(disc, index, stroke)[np.hypot(cols - x, rows - y) > 2 * RADIUS].max(initial=0) <= 3
