"""Envelopes, noise and fields stay in their bounds and have no jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.traces.smooth import envelope, noise_in_time, smooth_field, smoothstep

TIMES = np.arange(0, 4, 1 / 30)


@settings(max_examples=60, deadline=None)
@given(
    start=st.floats(0, 3),
    length=st.floats(0.05, 3),
    rise=st.floats(0.04, 3),
    fall=st.none() | st.floats(0.02, 1),
)
def test_envelope__is_0_outside_its_span_and_changes_no_faster_than_said(
    start: float, length: float, rise: float, fall: float | None
) -> None:
    times = TIMES
    amount = envelope(times, start, start + length, rise, fall)
    assert 0 <= amount.min() <= amount.max() <= 1
    assert not amount[(times < start) | (times >= start + length)].any()
    steepest = 1.5 / rise / 30  # the slope of 3x² − 2x³ is at most 1.5
    assert np.diff(amount).max() <= steepest + 1e-9
    inside = amount[(times >= start) & (times < start + length)]
    if fall is None:
        assert (np.diff(inside) >= 0).all()
    else:
        assert np.diff(inside).min(initial=0) >= -1.5 / fall / 30 - 1e-9


def test_smoothstep__is_symmetric_and_flat_at_both_ends() -> None:
    x = np.linspace(0, 1, 101)
    np.testing.assert_allclose(smoothstep(x) + smoothstep(1 - x), 1, atol=1e-12)
    assert smoothstep(x)[1] < 0.001


def test_noise_in_time__has_no_jumps_and_the_said_size() -> None:
    curves = noise_in_time(TIMES, 0.5, 400, np.random.default_rng(0))
    assert curves.shape == (len(TIMES), 400)
    assert abs(curves.mean()) < 0.1
    knots = curves[:: round(0.5 * 30)]
    assert knots.std() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(curves, axis=0)).max() < 1.5 * 8 / (0.5 * 30)  # no two knots are 8 apart


def test_noise_in_time__depends_on_times_not_on_their_number() -> None:
    coarse, fine = (noise_in_time(np.arange(n) / (n / 2), 0.4, 3, np.random.default_rng(1)) for n in (20, 40))
    np.testing.assert_allclose(fine[::2], coarse)
    assert noise_in_time(np.array([7.0]), 0.4, 2, np.random.default_rng(1)).shape == (1, 2)


@pytest.mark.parametrize("size", [(16, 16), (90, 160), (160, 90)])
def test_smooth_field__fills_any_size_without_fine_detail(size: tuple[int, int]) -> None:
    field = smooth_field(*size, 4, np.random.default_rng(0), channels=3)
    assert field.shape == (*size, 3)
    assert field.dtype == np.float32
    assert np.abs(field).max() < 1.5
    assert field.std() > 0.2
    per_cell = min(size) / 4
    assert np.abs(np.diff(field, axis=1)).max() < 4 / per_cell


def test_smooth_field__repeats() -> None:
    first, second = (smooth_field(20, 30, 3, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
