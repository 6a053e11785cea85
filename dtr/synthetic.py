"""Synthetic traces: what a generator's mistakes look like, put into one region of a photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]  # (H, W, 3), 0 to 255
PixelBox = tuple[int, int, int, int]  # xyxy


@dataclass(frozen=True)
class Effect:
    """One kind of trace.

    Attributes:
        patch: (photo, region, source, seconds since the onset, amount in [0, 1]) → the changed region.
        rise_s: seconds from nothing to the full amount.
        sentence: what is seen, with a place for the thing it happens to.
    """

    patch: Callable[[Image, PixelBox, PixelBox, float, float], Image]
    rise_s: float
    sentence: str


def apply_effect(
    photo: Image, category: str, region: PixelBox, source: PixelBox, since_s: float, amount: float
) -> Image:
    """The photograph with a trace in it; everything outside the region's ellipse stays as it was.

    Args:
        photo: (H, W, 3) float, 0 to 255.
        category: a key of `EFFECTS`.
        region: that changes, inside the photograph.
        source: what "Redundant Object" copies; as large as the region.
        since_s: seconds since the onset (moving effects).
        amount: 0 = nothing, 1 = all of it.

    Returns:
        (H, W, 3), a new array.
    """
    x0, y0, x1, y1 = region
    patch = EFFECTS[category].patch(photo, region, source, since_s, amount)
    scene = photo.copy()
    scene[y0:y1, x0:x1] += ellipse_mask(y1 - y0, x1 - x0)[..., None] * (patch - scene[y0:y1, x0:x1])
    return scene


def smooth(value: float) -> float:
    """0 below 0, 1 above 1, and a smooth step between.

    Example:
        >>> smooth(-1), smooth(0.5), smooth(3)
        (0.0, 0.5, 1.0)
    """
    v = min(max(float(value), 0.0), 1.0)
    return v * v * (3 - 2 * v)


def ellipse_mask(rows: int, cols: int) -> NDArray[np.float32]:
    """(rows, cols): an ellipse that fills the box, 1 inside, falling smoothly to 0 at the box's edge."""
    y = (np.arange(rows) + 0.5) / rows * 2 - 1
    x = (np.arange(cols) + 0.5) / cols * 2 - 1
    inside = np.clip((1 - np.hypot(y[:, None], x[None, :])) / 0.3, 0, 1)
    return (inside * inside * (3 - 2 * inside)).astype(np.float32)


def box_blur(image: Image, radius: float) -> Image:
    """Near-Gaussian blur (three box filters an axis) with repeated edges, in floating point.

    Args:
        image: (H, W, C).
        radius: standard deviation in pixels, ≥ 0.
    """
    half = round(((4 * radius**2 + 1) ** 0.5 - 1) / 2)  # three boxes of side 2·half + 1 have about this deviation
    for axis in (0, 1) * 3 if half else ():
        size = image.shape[axis]
        pad = [(half + 1, half) if a == axis else (0, 0) for a in range(image.ndim)]
        sums = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
        side = 2 * half + 1
        window = np.take(sums, range(side, side + size), axis=axis) - np.take(sums, range(size), axis=axis)
        image = (window / side).astype(np.float32)
    return image


def _around(photo: Image, region: PixelBox, pad: int) -> tuple[Image, slice, slice]:
    """The region with `pad` pixels around it, and where the region lies in that crop."""
    x0, y0, x1, y1 = region
    left, top = max(0, x0 - pad), max(0, y0 - pad)
    crop = photo[top : y1 + pad, left : x1 + pad]
    return crop, slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def _distort(photo: Image, region: PixelBox, source: PixelBox, since_s: float, amount: float) -> Image:
    """The region bends in waves that wander, as if it were soft."""
    x0, y0, x1, y1 = region
    rows, cols = y1 - y0, x1 - x0
    ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    reach = 0.1 * amount * min(rows, cols) * ellipse_mask(rows, cols)
    waves_y, waves_x = (ys - y0) / rows / 0.55, (xs - x0) / cols / 0.55
    shift_x = np.sin(2 * np.pi * (waves_y + 0.9 * since_s)) + np.sin(2 * np.pi * (waves_x + 0.2))
    shift_y = np.sin(2 * np.pi * (waves_x - 0.7 * since_s))
    return _sample(photo, xs + reach * shift_x, ys + reach * shift_y)


def _sample(photo: Image, xs: NDArray[np.floating], ys: NDArray[np.floating]) -> Image:
    """Bilinear samples of the photograph at pixel positions, edges repeated."""
    xs = np.clip(xs, 0, photo.shape[1] - 1.001)
    ys = np.clip(ys, 0, photo.shape[0] - 1.001)
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    fx, fy = (xs - left)[..., None], (ys - top)[..., None]
    above = photo[top, left] * (1 - fx) + photo[top, left + 1] * fx
    below = photo[top + 1, left] * (1 - fx) + photo[top + 1, left + 1] * fx
    return above * (1 - fy) + below * fy


def _blur(photo: Image, region: PixelBox, source: PixelBox, since_s: float, amount: float) -> Image:
    """The region goes out of focus, alone."""
    crop, rows, cols = _around(photo, region, 24)
    return box_blur(crop, 7.0 * amount)[rows, cols]


def _double(photo: Image, region: PixelBox, source: PixelBox, since_s: float, amount: float) -> Image:
    """A copy of the source fades in."""
    x0, y0, x1, y1 = region
    copy = photo[source[1] : source[3], source[0] : source[2]]
    return photo[y0:y1, x0:x1] * (1 - amount) + copy * amount


def _vanish(photo: Image, region: PixelBox, source: PixelBox, since_s: float, amount: float) -> Image:
    """The thing fades into what surrounds it: a weighted blur of everything but the thing itself."""
    radius = 0.22 * min(region[2] - region[0], region[3] - region[1])
    crop, rows, cols = _around(photo, region, round(3 * radius) + 1)
    weight = np.ones((*crop.shape[:2], 1), dtype=np.float32)
    weight[rows, cols, 0] -= ellipse_mask(rows.stop - rows.start, cols.stop - cols.start)
    fill = box_blur(crop * weight, radius) / np.maximum(box_blur(weight, radius), 1e-3)
    return (crop + amount * (fill - crop))[rows, cols].astype(np.float32)


EFFECTS: dict[str, Effect] = {
    "Object Distortion": Effect(_distort, 0.5, "{thing} bends and melts"),
    "Sudden Blurring": Effect(_blur, 0.12, "{thing} goes out of focus, alone"),
    "Redundant Object": Effect(_double, 0.35, "a second copy of {thing} appears"),
    "Object Disappearance": Effect(_vanish, 0.4, "{thing} fades away"),
}
"""By category name (`dtr.annotation.CATEGORIES`)."""
