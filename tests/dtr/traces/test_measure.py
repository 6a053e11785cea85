"""What can be seen of a planted square of known place, time and strength."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from dtr.traces.measure import VISIBLE, Seen, measure
from dtr.traces.paint import Stroke
from tests.traces_scenes import moving_disc_scene

SCENE = moving_disc_scene(14, 96, 128, radius=14.0, start=(20.0, 70.0))
SQUARE = (40, 24, 72, 48)
MARGIN = 8


def square(index: int, change: float, place: tuple[int, int, int, int] = SQUARE) -> tuple[int, Stroke]:
    """A stroke that brightens a square and has a margin around it in which nothing changes."""
    x0, y0, x1, y1 = place
    roi = x0 - MARGIN, y0 - MARGIN, x1 + MARGIN, y1 + MARGIN
    pixels = SCENE.frames[index, roi[1] : roi[3], roi[0] : roi[2]].copy()
    inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    pixels[inner] = np.clip(pixels[inner] + change, 0, 255)
    support = np.zeros(pixels.shape[:2], np.float32)
    support[inner] = 1
    return index, Stroke(roi, pixels, support)


def seen(changes: Mapping[int, float]) -> Seen | None:
    return measure(SCENE, SCENE.frames, [square(i, change) for i, change in changes.items()])


def test_measure__onset_offset_and_boxes_are_exact() -> None:
    found = seen(dict.fromkeys(range(3, 10), 40.0))
    assert found is not None
    assert (found.first, found.last) == (3, 9)
    assert found.boxes.shape == (7, 4)
    np.testing.assert_allclose(found.boxes * [128, 96, 128, 96], [SQUARE] * 7, atol=1e-6)
    assert found.visible == pytest.approx(40 / 255, rel=0.15)


def test_measure__a_faint_beginning_is_not_yet_the_trace() -> None:
    found = seen(dict(enumerate([1, 2, 4, 30, 40, 40, 40, 20, 3, 1], start=1)))
    assert found is not None
    assert (found.first, found.last) == (4, 8)


@pytest.mark.parametrize(
    "changes",
    [{}, {3: 40.0, 4: 40.0}, dict.fromkeys(range(14), 0.0), dict.fromkeys(range(14), VISIBLE - 3)],
    ids=["nothing", "two frames", "no change", "too faint"],
)
def test_measure__what_cannot_be_seen_is_none(changes: dict[int, float]) -> None:
    assert seen(changes) is None


def test_measure__too_small_a_place_is_none() -> None:
    dot = (40, 24, 44, 28)
    assert measure(SCENE, SCENE.frames, [square(i, 90.0, dot) for i in range(8)]) is None


def test_measure__gaps_are_filled_and_boxes_follow() -> None:
    places = {i: (20 + 5 * i, 24, 52 + 5 * i, 48) for i in range(2, 12)}
    strokes = [square(i, 40.0, place) for i, place in places.items() if i not in (5, 6)]
    found = measure(SCENE, SCENE.frames, strokes)
    assert found is not None
    assert (found.first, found.last, len(found.boxes)) == (2, 11, 10)
    truth = np.array(list(places.values()))
    np.testing.assert_allclose((found.boxes * [128, 96, 128, 96])[2:-2], truth[2:-2], atol=1e-6)
    np.testing.assert_allclose(found.boxes * [128, 96, 128, 96], truth, atol=5)


def test_measure__compares_with_the_frames_it_is_given() -> None:
    strokes = [square(i, 40.0) for i in range(3, 10)]
    frames = SCENE.frames.copy()
    for index, stroke in strokes:
        x0, y0, x1, y1 = stroke.roi
        frames[index, y0:y1, x0:x1] = stroke.pixels
    assert measure(SCENE, frames, strokes) is None


def test_measure__counts_only_what_the_brush_says_is_its_own() -> None:
    strokes = []
    for index in range(3, 10):
        _, stroke = square(index, 40.0)
        stroke.support[:, : MARGIN + 16] = 0
        strokes.append((index, stroke))
    found = measure(SCENE, SCENE.frames, strokes)
    assert found is not None
    np.testing.assert_allclose(found.boxes[3] * [128, 96, 128, 96], [56, 24, 72, 48], atol=1e-6)
    empty = [(i, Stroke(s.roi, s.pixels, np.zeros_like(s.support))) for i, s in strokes]
    assert measure(SCENE, SCENE.frames, empty) is None


def test_measure__single_changed_pixels_are_no_trace() -> None:
    rng = np.random.default_rng(0)
    strokes = []
    for index in range(12):
        _, stroke = square(index, 0.0)
        stroke.pixels[rng.random(stroke.pixels.shape[:2]) < 0.01] = 255
        strokes.append((index, stroke))
    assert measure(SCENE, SCENE.frames, strokes) is None


def test_measure__boxes_stay_in_the_frame() -> None:
    corner = (MARGIN, MARGIN, 40, 40)
    strokes = []
    for index in range(8):
        _, stroke = square(index, 0.0, corner)
        stroke.support[:] = 1
        strokes.append((index, Stroke(stroke.roi, 255 - stroke.pixels, stroke.support)))
    found = measure(SCENE, SCENE.frames, strokes)
    assert found is not None
    np.testing.assert_allclose(found.boxes * [128, 96, 128, 96], [[0, 0, 48, 48]] * 8, atol=1.01)
    assert found.boxes.min() >= 0
