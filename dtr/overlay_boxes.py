"""Where a moving box is at a time, and which bars share a row: the arithmetic behind the overlay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from dtr.annotation import Box, Span

TimedBox = tuple[float, float, float, float, float]  # (time_s, x0, y0, x1, y1)


def box_at(box: Box, boxes: Sequence[TimedBox], time_s: float) -> tuple[Box, bool]:
    """A trace's box at a time, and whether the detector looked there.

    Between two boxes the coordinates are interpolated linearly; before the first and after the last they are held.

    Args:
        box: for the whole span, used where there are no timed ones.
        boxes: increasing in time.
        time_s: when.

    Returns:
        (box, seen): seen is False in a gap, that is further than one usual step from every timed box.

    Example:
        >>> box_at((0, 0, 1, 1), [(0.0, 0.0, 0.0, 0.5, 0.5), (1.0, 0.5, 0.5, 1.0, 1.0)], 0.5)
        ((0.25, 0.25, 0.75, 0.75), True)
    """
    if not boxes:
        return box, True
    times = [b[0] for b in boxes]
    after = bisect_right(times, time_s)
    left, right = boxes[max(0, after - 1)], boxes[min(after, len(boxes) - 1)]
    step = median(b - a for a, b in pairwise(times)) if len(times) > 1 else float("inf")
    seen = min(abs(time_s - left[0]), abs(time_s - right[0])) <= step * (1 + 1e-6)
    share = (time_s - left[0]) / (right[0] - left[0]) if right[0] > left[0] else 0.0
    share = min(1.0, max(0.0, share))
    x0, y0, x1, y1 = (a + share * (b - a) for a, b in zip(left[1:], right[1:], strict=True))
    return (x0, y0, x1, y1), seen


def pack_lanes(spans: Sequence[Span], lanes: int) -> list[int | None]:
    """Rows for bars so that none overlap, in the given order; None = no row is left.

    Example:
        >>> pack_lanes([(0, 2), (1, 3), (2, 4)], 2)
        [0, 1, 0]
    """
    ends: list[list[Span]] = [[] for _ in range(lanes)]
    rows: list[int | None] = []
    for span in spans:
        fits = (i for i, used in enumerate(ends) if all(span[1] <= u[0] or u[1] <= span[0] for u in used))
        row = next(fits, None)
        if row is not None:
            ends[row].append(span)
        rows.append(row)
    return rows
