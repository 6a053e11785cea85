"""Large pictures in parts: which pixels go into a network together, and which of its answers are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Stretch:
    """One part of an axis, in pixels.

    Attributes:
        start, end: what goes in.
        keep_start, keep_end: what is kept of the answer, start ≤ keep_start < keep_end ≤ end.
    """

    start: int
    end: int
    keep_start: int
    keep_end: int


def stretches(length: int, most: int, reach: int, grid: int) -> list[Stretch]:
    """Cuts an axis into nearly equal parts that overlap by twice the reach; kept parts cover it once.

    Args:
        length: pixels of the axis, a multiple of `grid`, ≥ 1.
        most: longest kept part, a multiple of `grid`.
        reach: how far a pixel's answer sees, a multiple of `grid`.
        grid: of the network: parts start and end on its multiples.

    Example:
        >>> stretches(40, 24, 8, 8)
        [Stretch(start=0, end=32, keep_start=0, keep_end=24), Stretch(start=16, end=40, keep_start=24, keep_end=40)]
    """
    count = math.ceil(length / most)
    cuts = [grid * math.ceil(length * i / count / grid) for i in range(count + 1)]
    return [Stretch(max(0, a - reach), min(length, b + reach), a, b) for a, b in pairwise(cuts)]


def padding(length: int, least: int, grid: int) -> tuple[int, int]:
    """Pixels to add before and after an axis: at least `least` each, the sum on the grid.

    Example:
        >>> padding(90, 8, 8), padding(96, 8, 8)
        ((8, 14), (8, 8))
    """
    return least, least + (-(length + 2 * least)) % grid
