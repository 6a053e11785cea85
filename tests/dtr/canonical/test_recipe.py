from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.canonical.recipe import CanonicalRecipe
from dtr.errors import ConfigError

SIDES = st.integers(16, 4000)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"fps": 0.1}, {"fps": math.nan}, {"short_side": 255}, {"enlarge": 0.9}, {"seconds": 0.1}),
        *({"seconds": math.inf}, {"crf": 52}, {"gop": 0}, {"slow": "skip"}),
    ],
)
def test_recipe__refuses_what_no_file_can_have(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CanonicalRecipe(**wrong)


@given(SIDES, SIDES, st.sampled_from([64, 256, 480]), st.floats(1, 2))
def test_size__is_even_keeps_the_shape_and_enlarges_no_more_than_allowed(
    w: int, h: int, side: int, most: float
) -> None:
    width, height = CanonicalRecipe(short_side=side, enlarge=most).size(w, h)
    assert width % 2 == height % 2 == 0
    if side <= most * min(w, h):
        assert min(width, height) == side
        assert abs(max(width, height) - side * max(w, h) / min(w, h)) <= 1.001
    else:
        assert abs(width - w) <= 1
        assert abs(height - h) <= 1


def test_size__makes_pixels_square_unless_the_header_is_absurd() -> None:
    recipe = CanonicalRecipe(short_side=240)
    assert recipe.size(720, 480, 32 / 27) == (426, 240)
    assert recipe.size(480, 720, 27 / 32) == (240, 426)
    assert recipe.size(480, 480, 900.0) == (240, 240)


@pytest.mark.parametrize(
    ("fps", "length_s", "frames"), [(6, 1 / 6, 1), (29.97, 1.001, 30), (24, 10, 96), (6, 2.99, 17)]
)
def test_num_frames__counts_whole_steps(fps: float, length_s: float, frames: int) -> None:
    assert CanonicalRecipe(fps=fps, seconds=4).num_frames(length_s) == frames
