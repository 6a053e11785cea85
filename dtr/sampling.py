"""From a video to clip steps: the frames that the clock takes, rendered as views; one way for training and runtime."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.clock import Clock
from dtr.errors import LimitError
from dtr.steps import ClipSteps
from dtr.video import Limits, VideoReader, open_video, taken_frames
from dtr.video.array import ArrayReader
from dtr.video.scale import resize_rgb
from dtr.views import ViewSpec, view_boxes


@dataclass(frozen=True)
class Step:
    """One step of a video on a clock.

    Attributes:
        index: 0, 1, …; its nominal time is index / rate.
        span_s: the time it covers, as `Clock.step_spans` says.
        frame_time_s: true presentation time of the frame taken, NaN where masked.
        frames: (V, S, S, 3) uint8 RGB views; None where masked.
    """

    index: int
    span_s: tuple[float, float]
    frame_time_s: float
    frames: NDArray[np.uint8] | None


def render_views(rgb: NDArray[np.uint8], views: tuple[ViewSpec, ...]) -> NDArray[np.uint8]:
    """The pictures of one frame that a backbone looks at.

    Args:
        rgb: (H, W, 3) uint8 RGB as displayed.
        views: all of one size.

    Returns:
        (V, S, S, 3) uint8 RGB.

    Example:
        >>> frame = np.zeros((90, 160, 3), dtype=np.uint8)
        >>> render_views(frame, (ViewSpec("full", 64), ViewSpec("native", 64))).shape
        (2, 64, 64, 3)
    """
    height, width = rgb.shape[:2]
    out = np.empty((len(views), views[0].size, views[0].size, 3), dtype=np.uint8)
    for place, view in zip(out, views, strict=True):
        x0, y0, x1, y1 = view.region_px(width, height)
        place[:] = resize_rgb(rgb[y0:y1, x0:x1], view.size, view.size)
    return out


def iter_steps(reader: VideoReader, clock: Clock, views: tuple[ViewSpec, ...]) -> Iterator[Step]:
    """Every step of a video in order, while it is decoded; only frames that a step takes are converted to RGB.

    A step is given when the next one is known, because it lasts until then. Memory: two decoded frames.
    """
    pending: tuple[int, float, NDArray[np.uint8] | None] | None = None
    for index, frame in taken_frames(reader, clock):
        time_s = math.nan if frame is None else frame.time_s
        if pending is not None:
            yield _step(pending, clock, _start_s(index, time_s, clock))
        pending = index, time_s, None if frame is None else render_views(frame.rgb(), views)
    if pending is not None:
        yield _step(pending, clock, None, reader.duration_s)


def load_steps(
    path: str | os.PathLike[str],
    clock: Clock,
    views: tuple[ViewSpec, ...],
    *,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
) -> ClipSteps:
    """All steps of a video file.

    Args:
        path: of the video.
        clock: steps per second.
        views: at least one, all of one size.
        decoder: "pyav" or "decord".
        limits: what the file may cost; `Limits.long()` for long recordings.
        strict: any damage is an error.

    Raises:
        VideoError: the file is refused, broken beyond use, or (strict) damaged.
        LimitError: the file, or the memory of its steps, is beyond a limit.
    """
    limits = limits or Limits()
    with open_video(path, decoder=decoder, limits=limits, strict=strict) as reader:
        return collect_steps(reader, clock, views, limits=limits)


def steps_from_frames(
    frames: NDArray[np.uint8], times_s: ArrayLike, duration_s: float, clock: Clock, views: tuple[ViewSpec, ...]
) -> ClipSteps:
    """All steps of a clip in memory.

    Args:
        frames: (F, H, W, 3) uint8 RGB.
        times_s: (F,) presentation times in seconds, increasing, the first one 0.
        duration_s: end of the last frame's display.
        clock: steps per second.
        views: at least one, all of one size.

    Raises:
        VideoError: shapes, types or times are not as above.

    Example:
        >>> clip = np.zeros((2, 48, 64, 3), dtype=np.uint8)
        >>> steps_from_frames(clip, [0.0, 0.5], 1.0, Clock(rate_hz=4), (ViewSpec(size=32),)).step_mask.tolist()
        [True, False, True, False]
    """
    return collect_steps(ArrayReader(frames, times_s, duration_s), clock, views)


def collect_steps(
    reader: VideoReader, clock: Clock, views: tuple[ViewSpec, ...], *, limits: Limits | None = None
) -> ClipSteps:
    """All steps of an open video in one array.

    Raises:
        LimitError: the array needs more memory than `limits.max_clip_bytes`.
    """
    max_bytes = (limits or Limits()).max_clip_bytes
    begin, waited = time.perf_counter(), reader.decode_s
    size, count = views[0].size, len(views)
    max_steps = max(1, max_bytes // (count * size * size * 3))
    buffer = np.zeros((min(max_steps, 64), count, size, size, 3), dtype=np.uint8)
    times: list[float] = []
    for step in iter_steps(reader, clock, views):
        if step.index >= max_steps:
            raise LimitError(
                f"the steps of '{reader.info.path}' need more than {max_bytes / 2**30:g} GiB of memory at once; "
                "cut the video into parts, or stream it with dtr.sampling.iter_steps"
            )
        if step.index >= len(buffer):  # doubling: at most twice the memory needed
            buffer.resize((min(max_steps, 2 * len(buffer)), *buffer.shape[1:]), refcheck=False)
        if step.frames is not None:
            buffer[step.index] = step.frames
        times.append(step.frame_time_s)
    frame_times_s = np.array(times, dtype=np.float64)
    # Waiting inside iter_steps is the reader's time plus the scaler's: both are "decode" for a verdict.
    spent = max(time.perf_counter() - begin, reader.decode_s - waited)
    return ClipSteps(
        frames=buffer[: len(times)],
        step_mask=~np.isnan(frame_times_s),
        step_s=clock.step_spans(frame_times_s, reader.duration_s),
        frame_times_s=frame_times_s,
        view_boxes=view_boxes(views, reader.info.width, reader.info.height),
        width=reader.info.width,
        height=reader.info.height,
        duration_s=reader.duration_s,
        damage=tuple(reader.damage),
        decode_s=waited + spent,
    )


def _start_s(index: int, time_s: float, clock: Clock) -> float:
    return index / clock.rate_hz if math.isnan(time_s) else time_s


def _step(
    pending: tuple[int, float, NDArray[np.uint8] | None], clock: Clock, next_s: float | None, duration_s: float = 0.0
) -> Step:
    """A step whose end is the start of the next one, or for the last one what `Clock.step_spans` says."""
    index, time_s, frames = pending
    start = _start_s(index, time_s, clock)
    end = max(start + 1e-3, min(start + 1 / clock.rate_hz, duration_s)) if next_s is None else next_s
    return Step(index, (start, end), time_s, frames)
