"""Object Trajectory: the disc leaves its path, lags behind it, or trembles; nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dtr.annotation import CATEGORIES
from dtr.traces import trajectory
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import moving_disc_scene, painted, ramp_stage

BEGINS = [m.begin for m in trajectory.MECHANISMS]
RADIUS = 12.0
DISC = moving_disc_scene(16, 96, 128, start=(40.0, 48.0), radius=RADIUS, back=(40, 60))


@cache
def strokes_of(begin: contract.Begin, severity: float = 1.0, quiet: int = 3) -> dict[int, Stroke]:
    return painted(ramp_stage(DISC, severity, seed=2, quiet=quiet), begin)


def frames_after(strokes: dict[int, Stroke]) -> np.ndarray:
    return contract.with_strokes(DISC, strokes)


def bright_centre(rgb: np.ndarray) -> np.ndarray:
    """Where the disc is seen: (x, y)."""
    rows, cols = np.nonzero(rgb.min(axis=-1) > 130)
    return np.array([cols.mean(), rows.mean()])


@pytest.fixture
def disc() -> Scene:
    return DISC


class TestContract(contract.MechanismContract):
    begins = BEGINS


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in trajectory.MECHANISMS} == {"Object Trajectory"} <= set(CATEGORIES)
    assert [m.name for m in trajectory.MECHANISMS if m.held_out] == ["jitter_path"]
    assert all("{where}" in s for m in trajectory.MECHANISMS for s in m.sentences)


def test_bend_path__leads_the_disc_away_from_its_line() -> None:
    after = frames_after(strokes_of(trajectory.bend_path))
    off = [np.linalg.norm(bright_centre(after[i]) - bright_centre(DISC.frames[i])) for i in (1, 8, 14)]
    assert off[0] < 0.5
    assert off[1] > 4
    assert off[2] > 8


def test_bend_path__fills_in_where_the_disc_was() -> None:
    after = frames_after(strokes_of(trajectory.bend_path))[14]
    assert (after.min(axis=-1) > 130).sum() < 1.3 * (DISC.frames[14].min(axis=-1) > 130).sum()


def test_stutter__shows_the_disc_where_it_was_before() -> None:
    after = frames_after(strokes_of(trajectory.stutter))
    behind = [bright_centre(DISC.frames[i])[0] - bright_centre(after[i])[0] for i in range(DISC.num_frames)]
    assert max(behind) > 5
    assert min(behind) > -2  # it never runs ahead
    steps = np.diff([bright_centre(f)[0] for f in after])
    assert steps.min() < 0.6  # it stands still at times
    assert steps.max() > 3.5  # and catches up


def test_jitter_path__goes_to_and_fro() -> None:
    after = frames_after(strokes_of(trajectory.jitter_path))
    off = np.array([bright_centre(after[i]) - bright_centre(DISC.frames[i]) for i in range(DISC.num_frames)])
    steps = np.diff(off, axis=0)
    assert np.abs(off).max() > 1
    assert np.abs(off).max() < RADIUS
    assert (np.sign(steps[1:]) != np.sign(steps[:-1])).mean() > 0.25


@pytest.mark.parametrize("begin", BEGINS)
def test_begin__needs_a_thing_that_moves(begin: contract.Begin) -> None:
    assert begin(ramp_stage(moving_disc_scene(10, 96, 128, start=(60.0, 48.0), step=(0.0, 0.0), radius=RADIUS))) is None


def test_stutter__stays_within_the_shot() -> None:
    scene = moving_disc_scene(14, 96, 128, start=(40.0, 48.0), radius=RADIUS)
    frames = scene.frames.copy()
    frames[:6] = 255 - frames[:6]
    cut = Scene(frames, scene.times_s, scene.duration_s)
    assert cut.cuts == (6,)
    stage = ramp_stage(cut, quiet=7)
    stage = replace(stage, first=6)
    for index, stroke in painted(stage, trajectory.stutter).items():
        assert stroke.pixels.mean() < 190, index  # the other shot is bright
