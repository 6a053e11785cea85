"""What every mechanism of a trace must keep to, whatever it paints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from tests.traces_scenes import change, flat_scene, moving_disc_scene, painted, ramp_stage

Begin = Callable[[Stage], Brush | None]

HARD_SCENES = {
    "flat": flat_scene(),
    "short": moving_disc_scene(3),
    "tiny": moving_disc_scene(8, 32, 32, start=(8.0, 16.0), radius=6.0),
    "corner": moving_disc_scene(8, start=(4.0, 6.0), step=(1.5, 0.5)),
    "leaves": moving_disc_scene(8, start=(150.0, 72.0), step=(10.0, 0.0)),
}


@cache
def strokes_of(begin: Begin, scene: Scene, severity: float = 1.0) -> dict[int, Stroke]:
    """Every stroke of a mechanism that comes on slowly, painted once for all tests."""
    return painted(ramp_stage(scene, severity, quiet=4), begin)


def traced(begin: Begin, scene: Scene, severity: float = 1.0) -> NDArray[np.uint8]:
    """The scene's frames with the mechanism's strokes in them."""
    frames = scene.frames.copy()
    for index, stroke in strokes_of(begin, scene, severity).items():
        x0, y0, x1, y1 = stroke.roi
        frames[index, y0:y1, x0:x1] = stroke.pixels
    return frames


def changes_only_its_support_while_it_lasts(begin: Begin, scene: Scene) -> None:
    stage = ramp_stage(scene, quiet=4)
    strokes = strokes_of(begin, scene)
    assert len(strokes) > scene.num_frames / 2
    for index, stroke in strokes.items():
        assert stage.amount[index] > 0
        assert change(scene, index, stroke)[stroke.support <= 0].max(initial=0) <= 1


def grows_with_severity(begin: Begin, scene: Scene, factor: float = 1.4) -> None:
    strokes = [strokes_of(begin, scene, severity) for severity in (0.25, 1.0)]
    faint, strong = (np.mean([change(scene, i, s).sum() for i, s in found.items()]) for found in strokes)
    assert strong > factor * faint


def grows_from_nothing(begin: Begin, scene: Scene, most: float = 0.35) -> None:
    """The first frames of a slow onset change less than the strongest frame does."""
    size = [change(scene, i, s).sum() for i, s in sorted(strokes_of(begin, scene).items())]
    assert size[0] < most * max(size)


def is_the_same_for_the_same_seed(begin: Begin, scene: Scene) -> None:
    first, second = strokes_of(begin, scene), painted(ramp_stage(scene, quiet=4), begin)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[i].pixels, second[i].pixels) and first[i].roi == second[i].roi for i in first)


def stays_in_the_frame_or_does_nothing(begin: Begin, scene: Scene) -> None:
    for stroke in painted(ramp_stage(scene), begin).values():
        x0, y0, x1, y1 = stroke.roi
        assert 0 <= x0 < x1 <= scene.width
        assert 0 <= y0 < y1 <= scene.height
        assert stroke.pixels.shape == (y1 - y0, x1 - x0, 3)
        assert stroke.support.shape == (y1 - y0, x1 - x0)
        assert 0 <= stroke.support.min() <= stroke.support.max() <= 1
