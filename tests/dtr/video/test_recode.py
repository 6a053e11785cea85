from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from dtr.errors import ConfigError, VideoError
from dtr.video.recode import RECIPES, recode_rgb


@pytest.fixture(scope="module")
def frames(media: ModuleType) -> np.ndarray:
    return np.stack([media.numbered_picture(i, 160, 96) for i in range(20)])


@pytest.mark.parametrize("codec", RECIPES)
def test_recode_rgb__keeps_count_order_and_picture(codec: str, frames: np.ndarray, media: ModuleType) -> None:
    out = list(recode_rgb(iter(frames), codec, RECIPES[codec].finest, fps=6, gop=8))
    assert [media.frame_number(rgb) for rgb in out] == list(range(20))
    assert media.quarter_names(out[7]) == tuple(media.QUARTERS)
    assert np.abs(np.stack(out).astype(int) - frames).mean() < 8


@pytest.mark.parametrize("codec", RECIPES)
def test_recode_rgb__coarser_is_worse_and_bytes_repeat(codec: str, frames: np.ndarray) -> None:
    noisy = np.clip(frames + np.random.default_rng(0).normal(0, 12, frames.shape), 0, 255).astype(np.uint8)
    recipe = RECIPES[codec]
    fine = np.stack(list(recode_rgb(noisy, codec, recipe.finest)))
    coarse = [np.stack(list(recode_rgb(noisy, codec, recipe.coarsest))) for _ in range(3)]
    assert np.abs(coarse[0].astype(int) - noisy).mean() > np.abs(fine.astype(int) - noisy).mean() + 0.5
    assert all(np.array_equal(coarse[0], again) for again in coarse[1:])


def test_recode_rgb__h264_bytes_repeat_on_uneven_blocks() -> None:
    # The case in which x264's macroblock trees differ from run to run.
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 53, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    runs = [np.stack(list(recode_rgb(noise[:, :238, :424], "h264", 18, fps=6))) for _ in range(4)]
    assert all(np.array_equal(runs[0], again) for again in runs[1:])


def test_recode_rgb__bad_input(frames: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="one of h264"):
        list(recode_rgb(frames, "vhs", 3))
    with pytest.raises(VideoError, match="even sides, got 159×96"):
        list(recode_rgb(frames[:, :, :159], "h264", 28))
    with pytest.raises(VideoError, match="takes no frames of 6×4 pixels"):
        list(recode_rgb(frames[:, :4, :6], "hevc", 28))
    assert list(recode_rgb([], "h264", 28)) == []
