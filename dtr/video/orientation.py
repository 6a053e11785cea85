"""Orientation: the turn and flip that a file asks its player for, as array operations that copy nothing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """A multiple of 90 degrees with or without a mirror: transpose first, then flip.

    Attributes:
        transpose: rows become columns.
        flip_x: left-right, after the transposition.
        flip_y: top-bottom, after the transposition.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def rotation(self) -> int:
        """Clockwise degrees, 0 to 270 (of the turn that a left-right flip follows, where there is one).

        Example:
            >>> Orientation(transpose=True, flip_x=True).rotation
            90
        """
        if self.transpose:
            return 270 if self.flip_y else 90
        return 180 if self.flip_y else 0

    @property
    def mirrored(self) -> bool:
        """A flip is part of it, so that no turn alone does the same.

        Example:
            >>> Orientation(flip_x=True).mirrored, Orientation(flip_x=True, flip_y=True).mirrored
            (True, False)
        """
        return self.transpose ^ self.flip_x ^ self.flip_y

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as displayed."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The displayed picture.

        Args:
            rgb: (H, W, 3) uint8 as stored.

        Returns:
            (H', W', 3) uint8, contiguous.

        Example:
            >>> picture = np.array([[[1] * 3, [2] * 3]], dtype=np.uint8)  # 1 2
            >>> Orientation(transpose=True, flip_x=True).apply(picture)[..., 0].tolist()  # a quarter turn clockwise
            [[1], [2]]
        """
        if self.transpose:
            rgb = rgb.transpose(1, 0, 2)
        if self.flip_x:
            rgb = rgb[:, ::-1]
        if self.flip_y:
            rgb = rgb[::-1]
        return np.ascontiguousarray(rgb)


def from_display_matrix(data: bytes) -> Orientation:
    """The orientation nearest to a display matrix.

    Args:
        data: nine native 32-bit integers, row by row; a point moves to x' = m0·x + m3·y, y' = m1·x + m4·y.

    Returns:
        The identity for data of another size or a matrix that displays nothing.

    Source: ISO 14496-12, 8.3.2 (track header matrix); FFmpeg, libavutil/display.h.

    Example:
        >>> quarter_turn = struct.pack("=9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
        >>> from_display_matrix(quarter_turn).rotation
        90
    """
    if len(data) != 36:
        return Orientation()
    m = struct.unpack("=9i", data)
    if abs(m[0]) + abs(m[4]) >= abs(m[1]) + abs(m[3]):
        return Orientation(False, m[0] < 0, m[4] < 0)
    return Orientation(True, m[3] < 0, m[1] < 0)
