"""Holes filled from beside them."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.fill import fill, pour
from tests.traces_scenes import texture

ROI = (40, 30, 90, 80)


def hole() -> np.ndarray:
    rows, cols = np.mgrid[:50, :50]
    return np.hypot(rows - 25, cols - 25) < 16


def test_fill__keeps_what_is_known_and_never_shows_the_hole() -> None:
    frame = texture(120, 160, 0, 60, 120).astype(np.uint8)
    true = frame[30:80, 40:90].copy()
    frame[30:80, 40:90][hole()] = (255, 0, 0)
    filled = fill(frame, ROI, hole())
    far = np.hypot(*(np.mgrid[:50, :50] - 25.0)) > 22
    assert np.array_equal(filled[far], true[far])
    assert np.abs(filled[hole()].astype(float).mean(axis=0) - true[hole()].mean(axis=0)).max() < 15


def test_fill__leads_colours_from_edge_to_edge() -> None:
    ramp = np.broadcast_to(np.linspace(20, 220, 160)[None, :, None], (120, 160, 3)).astype(np.uint8)
    frame = ramp.copy()
    frame[30:80, 40:90][hole()] = 0
    filled = fill(frame, ROI, hole())
    assert np.abs(filled.astype(float) - ramp[30:80, 40:90]).mean() < 5


def test_fill__is_as_grainy_as_its_surroundings() -> None:
    rng = np.random.default_rng(0)
    frame = (128 + rng.normal(0, 12, (120, 160, 3))).clip(0, 255).astype(np.uint8)
    around = frame.std()
    frame[30:80, 40:90][hole()] = 128
    grain = fill(frame, ROI, hole())[hole()].std()
    assert grain == pytest.approx(around, rel=0.25)


@pytest.mark.parametrize("missing", [np.zeros((50, 50), bool), np.ones((50, 50), bool)])
def test_fill__leaves_all_or_nothing_as_it_is(missing: np.ndarray) -> None:
    frame = texture(120, 160, 0, 60, 120).astype(np.uint8)
    assert np.array_equal(fill(frame, ROI, missing), frame[30:80, 40:90])


def test_pour__fills_smoothly_between_two_sides() -> None:
    values = np.zeros((9, 30, 3), np.float32)
    values[:, 20:] = 90
    known = np.zeros((9, 30), bool)
    known[:, :10] = known[:, 20:] = True
    row = pour(values, known)[4, :, 0]
    assert row[:8].max() < 5
    assert row[22:].min() > 85
    assert np.all(np.diff(row) > -1e-3)
