from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dtr.video.scale import even_size, resize_rgb


def checkerboard(height: int, width: int) -> np.ndarray:
    board = (np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8)
    return np.repeat(board[..., None], 3, axis=-1)


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1000, 900)])
def test_resize_rgb__shrunk_checkerboard_is_even_grey(height: int, width: int) -> None:
    # Nearest-neighbour or unsmoothed scaling gives full-contrast moiré here.
    inner = resize_rgb(checkerboard(height, width), 224, 224)[8:-8, 8:-8]
    assert np.abs(inner.astype(int) - 127).max() <= 4


def test_resize_rgb__agrees_with_an_independent_bicubic() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    other = np.asarray(Image.fromarray(noise).resize((112, 96), Image.Resampling.BICUBIC))
    assert np.abs(resize_rgb(noise, 112, 96).astype(int) - other).mean() < 1.0


def test_resize_rgb__keeps_fine_colour() -> None:
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    grown = resize_rgb(stripes, 128, 32)
    assert grown[16, 2::8, 0].mean() > 200  # halved colour resolution would mix red and blue
    assert grown[16, 6::8, 2].mean() > 200


def test_resize_rgb__same_bytes_twice_and_input_untouched() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 131, 3), dtype=np.uint8)
    before = noise.copy()
    assert np.array_equal(resize_rgb(noise[5:, 3:], 64, 64), resize_rgb(noise[5:, 3:], 64, 64))
    assert np.array_equal(noise, before)
    same = resize_rgb(noise, 131, 90)
    same[:] = 0
    assert np.array_equal(noise, before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1, 1), (224, 224)),
        ((2, 1), (1, 2)),
        ((3, 5), (32, 32)),
        ((16384, 1), (224, 224)),
        ((1, 16384), (32, 32)),
        ((9000, 300), (32, 7)),
    ],
)
def test_resize_rgb__extreme_sizes_keep_a_flat_colour(old: tuple[int, int], new: tuple[int, int]) -> None:
    flat = np.full((old[1], old[0], 3), (10, 200, 90), dtype=np.uint8)
    out = resize_rgb(flat, *new)
    assert out.shape == (new[1], new[0], 3)
    assert np.abs(out.astype(int) - (10, 200, 90)).max() <= 2


def test_even_size__is_even_and_never_tiny() -> None:
    assert even_size(1080, 1920, 256) == (256, 456)
    assert even_size(17, 3, 3) == (16, 16)
    assert all(side % 2 == 0 for side in even_size(853, 481, 333))
