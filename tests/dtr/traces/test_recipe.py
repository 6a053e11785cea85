from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dtr.errors import ConfigError
from dtr.traces.recipe import SynthRecipe, draw_coding
from dtr.traces.synthesise import SynthSpec
from dtr.video.types import VideoInfo

INFO = VideoInfo("a.mp4", "mp4", "h264", "yuv420p", 1920, 1080, 0, 1.0, 60.0, 100, 2.0, False, None, 1000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"short_side": (8, 480)}, "short side"),
        ({"negatives": 1.5}, "hard negatives"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": 0.0}, "seconds"),
        ({"seed": -1}, "seed"),
        ({"codecs": ("mjpeg",)}, "codecs"),
        ({"coarseness": (0.5, 0.2)}, "coarseness"),
        ({"spec": SynthSpec(shortest_s=9.0)}, "shots of"),
    ],
)
def test_synth_recipe__refuses_what_cannot_be(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SynthRecipe(**change)  # type: ignore[arg-type]


def test_draw_coding__repeats_and_stays_in_range() -> None:
    recipe = SynthRecipe()
    drawn = [draw_coding(recipe, INFO, np.random.default_rng(n)) for n in range(60)]
    assert drawn[0] == draw_coding(recipe, INFO, np.random.default_rng(0))
    assert {c.codec for c in drawn} == set(recipe.codecs)
    assert {c.every for c in drawn} == {1, 2, 3}
    assert all(240 <= min(c.width, c.height) <= 480 and c.width % 2 == c.height % 2 == 0 for c in drawn)
    assert all(12 <= c.gop <= 60 for c in drawn)


def test_draw_coding__never_enlarges_nor_thins_a_slow_clip() -> None:
    small = replace(INFO, width=160, height=90, fps=10.0)
    drawn = [draw_coding(SynthRecipe(), small, np.random.default_rng(n)) for n in range(20)]
    assert {(c.width, c.height, c.every) for c in drawn} == {(160, 90, 1)}
    unknown = replace(INFO, fps=None)
    assert draw_coding(SynthRecipe(), unknown, np.random.default_rng(0)).every == 1


def test_draw_coding__makes_pixels_square() -> None:
    wide = replace(INFO, width=720, height=480, sample_aspect_ratio=8 / 9)
    coding = draw_coding(SynthRecipe(short_side=(240, 240)), wide, np.random.default_rng(0))
    assert (coding.width, coding.height) == (320, 240)
