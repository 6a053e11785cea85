from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.canonical.resample import Step, nearest_frames
from dtr.video.types import DecodedFrame


def resample(times_s: list[float], fps: float, count: int) -> list[Step]:
    frames = (DecodedFrame(i, t, None, lambda: np.zeros((2, 2, 3), np.uint8)) for i, t in enumerate(times_s))
    return list(nearest_frames(frames, fps, count))


@given(st.lists(st.floats(0.001, 0.5), max_size=40), st.sampled_from([1.0, 6.0, 23.976]), st.integers(1, 40))
def test_nearest_frames__every_step_takes_the_nearest(gaps: list[float], fps: float, count: int) -> None:
    times = np.cumsum([0.0, *gaps])
    steps = resample(times.tolist(), fps, count)
    assert len(steps) == count
    for number, step in enumerate(steps):
        assert abs(step.shift_s) <= np.abs(times - number / fps).min() + 1.1e-6
        assert step.shift_s == pytest.approx(times[step.frame.index] - number / fps)
    taken = [step.frame.index for step in steps]
    assert [step.repeated for step in steps] == [False, *(a == b for a, b in pairwise(taken))]


@pytest.mark.parametrize("source", [6.0, 6.01, 6.25, 7, 8, 10, 12, 15, 23.976, 25, 29.97, 30, 50, 60])
def test_nearest_frames__a_source_that_is_fast_enough_repeats_nothing(source: float) -> None:
    times = [round(i / source, 3) for i in range(int(4 * source))]  # milliseconds, as WebM stores them
    assert not any(step.repeated for step in resample(times, 6.0, 24 - 1))


def test_nearest_frames__a_slow_source_repeats() -> None:
    assert [s.repeated for s in resample([0, 0.25, 0.5, 0.75], 8.0, 8)].count(True) == 4
    assert [s.frame.index for s in resample([0.0], 6.0, 3)] == [0, 0, 0]
    assert resample([], 6.0, 3) == []
