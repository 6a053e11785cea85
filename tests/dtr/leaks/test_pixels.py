from __future__ import annotations

import numpy as np
import pytest

from dtr.leaks.near_duplicates import hamming
from dtr.leaks.pixels import (
    STATISTICS,
    centre_crop,
    common_bars,
    frame_bars,
    luma,
    perceptual_hash,
    picture_statistics,
    without_bars,
)
from dtr.video.scale import resize_rgb


def scene(seed: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A picture with large and small shapes."""
    coarse = np.random.default_rng(seed).integers(20, 235, (6, 10, 3)).astype(np.uint8)
    return resize_rgb(coarse, width, height)


def bits_of(rgb: np.ndarray) -> int:
    found = perceptual_hash(luma(resize_rgb(np.ascontiguousarray(rgb), 32, 32)))
    assert found is not None
    return found


def test_perceptual_hash__survives_scale_light_and_noise_and_tells_scenes_apart() -> None:
    picture = scene(0)
    noise = np.random.default_rng(1).normal(0, 6, picture.shape)
    brighter = np.clip(picture * 0.8 + 25 + noise, 0, 255).astype(np.uint8)
    assert hamming(bits_of(picture), bits_of(resize_rgb(picture, 64, 40))) <= 4
    assert hamming(bits_of(picture), bits_of(brighter)) <= 6
    others = [int(hamming(bits_of(picture), bits_of(scene(seed)))) for seed in range(1, 20)]
    assert min(others) > 12


def test_perceptual_hash__has_64_bits_and_none_for_a_flat_picture() -> None:
    assert 0 < bits_of(scene(0)) < 2**64
    assert perceptual_hash(np.full((32, 32), 17.0)) is None


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_frame_bars__finds_plain_bars_of_any_colour(colour: int) -> None:
    picture = luma(scene(3))
    framed = np.full((96, 160), float(colour))
    framed[12:84, 20:150] = picture[12:84, 20:150]
    framed += np.random.default_rng(0).normal(0, 0.8, framed.shape)  # coding noise
    assert frame_bars(framed) == (20 / 160, 12 / 96, 10 / 160, 12 / 96)


def test_frame_bars__none_in_a_picture_without_and_none_for_a_flat_one() -> None:
    assert frame_bars(luma(scene(3))) == (0.0, 0.0, 0.0, 0.0)
    assert frame_bars(np.zeros((50, 50))) is None
    assert frame_bars(np.arange(12.0).reshape(3, 4) * 20) is None


def test_frame_bars__a_plain_background_is_no_bar() -> None:
    picture = np.full((60, 80), 200.0)
    picture[40:50, 30:50] = 10.0  # a thing on a table: the upper half is all plain
    assert frame_bars(picture)[1] == 0.0  # type: ignore[index]


def test_common_bars__are_those_of_every_frame() -> None:
    assert common_bars([(0.1, 0.2, 0.3, 0.4), (0.2, 0.1, 0.3, 0.0)]) == (0.1, 0.1, 0.3, 0.0)
    assert common_bars([None, None]) is None


def test_without_bars__never_cuts_everything() -> None:
    picture = np.arange(24).reshape(4, 6)
    assert without_bars(picture, (0.0, 0.25, 0.5, 0.0)).tolist() == picture[1:, :3].tolist()
    assert without_bars(picture, (0.49, 0.49, 0.49, 0.49)).size > 0


def test_picture_statistics__follow_light_blur_noise_and_colour() -> None:
    picture = scene(5)
    plain = picture_statistics(picture, picture)
    assert tuple(plain) == STATISTICS
    darker = (picture // 2).astype(np.uint8)
    assert picture_statistics(darker, darker)["brightness"] < plain["brightness"] * 0.6
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
    assert picture_statistics(picture, noisy)["log_noise"] > plain["log_noise"] + 0.5
    assert picture_statistics(noisy, picture)["log_sharpness"] > plain["log_sharpness"] + 0.5
    gray = np.repeat(luma(picture).astype(np.uint8)[..., None], 3, axis=2)
    assert picture_statistics(gray, gray)["saturation"] == 0.0


def test_centre_crop__takes_the_middle_and_never_enlarges() -> None:
    picture = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    assert centre_crop(picture, 3).tolist() == picture[1:4, 2:5].tolist()
    assert centre_crop(picture, 100).shape == picture.shape
