"""Null edits: a mechanism that begins from nothing, one that does not, and one that can be seen."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import Stroke
from dtr.traces.probe_features import INSIDE_COLUMNS
from dtr.traces.probe_null import null_edit
from dtr.traces.scene import Scene
from tests.traces_scenes import moving_disc_scene

Pixels = NDArray[np.uint8]
ROI = (40, 40, 120, 110)
DISC = moving_disc_scene(num_frames=5)
# Coarse grain that stays where it is: fine grain would not survive the encoder.
GRAIN = np.random.default_rng(0).normal(0, 18, (144, 192, 1))
SCENE = Scene(np.clip(DISC.frames + GRAIN, 0, 255).astype(np.uint8), DISC.times_s, DISC.duration_s)


def mechanism(change: Callable[[Pixels, float], Pixels]) -> Mechanism:
    """Changes one rectangle by a function of its pixels and of how far the trace has come."""

    def begin(stage: Stage) -> Brush:
        def brush(index: int, rgb: Pixels) -> Stroke:
            part = rgb[ROI[1] : ROI[3], ROI[0] : ROI[2]]
            support = np.zeros(part.shape[:2], np.float32)
            support[8:-8, 8:-8] = 1
            return Stroke(ROI, change(part, float(stage.amount[index])), support)

        return brush

    return Mechanism("test", "Object Distortion", begin, ("{where}",))


def test_null_edit__of_a_mechanism_that_begins_from_nothing() -> None:
    found = null_edit(SCENE, mechanism(lambda part, amount: part.copy()), "base", (0,))
    assert found is not None
    assert found.figures is not None
    assert found.at_rest == 0
    assert not found.seen
    assert np.array_equal(found.figures.border[0], found.figures.border[1])
    assert found.figures.severity == 0
    assert found.figures.base == "base"


def test_null_edit__shows_a_blur_that_is_there_whatever_the_amount() -> None:
    found = null_edit(SCENE, mechanism(lambda part, amount: cv2.GaussianBlur(part, (0, 0), 0.42)), "base", (0,))
    assert found is not None
    assert found.figures is not None
    twin, traced = found.figures.inside[:, INSIDE_COLUMNS.index("inside_fine/middle")]
    assert found.at_rest > 0.1
    assert traced < twin - 0.04


def test_null_edit__that_can_be_seen_is_told() -> None:
    found = null_edit(SCENE, mechanism(lambda part, amount: (255 - part) if amount else part), "base", (0,))
    assert found is not None
    assert found.seen
    assert found.figures is None
    assert found.at_rest == 0


def test_null_edit__of_what_offers_nothing_is_none() -> None:
    nothing = Mechanism("test", "Object Distortion", lambda stage: None, ("{where}",))
    assert null_edit(SCENE, nothing, "base", (0,)) is None
    short = Scene(SCENE.frames[:2], SCENE.times_s[:2], 0.2)
    assert null_edit(short, mechanism(lambda part, amount: part), "base", (0,)) is None
