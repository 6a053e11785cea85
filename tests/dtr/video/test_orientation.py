from __future__ import annotations

import struct

import numpy as np
import pytest

from dtr.video.orientation import Orientation, from_display_matrix

ONE = 1 << 16
PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)


def shown(orientation: Orientation) -> np.ndarray:
    return orientation.apply(np.repeat(PICTURE[..., None], 3, axis=-1))[..., 0]


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "turns"), [(1, 0, 0, 1, 0), (0, 1, -1, 0, 1), (-1, 0, 0, -1, 2), (0, -1, 1, 0, 3)]
)
def test_from_display_matrix__quarter_turns_are_clockwise(a: int, b: int, c: int, d: int, turns: int) -> None:
    orientation = from_display_matrix(matrix(a, b, c, d))
    assert orientation.rotation == 90 * turns
    assert not orientation.mirrored
    assert shown(orientation).tolist() == np.rot90(PICTURE, -turns).tolist()
    assert orientation.size(3, 2) == ((3, 2) if turns % 2 == 0 else (2, 3))


@pytest.mark.parametrize(("a", "b", "c", "d"), [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)])
def test_from_display_matrix__mirrors_move_every_pixel_where_the_matrix_says(a: int, b: int, c: int, d: int) -> None:
    orientation = from_display_matrix(matrix(a, b, c, d))
    out = shown(orientation)
    moved = {(a * x + c * y, b * x + d * y): PICTURE[y, x] for y in range(2) for x in range(3)}
    low_x, low_y = min(x for x, _ in moved), min(y for _, y in moved)
    assert orientation.mirrored
    assert all(out[y - low_y, x - low_x] == value for (x, y), value in moved.items())


def test_from_display_matrix__slightly_off_angle_takes_the_nearest_quarter() -> None:
    data = struct.pack("=9i", 1000, ONE, 0, -ONE, 900, 0, 0, 0, 1 << 30)
    assert from_display_matrix(data).rotation == 90


def test_from_display_matrix__wrong_size_is_upright() -> None:
    assert from_display_matrix(b"short") == Orientation()
