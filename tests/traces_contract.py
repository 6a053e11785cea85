"""What every mechanism of a trace must keep to, whatever it paints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pytest
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


def with_strokes(scene: Scene, strokes: Mapping[int, Stroke]) -> NDArray[np.uint8]:
    """The scene's frames with strokes in them."""
    frames = scene.frames.copy()
    for index, stroke in strokes.items():
        x0, y0, x1, y1 = stroke.roi
        frames[index, y0:y1, x0:x1] = stroke.pixels
    return frames


def traced(begin: Begin, scene: Scene, severity: float = 1.0) -> NDArray[np.uint8]:
    """The scene's frames with a mechanism's strokes in them."""
    return with_strokes(scene, strokes_of(begin, scene, severity))


class MechanismContract:
    """Subclass it as `Test…` in a module with a fixture that gives a scene.

    Attributes:
        begins: of the mechanisms.
        scene: name of the fixture.
        factor: by which a trace of severity 1 changes more than one of 0.25, at least.
        first: share of the strongest frame's change that the first frame of a slow onset has, at most.
    """

    begins: Sequence[Begin]
    scene = "disc"
    factor = 1.4
    first = 0.35

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "begin" in metafunc.fixturenames:
            metafunc.parametrize("begin", self.begins, ids=[b.__name__ for b in self.begins])
        if "hard" in metafunc.fixturenames:
            metafunc.parametrize("hard", HARD_SCENES.values(), ids=HARD_SCENES)

    @pytest.fixture
    def shot(self, request: pytest.FixtureRequest) -> Scene:
        return request.getfixturevalue(self.scene)

    def test_brush__changes_only_its_support_while_it_lasts(self, begin: Begin, shot: Scene) -> None:
        stage = ramp_stage(shot, quiet=4)
        strokes = strokes_of(begin, shot)
        assert len(strokes) > shot.num_frames / 2
        for index, stroke in strokes.items():
            assert stage.amount[index] > 0
            assert change(shot, index, stroke)[stroke.support <= 0].max(initial=0) <= 1

    def test_brush__changes_more_with_severity(self, begin: Begin, shot: Scene) -> None:
        strokes = [strokes_of(begin, shot, severity) for severity in (0.25, 1.0)]
        faint, strong = (np.mean([change(shot, i, s).sum() for i, s in found.items()]) for found in strokes)
        assert strong > self.factor * faint

    def test_brush__grows_from_nothing(self, begin: Begin, shot: Scene) -> None:
        size = [change(shot, i, s).sum() for i, s in sorted(strokes_of(begin, shot).items())]
        assert size[0] < self.first * max(size)

    def test_brush__is_the_same_for_the_same_seed(self, begin: Begin, shot: Scene) -> None:
        first, second = strokes_of(begin, shot), painted(ramp_stage(shot, quiet=4), begin)
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[i].pixels, second[i].pixels) and first[i].roi == second[i].roi for i in first)

    def test_brush__stays_in_the_frame_or_does_nothing(self, begin: Begin, hard: Scene) -> None:
        stays_in_the_frame_or_does_nothing(begin, hard)


def stays_in_the_frame_or_does_nothing(begin: Begin, scene: Scene) -> None:
    for stroke in painted(ramp_stage(scene), begin).values():
        x0, y0, x1, y1 = stroke.roi
        assert 0 <= x0 < x1 <= scene.width
        assert 0 <= y0 < y1 <= scene.height
        assert stroke.pixels.shape == (y1 - y0, x1 - x0, 3)
        assert stroke.support.shape == (y1 - y0, x1 - x0)
        assert 0 <= stroke.support.min() <= stroke.support.max() <= 1
