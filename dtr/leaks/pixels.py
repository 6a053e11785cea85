"""Plain figures of decoded frames: perceptual hash, bars at the border, brightness, sharpness, noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

HASH_SIDE = 32
"""Frames are hashed from a picture of 32 × 32."""

FLAT_STD = 4.0
"""A picture whose luma varies less than this (of 255) has no content to hash: black, white, a fade."""

BAR_TOLERANCE = 4.0
"""Luma steps by which a bar's pixels may differ from the border's (coding noise)."""

BAR_OUTLIERS = 0.01
"""Share of a bar's pixels that may differ by more (ringing at its inner edge)."""

NOISE_CROP = 160
"""Sharpness is measured on the whole small picture, noise on a crop of this many original pixels."""

STATISTICS = ("brightness", "contrast", "saturation", "saturation_spread", "log_sharpness", "log_noise")

Bars = tuple[float, float, float, float]


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness of every pixel.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W) float32 in [0, 255].

    Source: ITU-R BT.601, luma weights.

    Example:
        >>> luma(np.full((1, 2, 3), 100, dtype=np.uint8)).round(3).tolist()
        [[100.0, 100.0]]
    """
    return rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def perceptual_hash(gray: NDArray[np.floating]) -> int | None:
    """64 bits that stay nearly the same when a picture is scaled, re-encoded or made brighter.

    Args:
        gray: (32, 32) luma in [0, 255].

    Returns:
        The lowest 8 × 8 frequencies, each above or below their median; None = the picture is flat.

    Source: Zauner (2010), "Implementation and benchmarking of perceptual image hash functions", DCT based hash.

    Example:
        >>> picture = np.random.default_rng(0).uniform(0, 200, (32, 32))
        >>> perceptual_hash(picture) == perceptual_hash(picture / 2 + 50), perceptual_hash(np.zeros((32, 32)))
        (True, None)
    """
    if float(np.std(gray)) < FLAT_STD:
        return None
    basis = _cosines()
    low = basis @ gray.astype(np.float64) @ basis.T  # (8, 8)
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def frame_bars(gray: NDArray[np.floating]) -> Bars | None:
    """Bars of one plain colour at the border, as shares of the frame.

    Args:
        gray: (H, W) luma in [0, 255].

    Returns:
        (left, top, right, bottom) in [0, 0.5); None = the whole frame is one colour, or too small to tell.

    Example:
        >>> picture = np.zeros((10, 20)); picture[2:8] = np.arange(120).reshape(6, 20) + 50
        >>> frame_bars(picture)
        (0.0, 0.2, 0.0, 0.2)
    """
    height, width = gray.shape
    if min(height, width) < 8 or float(np.std(gray)) < FLAT_STD:
        return None
    top, bottom = _run(gray), _run(gray[::-1])
    # Bars above and below belong to every column; they must not hide where the picture begins.
    middle = gray[top : height - bottom].T
    left, right = _run(middle), _run(middle[::-1])
    return left / width, top / height, right / width, bottom / height


def common_bars(frames: Sequence[Bars | None]) -> Bars | None:
    """Bars that every frame has; None = no frame could tell.

    Example:
        >>> common_bars([(0.0, 0.2, 0.0, 0.1), None, (0.1, 0.1, 0.0, 0.1)])
        (0.0, 0.1, 0.0, 0.1)
    """
    known = [bars for bars in frames if bars is not None]
    if not known:
        return None
    left, top, right, bottom = np.min(np.array(known), axis=0).tolist()
    return left, top, right, bottom


def without_bars(picture: NDArray[np.generic], bars: Bars) -> NDArray[np.generic]:
    """The part of an (H, W, …) array inside the bars; never empty.

    Example:
        >>> without_bars(np.zeros((10, 20)), (0.0, 0.2, 0.0, 0.2)).shape
        (6, 20)
    """
    height, width = picture.shape[:2]
    left, top = round(bars[0] * width), round(bars[1] * height)
    right, bottom = width - round(bars[2] * width), height - round(bars[3] * height)
    return picture[min(top, height - 1) : max(bottom, top + 1), min(left, width - 1) : max(right, left + 1)]


def picture_statistics(small: NDArray[np.uint8], native: NDArray[np.uint8]) -> dict[str, float]:
    """What a picture looks like on the whole.

    Args:
        small: (h, w, 3) uint8 RGB, the frame scaled to a common size.
        native: (H, W, 3) uint8 RGB, a crop of original pixels.

    Returns:
        By name of `STATISTICS`: mean and deviation of luma and of saturation in [0, 1], log of the Laplacian's
        variance, log of the mean distance from a 3 × 3 mean.

    Example:
        >>> flat = np.full((16, 16, 3), 51, dtype=np.uint8)
        >>> {name: round(v, 3) for name, v in picture_statistics(flat, flat).items()}["brightness"]
        0.2
    """
    gray = luma(small)
    high, low = small.max(axis=2).astype(np.float64), small.min(axis=2).astype(np.float64)
    saturation = (high - low) / np.maximum(high, 1.0)
    fine = luma(native)
    residual = np.abs(fine[1:-1, 1:-1] - _box3(fine)).mean() if min(fine.shape) > 2 else 0.0
    figures = (
        float(gray.mean()) / 255,
        float(gray.std()) / 255,
        float(saturation.mean()),
        float(saturation.std()),
        math.log1p(float(_laplacian(gray).var())),
        math.log1p(float(residual)),
    )
    return dict(zip(STATISTICS, figures, strict=True))


def centre_crop(rgb: NDArray[np.uint8], side: int = NOISE_CROP) -> NDArray[np.uint8]:
    """The middle of a picture, at most `side` pixels wide and high.

    Example:
        >>> centre_crop(np.zeros((100, 400, 3), dtype=np.uint8), 160).shape
        (100, 160, 3)
    """
    height, width = rgb.shape[:2]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return rgb[top : top + side, left : left + side]


def _run(gray: NDArray[np.floating]) -> int:
    """Leading rows of the border row's colour; 0 where they reach the middle (a plain background, no bar)."""
    colour = float(np.median(gray[0]))
    rows = len(gray) // 2
    plain = (np.abs(gray[:rows] - colour) > BAR_TOLERANCE).mean(axis=1) <= BAR_OUTLIERS
    return 0 if plain.all() else int(np.argmin(plain))


def _laplacian(gray: NDArray[np.floating]) -> NDArray[np.floating]:
    inner = gray[1:-1, 1:-1]
    return gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * inner


def _box3(gray: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean of each pixel and its eight neighbours, without the border."""
    rows = gray[:-2] + gray[1:-1] + gray[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9


@cache
def _cosines() -> NDArray[np.float64]:
    """(8, 32) lowest rows of the DCT-II."""
    k, n = np.arange(8)[:, None], np.arange(HASH_SIDE)[None, :]
    return np.cos(np.pi * (2 * n + 1) * k / (2 * HASH_SIDE))
