from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.predictions.fields import (
    read_box_px,
    read_categories,
    read_label,
    read_numbers,
    read_score,
    read_text,
    read_time_s,
    show,
    to_shares,
)

NOT_NUMBERS = ["1", "1.5s", True, [1], {}, math.nan, math.inf, 10**400]


@pytest.mark.parametrize("value", ["REAL OR FAKE", "", "null", "realistic", 1, True, ["REAL"], {}])
def test_read_label__refuses_everything_but_the_two_words(value: Any) -> None:
    problems: list[str] = []
    assert read_label(value, "x", problems) is None
    assert len(problems) == 1


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -0.01, 1.01])
def test_read_score__refuses(value: Any) -> None:
    problems: list[str] = []
    assert read_score(value, "x", problems) is None
    assert len(problems) == 1
    assert len(problems[0]) < 120


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_read_time_s__refuses(value: Any) -> None:
    problems: list[str] = []
    assert read_time_s(value, "x", problems) is None
    assert len(problems) == 1


def test_blanks__are_no_problem() -> None:
    problems: list[str] = []
    readers = (read_label, read_score, read_time_s, read_box_px, read_text)
    assert [reader(None, "x", problems) for reader in readers] == [None] * 5  # type: ignore[operator]
    assert read_text("  ", "x", problems) is None
    assert read_categories(None, problems) == {}
    assert problems == []


@pytest.mark.parametrize(
    "value",
    [
        {"left": 8, "top": 6, "width": 24, "height": 18},
        {"x0": 8, "y0": 6, "x1": 32, "y1": 24},
        [8, 6, 32, 24],
    ],
)
def test_read_box_px__takes_three_forms(value: Any) -> None:
    problems: list[str] = []
    assert read_box_px(value, "bbox", problems) == (8, 6, 32, 24)
    assert problems == []


def test_read_box_px__leaves_a_box_outside_the_frame_as_it_is() -> None:
    box_px = read_box_px([-10, 0, 5000, 30], "bbox", [])
    assert to_shares(box_px, 100, 100, "bbox", []) == (-0.1, 0, 50, 0.3)


@pytest.mark.parametrize(
    "value",
    [
        *("10 20 30 40", [1, 2, 3], [1, 2, 3, 4, 5], ["1", "2", "3", "4"], [1, 2, True, 4], [1, 2, math.nan, 4], 7, {}),
        *([5, 5, 5, 9], [5, 5, 9, 5], [9, 5, 5, 9], {"left": 1, "top": 1, "width": 0, "height": 5}),
        *({"left": 1, "top": 1, "width": -4, "height": 5}, {"x0": 1, "y0": 1, "x1": 3}, {"left": "1", "top": 1}),
        *([0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]),
        # Each number is finite, their sum is not; and an integer that Python will not write out.
        *({"left": 1e308, "top": 1, "width": 1e308, "height": 5}, [16**6000, 1, 2, 3]),
    ],
)
def test_read_box_px__refuses(value: Any) -> None:
    problems: list[str] = []
    assert read_box_px(value, "bbox", problems) is None
    assert len(problems) == 1


@pytest.mark.parametrize("size", [(None, 48), (64, None), (0, 48)])
def test_to_shares__needs_a_frame_size(size: tuple[int | None, int | None]) -> None:
    problems: list[str] = []
    assert to_shares((1, 2, 3, 4), *size, "bbox", problems) is None
    assert "frame size unknown" in problems[0]


def test_read_categories__names_what_it_cannot_use() -> None:
    problems: list[str] = []
    assert read_categories({"Object Merging": 2, "Object Splitting": 0.5}, problems) == {"Object Splitting": 0.5}
    assert read_categories("Object Merging", problems) == {}
    assert read_categories(["Object Merging", 3], problems) == {}
    assert len(problems) == 3


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats() | st.text()))
@settings(max_examples=50)
def test_readers__answer_any_value(value: Any) -> None:
    for reader in (read_label, read_score, read_time_s, read_box_px, read_text):
        problems: list[str] = []
        found = reader(value, "x", problems)  # type: ignore[operator]
        assert value is None or value == "" or isinstance(value, str) or (found is None) == bool(problems)
    assert read_numbers(value, 2) is None or len(value) == 2
    assert len(show(value)) <= 60
