"""Object Disappearance: the disc goes, the background stays, nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from dtr.boxes import box_iou
from dtr.traces import disappearance
from dtr.traces.measure import measure
from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests.traces_scenes import change, disc_centre, flat_scene, moving_disc_scene, painted, ramp_stage, texture

BEGINS = [m.begin for m in disappearance.MECHANISMS]
Begin = Callable[[Stage], Brush | None]
START, STEP, RADIUS = (40.0, 48.0), (2.0, 0.0), 12.0
DISC = moving_disc_scene(14, 96, 128, start=START, step=STEP, radius=RADIUS, back=(40, 60))


@cache
def strokes_of(begin: Begin, severity: float = 1.0, quiet: int = 3) -> dict[int, Stroke]:
    """Those of the first seed whose region is the disc and not a piece of the background."""
    tried = (painted(ramp_stage(DISC, severity, seed=seed, quiet=quiet), begin) for seed in range(12))
    return next(strokes for strokes in tried if strokes and change(DISC, 9, strokes[9]).max() > 50)


def frames_after(strokes: dict[int, Stroke]) -> np.ndarray:
    frames = DISC.frames.copy()
    for index, stroke in strokes.items():
        x0, y0, x1, y1 = stroke.roi
        frames[index, y0:y1, x0:x1] = stroke.pixels
    return frames


def bright(rgb: np.ndarray) -> int:
    """Pixels of the disc that are left."""
    return int((rgb.min(axis=-1) > 130).sum())


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in disappearance.MECHANISMS} == {"Object Disappearance"}
    assert [m.name for m in disappearance.MECHANISMS if m.held_out] == ["shrink_away"]


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__removes_the_disc_bit_by_bit(begin: Begin) -> None:
    after = frames_after(strokes_of(begin))
    left = [bright(after[i]) / bright(DISC.frames[i]) for i in range(DISC.num_frames)]
    assert left[1] == 1
    assert left[-1] < 0.12
    assert max(np.diff(left)) < 0.1  # it does not come back


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__shows_what_is_behind(begin: Begin) -> None:
    after = frames_after(strokes_of(begin))[-1]
    behind = texture(DISC.height, DISC.width, 0, 40, 60)
    x, y = disc_centre(DISC.num_frames - 1, start=START, step=STEP)
    rows, cols = np.mgrid[: DISC.height, : DISC.width]
    inside = np.hypot(cols - x, rows - y) < RADIUS - 2
    assert np.abs(after[inside] - behind[inside]).mean() < 15  # the disc is 150 away


@pytest.mark.parametrize("begin", BEGINS)
def test_measure__boxes_lie_on_the_disc(begin: Begin) -> None:
    seen = measure(DISC, DISC.frames, list(strokes_of(begin).items()))
    assert seen is not None
    for index in (seen.first + 4, seen.last - 1):
        x, y = disc_centre(index, start=START, step=STEP)
        size = np.array([DISC.width, DISC.height] * 2)
        true = np.array([[x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]]) / size
        assert box_iou(seen.boxes[index - seen.first][None], true)[0, 0] > 0.55


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__changes_only_the_support_and_only_while_the_trace_lasts(begin: Begin) -> None:
    strokes = strokes_of(begin)
    assert min(strokes) == 3  # the frames before have an amount of 0
    for index, stroke in strokes.items():
        assert change(DISC, index, stroke)[stroke.support <= 0].max(initial=0) <= 2


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__changes_more_with_severity(begin: Begin) -> None:
    faint, strong = (
        np.mean([change(DISC, i, s).sum() for i, s in strokes_of(begin, severity).items()]) for severity in (0.5, 1.0)
    )
    assert strong > 1.15 * faint


@pytest.mark.parametrize("begin", BEGINS)
def test_brush__is_the_same_for_the_same_seed(begin: Begin) -> None:
    first, again = (painted(ramp_stage(DISC, 1.0, seed=1), begin) for _ in range(2))
    assert len(first) > 5
    assert np.array_equal(frames_after(first), frames_after(again))


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
        assert stroke.support.shape == (y1 - y0, x1 - x0)


def test_begin__leaves_a_plain_background_alone() -> None:
    assert all(begin(ramp_stage(flat_scene(5, 48, 64))) is None for begin in BEGINS)
