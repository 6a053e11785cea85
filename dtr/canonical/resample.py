"""One constant frame rate: every step takes the frame nearest in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dtr.video.types import DecodedFrame

_TIE_S = 1e-6
"""Of two frames equally near, the earlier one is taken; binary fractions must not decide."""


class Step(NamedTuple):
    """One frame of the new clip.

    Attributes:
        frame: taken from the source.
        repeated: the step before took it already.
        shift_s: how much earlier (below 0) or later the source shows this frame than the new clip does.
    """

    frame: DecodedFrame
    repeated: bool
    shift_s: float


def nearest_frames(frames: Iterable[DecodedFrame], fps: float, count: int) -> Iterator[Step]:
    """The frames of a clip at a constant rate; one source frame is kept in memory, however long the video.

    A source at least as fast as `fps` and of even times gives no frame twice. After the last source frame it is
    repeated.

    Args:
        frames: in display order, times increasing from 0.
        fps: steps per second; step k stands for the time k / fps.
        count: steps to give.

    Yields:
        `count` steps; none if there is no frame.

    Example:
        >>> source = [DecodedFrame(i, i / 8, None, lambda: None) for i in range(8)]  # 8 frames/s
        >>> [step.frame.index for step in nearest_frames(source, fps=6, count=6)]
        [0, 1, 3, 4, 5, 7]
    """
    done, taken = 0, -1
    before: DecodedFrame | None = None
    for frame in frames:
        while done < count and frame.time_s >= done / fps:
            time_s = done / fps
            is_nearer = before is None or frame.time_s - time_s < time_s - before.time_s - _TIE_S
            chosen = frame if is_nearer or before is None else before
            yield Step(chosen, chosen.index == taken, chosen.time_s - time_s)
            taken, done = chosen.index, done + 1
        if done == count:
            return
        before = frame
    while before is not None and done < count:
        yield Step(before, before.index == taken, before.time_s - done / fps)
        taken, done = before.index, done + 1
