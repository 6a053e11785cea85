from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.video.timing import FrameTimer


def times(stamps: list[int | None], base: Fraction = Fraction(1, 10), gap_s: float = 0.1) -> list[float | None]:
    timer = FrameTimer(base, gap_s)
    return [timer.place(stamp) for stamp in stamps]


def test_place__late_start_becomes_zero_without_rounding() -> None:
    start = 2**40 + 1
    assert times([start, start + 3003], Fraction(1, 90_000)) == [0.0, 3003 / 90_000]


def test_place__missing_first_stamps_are_followed_by_the_rest() -> None:
    assert times([None, None, 50, 51]) == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_place__jump_back_joins_a_second_recording() -> None:
    timer = FrameTimer(Fraction(1, 10), 0.1)
    assert [timer.place(s) for s in (0, 10, 20, 0, 10)] == pytest.approx([0.0, 1.0, 2.0, 2.1, 3.1])
    assert timer.repairs() == ["time stamps jump back 1 time; the parts were joined"]


def test_repairs__counts_in_words() -> None:
    timer = FrameTimer(Fraction(1, 10), 0.1)
    for stamp in (0, 1, 1, 1, None):
        timer.place(stamp)
    assert timer.repairs() == [
        "1 frame without a time stamp placed at the declared frame rate",
        "2 frames with a repeated or backward time stamp dropped",
    ]


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), min_size=1, max_size=40))
def test_place__any_stamps_give_increasing_times_from_zero(stamps: list[int | None]) -> None:
    placed = [t for t in times(stamps) if t is not None]
    assert placed[0] == 0.0
    assert all(a < b for a, b in pairwise(placed))
