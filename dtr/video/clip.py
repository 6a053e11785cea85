"""Frames on a clock: which frame each step takes while the video streams by, and a whole clip at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtr.clock import Clock
from dtr.errors import LimitError
from dtr.video.scale import resize_rgb
from dtr.video.types import DecodedFrame, Limits, VideoClip, VideoReader

_SLACK_S = 5e-7
"""The same slack as `Clock.pick_frames`: a frame stamped 0.166667 is shown at 1/6 s."""


def taken_frames(reader: VideoReader, clock: Clock) -> Iterator[tuple[int, DecodedFrame | None]]:
    """Every step of a video in order with the frame it takes; one frame is kept, however long the video.

    Equals `clock.pick_frames` applied to all presentation times (None = −1, masked).

    Yields:
        (step index, frame or None).
    """
    step = 0
    shown: DecodedFrame | None = None
    fresh = False
    for frame in reader:
        # Until this frame appears, the one before it is on the screen.
        while shown is not None and step / clock.rate_hz + _SLACK_S < frame.time_s:
            yield step, shown if fresh else None
            step, fresh = step + 1, False
        shown, fresh = frame, True
    for last in range(step, clock.num_steps(reader.duration_s)):
        yield last, shown if fresh else None
        fresh = False


def collect_clip(
    reader: VideoReader,
    *,
    clock: Clock | None = None,
    size: tuple[int, int] | None = None,
    max_s: float | None = None,
    limits: Limits | None = None,
    video_id: str | None = None,
) -> VideoClip:
    """All frames of a reader, or with a clock only those that a step takes.

    Args:
        reader: not yet iterated.
        clock: chooses frames.
        size: (width, height) that every frame is resized to at once; `width` and `height` of the clip stay as they are.
        max_s: frames from this time on are left out, and the clip ends there.
        limits: of memory.
        video_id: the file's stem by default.

    Raises:
        LimitError: the frames need more memory than `limits.max_clip_bytes`.
    """
    max_bytes = (limits or Limits()).max_clip_bytes
    width, height = size or (reader.info.width, reader.info.height)
    frames: list[NDArray[np.uint8]] = []
    times: list[float] = []
    cut = False
    chosen: Iterable[DecodedFrame] = reader
    if clock is not None:
        chosen = (frame for _, frame in taken_frames(reader, clock) if frame is not None)
    for frame in chosen:
        if max_s is not None and frame.time_s >= max_s:
            cut = True
            break
        if (len(frames) + 1) * width * height * 3 > max_bytes:
            raise LimitError(
                f"the frames of '{reader.info.path}' need more than {max_bytes / 2**30:g} GiB at once; "
                "stream them with dtr.video.open_video, give a clock, or raise max_clip_bytes (--max-clip-mib)"
            )
        frames.append(frame.rgb() if size is None else resize_rgb(frame.rgb(), width, height))
        times.append(frame.time_s)
    end_s = reader.duration_s if max_s is None else max_s if cut else min(max_s, reader.duration_s)
    return VideoClip(
        frames=np.stack(frames),
        times_s=np.array(times, dtype=np.float64),
        width=reader.info.width,
        height=reader.info.height,
        duration_s=end_s,
        video_id=video_id if video_id is not None else Path(reader.info.path).stem,
        damage=tuple(reader.damage),
    )
