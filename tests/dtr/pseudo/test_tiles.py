from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.pseudo.tiles import padding, stretches


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 6))
def test_stretches__cover_an_axis_once_and_reach_far_enough(cells: int, most: int, reach: int) -> None:
    parts = stretches(8 * cells, 8 * most, 8 * reach, 8)
    assert [i for p in parts for i in range(p.keep_start, p.keep_end)] == list(range(8 * cells))
    for part in parts:
        assert part.keep_end - part.keep_start <= 8 * most
        assert part.start == max(0, part.keep_start - 8 * reach)
        assert part.end == min(8 * cells, part.keep_end + 8 * reach)
        assert part.start % 8 == part.end % 8 == 0


@pytest.mark.parametrize("length", [1, 7, 8, 9, 90, 512])
def test_padding__ends_on_the_grid_with_a_margin(length: int) -> None:
    before, after = padding(length, 8, 8)
    assert before == 8
    assert 8 <= after < 16
    assert (before + length + after) % 8 == 0
