"""Object Trajectory: the disc leaves its path, lags behind it, or trembles; nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dtr.annotation import CATEGORIES
from dtr.traces import trajectory
from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests.traces_scenes import change, flat_scene, moving_disc_scene, painted, ramp_stage

BEGINS = [m.begin for m in trajectory.MECHANISMS]
Begin = Callable[[Stage], Brush | None]


RADIUS = 12.0
DISC = moving_disc_scene(16, 96, 128, start=(40.0, 48.0), radius=RADIUS, back=(40, 60))


@cache
def strokes_of(begin: Begin, severity: float = 1.0, quiet: int = 3) -> dict[int, Stroke]:
    return painted(ramp_stage(DISC, severity, seed=2, quiet=quiet), begin)


def frames_after(strokes: dict[int, Stroke]) -> np.ndarray:
    frames = DISC.frames.copy()
    for index, stroke in strokes.items():
        x0, y0, x1, y1 = stroke.roi
        frames[index, y0:y1, x0:x1] = stroke.pixels
    return frames


def bright_centre(rgb: np.ndarray) -> np.ndarray:
    """Where the disc is seen: (x, y)."""
    rows, cols = np.nonzero(rgb.min(axis=-1) > 130)
    return np.array([cols.mean(), rows.mean()])


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in trajectory.MECHANISMS} == {"Object Trajectory"} <= set(CATEGORIES)
    assert [m.name for m in trajectory.MECHANISMS if m.held_out] == ["jitter_path"]
    assert all("{where}" in s for m in trajectory.MECHANISMS for s in m.sentences)


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__changes_only_the_support_and_only_while_the_trace_lasts(begin: Begin) -> None:
    strokes = strokes_of(begin)
    assert 3 <= min(strokes) < 6  # the frames before have an amount of 0
    for index, stroke in strokes.items():
        x0, y0, x1, y1 = stroke.roi
        assert stroke.pixels.shape == (y1 - y0, x1 - x0, 3)
        assert stroke.support.shape == (y1 - y0, x1 - x0)
        assert change(DISC, index, stroke)[stroke.support <= 0].max(initial=0) <= 2


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__is_the_same_for_the_same_seed(begin: Begin) -> None:
    again = painted(ramp_stage(DISC, 1.0, seed=2, quiet=3), begin)
    assert np.array_equal(frames_after(again), frames_after(strokes_of(begin)))


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__changes_more_with_severity(begin: Begin) -> None:
    faint, strong = (
        np.mean([change(DISC, i, s).sum() for i, s in strokes_of(begin, severity).items()]) for severity in (0.2, 1.0)
    )
    assert strong > 1.3 * faint


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
def test_begin__needs_a_thing_that_moves(begin: Begin) -> None:
    assert begin(ramp_stage(moving_disc_scene(10, 96, 128, start=(60.0, 48.0), step=(0.0, 0.0), radius=RADIUS))) is None


@pytest.mark.parametrize("begin", BEGINS)
@pytest.mark.parametrize(
    "scene",
    [
        flat_scene(3, 48, 64),
        moving_disc_scene(3, 96, 128, radius=12.0),
        moving_disc_scene(6, 32, 32, start=(8.0, 16.0), radius=6.0),
        moving_disc_scene(8, 96, 128, start=(4.0, 6.0), step=(1.5, 0.5), radius=12.0),
        moving_disc_scene(10, 96, 128, start=(100.0, 48.0), step=(5.0, 0.0), radius=12.0),
    ],
    ids=["flat", "short", "tiny", "corner", "leaves"],
)
def test_brush__stays_in_the_frame_or_does_nothing(scene: Scene, begin: Begin) -> None:
    for stroke in painted(ramp_stage(scene), begin).values():
        x0, y0, x1, y1 = stroke.roi
        assert min(x0, y0) >= 0
        assert x1 <= scene.width
        assert y1 <= scene.height


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
