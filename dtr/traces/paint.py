"""Painting on frames: rectangles of new pixels, blends and warps, done on the part of a frame that changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv
from dtr.traces.scene import FloatArray, Roi
from dtr.traces.track import Patch


@dataclass(frozen=True)
class Stroke:
    """What a trace changes on one frame.

    Attributes:
        roi: (x0, y0, x1, y1) whole pixels of the frame.
        pixels: (h, w, 3) uint8, the rectangle's new content, already blended.
        support: (h, w) float32 in [0, 1]: where the trace is; boxes are taken from it.
    """

    roi: Roi
    pixels: NDArray[np.uint8]
    support: NDArray[np.float32]


def blend(
    below: NDArray[np.uint8], above: NDArray[np.uint8] | NDArray[np.float32], mask: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """`above` over `below` where the mask is 1.

    Args:
        below: (h, w, 3) uint8. above: (h, w, 3) of 0 … 255. mask: (h, w) in [0, 1].

    Example:
        >>> grey = np.full((1, 2, 3), 100, np.uint8)
        >>> blend(grey, grey + 100, np.array([[0.0, 0.5]]))[0, :, 0].tolist()
        [100, 150]
    """
    weight = np.asarray(mask, dtype=np.float32)[..., None]
    mixed = below.astype(np.float32)
    mixed += weight * (above.astype(np.float32) - mixed)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def pull(pixels: NDArray[np.uint8], shift: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture warped: each pixel takes the colour found `shift` away from it; Lanczos, which softens least.

    Args:
        pixels: (h, w, 3) uint8. shift: (h, w, 2) float32 pixels, x then y.
    """
    cv2 = opencv()
    height, width = pixels.shape[:2]
    cols, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        pixels, cols + shift[..., 0], rows + shift[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
    )


def carry(frame: NDArray[np.uint8], move: FloatArray, roi: Roi) -> NDArray[np.uint8]:
    """A rectangle of a frame after the whole frame was moved by a similarity.

    Args:
        frame: (H, W, 3) uint8. move: (3, 3) full pixels. roi: of the result.
    """
    cv2 = opencv()
    matrix = np.array([[1, 0, -roi[0]], [0, 1, -roi[1]], [0, 0, 1.0]]) @ move
    size = (roi[2] - roi[0], roi[3] - roi[1])
    return cv2.warpAffine(frame, matrix[:2], size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)


def whole_frame(height: int, width: int, mask: NDArray[np.float32] | None = None) -> Patch:
    """The whole frame as a patch; `mask` (any size) is scaled to it, else it is 1 everywhere."""
    if mask is None:
        return Patch((0, 0, width, height), np.ones((height, width), np.float32))
    cv2 = opencv()
    return Patch((0, 0, width, height), cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR))


def move_by(dx: float, dy: float) -> FloatArray:
    """A shift as a (3, 3) matrix."""
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])


def turn_about(centre: FloatArray, angle_rad: float, factor: float = 1.0) -> FloatArray:
    """A turn and a change of size about a point, as a (3, 3) matrix; positive angles turn clockwise on the screen.

    Example:
        >>> turn_about(np.array([1.0, 0.0]), np.pi / 2).round(6)[:2, 2].tolist()
        [1.0, -1.0]
    """
    cos, sin = factor * np.cos(angle_rad), factor * np.sin(angle_rad)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    matrix[:2, 2] = centre - matrix[:2, :2] @ centre
    return matrix


def grain_of(pixels: NDArray[np.uint8]) -> float:
    """Standard deviation of the finest detail of a picture, in steps of 1 / 255: noise and texture.

    Example:
        >>> grain_of(np.zeros((8, 8, 3), np.uint8))
        0.0
    """
    cv2 = opencv()
    values = pixels.astype(np.float32)
    return float((values - cv2.GaussianBlur(values, (0, 0), 1.0)).std())
