"""Blends, warps and moves: exact where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.paint import blend, carry, grain_of, move_by, pull, turn_about, whole_frame
from tests.traces_scenes import texture

PICTURE = texture(40, 60, 0, 10, 240).astype(np.uint8)


def test_blend__keeps_both_ends_exactly_and_mixes_between() -> None:
    other = PICTURE[::-1, ::-1]
    np.testing.assert_array_equal(blend(PICTURE, other, np.zeros((40, 60))), PICTURE)
    np.testing.assert_array_equal(blend(PICTURE, other, np.ones((40, 60))), other)
    half = blend(PICTURE, other.astype(np.float32), np.full((40, 60), 0.5))
    np.testing.assert_allclose(half, (PICTURE.astype(float) + other) / 2, atol=0.51)
    assert blend(PICTURE, np.full((40, 60, 3), 400.0, np.float32), np.ones((40, 60))).min() == 255


def test_pull__takes_colours_from_where_it_is_told() -> None:
    np.testing.assert_array_equal(pull(PICTURE, np.zeros((40, 60, 2), np.float32)), PICTURE)
    shift = np.zeros((40, 60, 2), np.float32)
    shift[..., 0], shift[..., 1] = 5, -3
    np.testing.assert_array_equal(pull(PICTURE, shift)[3:, :-5], PICTURE[:-3, 5:])


def test_carry__gives_a_rectangle_of_the_moved_frame() -> None:
    np.testing.assert_array_equal(carry(PICTURE, np.eye(3), (10, 5, 30, 25)), PICTURE[5:25, 10:30])
    np.testing.assert_array_equal(carry(PICTURE, move_by(4, -2), (10, 5, 30, 25)), PICTURE[7:27, 6:26])


def test_whole_frame__is_1_or_the_scaled_mask() -> None:
    assert whole_frame(40, 60).mask.min() == 1
    half = np.zeros((4, 6), np.float32)
    half[:, 3:] = 1
    patch = whole_frame(40, 60, half)
    assert patch.roi == (0, 0, 60, 40)
    assert patch.mask.mean() == pytest.approx(0.5, abs=0.01)
    assert (patch.mask[:, 0].max(), patch.mask[:, -1].min()) == (0, 1)


def test_turn_about__leaves_the_centre_and_scales_the_rest() -> None:
    matrix = turn_about(np.array([7.0, 3.0]), 0.4, 1.5)
    np.testing.assert_allclose(matrix @ [7, 3, 1], [7, 3, 1])
    there = (matrix @ [9, 3, 1])[:2] - [7, 3]
    np.testing.assert_allclose([np.hypot(*there), np.arctan2(there[1], there[0])], [3.0, 0.4])
    np.testing.assert_allclose(
        turn_about(np.array([1.0, 2.0]), -0.4, 1 / 1.5) @ turn_about(np.array([1.0, 2.0]), 0.4, 1.5),
        np.eye(3),
        atol=1e-12,
    )


def test_grain_of__grows_with_noise_and_ignores_slow_changes() -> None:
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 120, 60)[None, :, None] * np.ones((40, 1, 3))
    clean, noisy, noisier = (grain_of((slope + 60 + rng.normal(0, s, (40, 60, 3))).astype(np.uint8)) for s in (0, 4, 8))
    assert clean < 0.6
    assert 2.5 < noisy < 4.5
    assert noisier > 1.7 * noisy
