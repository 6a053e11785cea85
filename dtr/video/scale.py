"""The one resize of DTR: the decoder's own scaler with pinned flags, for training and runtime alike."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALER = "swscale-bicubic-full-1"
"""Name of the recipe for cache keys and metadata; changes whenever the pixels it gives change."""

_MAX_SHRINK = 32
"""The scaler refuses filters longer than 256 taps: 4 taps × 64; half of that is always safe."""

_local = threading.local()


def resize_rgb(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture at another size; bicubic, smoothed against aliasing when it shrinks, the same bytes every time.

    Args:
        rgb: (H, W, 3) uint8 RGB.
        width, height: wanted size in pixels, ≥ 1.

    Returns:
        (height, width, 3) uint8 RGB, a new array.

    Example:
        >>> resize_rgb(np.full((4, 6, 3), 9, dtype=np.uint8), 3, 2)[..., 0].tolist()
        [[9, 9, 9], [9, 9, 9]]
    """
    old_height, old_width = rgb.shape[:2]
    if (old_width, old_height) == (width, height):
        return rgb.copy()
    while old_width > _MAX_SHRINK * width or old_height > _MAX_SHRINK * height:
        step_width = -(-old_width // 16) if old_width > _MAX_SHRINK * width else old_width
        step_height = -(-old_height // 16) if old_height > _MAX_SHRINK * height else old_height
        rgb = _scale(rgb, step_width, step_height)
        old_height, old_width = rgb.shape[:2]
    return _scale(rgb, width, height)


def even_size(width: int, height: int, short_side: float) -> tuple[int, int]:
    """The size with the given shorter side, the shape kept, both sides even (4:2:0 codecs need that) and ≥ 16.

    Example:
        >>> even_size(1920, 1080, 256)
        (456, 256)
    """
    factor = short_side / min(width, height)
    sides = (max(16, 2 * round(side * factor / 2)) for side in (width, height))
    return next(sides), next(sides)


@cache
def scaler_flags() -> Any:
    """Bicubic with full colour resolution and rounding that does not depend on the processor."""
    from av.video.reformatter import Interpolation as Flag

    return Flag.BICUBIC | Flag.FULL_CHR_H_INT | Flag.FULL_CHR_H_INP | Flag.ACCURATE_RND | Flag.BITEXACT


def reformatter() -> Any:
    """This thread's scaler; reused because its tables are dear to build."""
    from av.video.reformatter import VideoReformatter

    if not hasattr(_local, "scaler"):
        _local.scaler = VideoReformatter()
    return _local.scaler


def _scale(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    scaled = reformatter().reformat(frame, width, height, "rgb24", interpolation=scaler_flags(), threads=1)
    return scaled.to_ndarray()
