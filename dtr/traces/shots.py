"""A video as shots of bounded length and memory, one after the other, however long it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtr.clock import Clock
from dtr.errors import LimitError, VideoError
from dtr.traces.scene import SMALL_SIDE, Scene
from dtr.traces.writer import TICK_S
from dtr.video import Limits, open_video, taken_frames
from dtr.video.scale import resize_rgb
from dtr.video.types import DecodedFrame, VideoReader

FEWEST_FRAMES = 12
"""A shot must be able to hold so many: a trace in fewer says nothing of time."""

DONOR_S = 2.0
"""Seconds of another clip that are kept at hand."""

DONOR_SHARE = 0.2
"""Share of a shot's memory that they may take."""

_FULL_BYTES = 3 + 3 + 3 + 3 + 4
"""A pixel of a frame: as read, with hard negatives, with traces, and a stroke over all of it with its support."""

_SMALL_BYTES = 3 + 1 + 8 + 8 + 4
"""A pixel of a small frame: colour, grey, flow both ways, and what is computed from them."""


_CODEC_BYTES = 160
"""A pixel of the picture size: what one decoder and two encoders hold back, in all."""


@dataclass(frozen=True)
class Shot:
    """Frames in a row.

    Attributes:
        frames: (N, H, W, 3) uint8 RGB, N ≥ 1.
        ticks: (N,) int64 times in the video, in units of `TICK_S`, increasing.
        end: when the last frame ceases to be shown, same unit.
    """

    frames: NDArray[np.uint8]
    ticks: NDArray[np.int64]
    end: int

    @property
    def start_s(self) -> float:
        """Time of the first frame in the video."""
        return float(self.ticks[0] * TICK_S)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(N,) seconds since the shot began."""
        return (self.ticks - self.ticks[0]) * float(TICK_S)

    @property
    def length_s(self) -> float:
        """Seconds from its first frame to its end."""
        return float((self.end - self.ticks[0]) * TICK_S)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) how long each frame is shown, in ticks."""
        return np.diff(self.ticks, append=self.end)


def most_frames(width: int, height: int, memory_bytes: int) -> int:
    """Frames of a shot that fit into a memory together with all that synthesis keeps beside them.

    Args:
        width, height: pixels of a frame.
        memory_bytes: for frames and codecs; what the interpreter and its libraries take comes on top.

    Raises:
        LimitError: fewer than `FEWEST_FRAMES`.

    Example:
        >>> most_frames(512, 288, 512 * 2**20), most_frames(1920, 1080, 1024 * 2**20)
        (125, 15)
    """
    scale = min(1.0, SMALL_SIDE / min(width, height))
    per_frame = width * height * (_FULL_BYTES + scale**2 * _SMALL_BYTES)
    codecs = width * height * _CODEC_BYTES
    count = int((memory_bytes * (1 - DONOR_SHARE) - codecs) / per_frame)
    if count < FEWEST_FRAMES:
        needed = math.ceil((FEWEST_FRAMES * per_frame + codecs) / (1 - DONOR_SHARE) / 2**20)
        raise LimitError(
            f"a shot of {FEWEST_FRAMES} frames of {width}×{height} needs {needed} MiB, more than the limit of "
            f"{memory_bytes / 2**20:.0f}; raise it with --memory, or choose a smaller --short-side"
        )
    return count


def shot_length_s(duration_s: float | None, longest_s: float) -> float:
    """Length at which a video falls into equal shots, none longer than allowed.

    Args:
        duration_s: of the video, as far as it is declared.
        longest_s: of a shot.

    Example:
        >>> shot_length_s(6.4, 6.0), shot_length_s(5.0, 6.0), shot_length_s(None, 6.0)
        (3.2, 5.0, 6.0)
    """
    if duration_s is None or not 0 < duration_s < math.inf:
        return longest_s
    # A little more than needed: a video is often a frame longer than it declares, and that frame is no shot.
    return duration_s / math.ceil(duration_s / longest_s - 1e-6)


def read_shots(
    reader: VideoReader,
    size: tuple[int, int],
    *,
    every: int = 1,
    shot_s: float = 6.0,
    frames: int,
    end_s: float = math.inf,
) -> Iterator[Shot]:
    """All of a video, shot by shot; what is kept here is one shot.

    Args:
        reader: not yet iterated.
        size: (width, height) of the frames.
        every: each so-manyth frame is kept.
        shot_s: length of a shot, seconds.
        frames: of a shot, at most.
        end_s: the video is read up to there.
    """
    width, height = size
    buffer = np.empty((frames, height, width, 3), np.uint8)
    ticks: list[int] = []
    for frame, tick in _kept(reader, every, end_s):
        if ticks and (len(ticks) == frames or (tick - ticks[0]) * TICK_S >= shot_s):
            yield Shot(buffer[: len(ticks)], np.array(ticks), tick)
            buffer, ticks = np.empty((frames, height, width, 3), np.uint8), []
        buffer[len(ticks)] = resize_rgb(frame.rgb(), width, height)
        ticks.append(tick)
    if ticks:
        yield Shot(buffer[: len(ticks)], np.array(ticks), max(ticks[-1] + 1, _tick(min(end_s, reader.duration_s))))


def read_donor(
    path: Path,
    size: tuple[int, int],
    *,
    most: int,
    every: int = 1,
    clock: Clock | None = None,
    decoder: str = "pyav",
    limits: Limits | None = None,
) -> Scene | None:
    """The first seconds of another clip, cut to the same shape.

    Args:
        path: of the clip.
        size: (width, height).
        most: frames that are kept at most.
        every: each so-manyth frame is kept. clock: of these, only those that a step takes; None = all.
        decoder, limits: as for `dtr.video.open_video`.

    Returns:
        Its scene; None where that clip cannot be read (it has an error line of its own where its turn comes).
    """
    width, height = size
    frames: list[NDArray[np.uint8]] = []
    ticks: list[int] = []
    try:
        with open_video(path, decoder=decoder, limits=limits) as reader:
            taken = reader if clock is None else (f for _, f in taken_frames(reader, clock) if f is not None)
            for frame, tick in _kept(taken, every, DONOR_S):
                if len(frames) == most:
                    break
                frames.append(_cover(frame.rgb(), width, height))
                ticks.append(tick)
            end_s = min(reader.duration_s, DONOR_S)
    except VideoError:
        return None
    times_s = np.array(ticks) * float(TICK_S)
    return Scene(np.stack(frames), times_s, max(end_s, float(times_s[-1]) + 1e-3))


def _kept(frames: Iterable[DecodedFrame], every: int, end_s: float) -> Iterator[tuple[DecodedFrame, int]]:
    """Frames to keep with their times in ticks."""
    last = -1
    for frame in frames:
        if frame.time_s >= end_s:
            return
        tick = _tick(frame.time_s)
        if frame.index % every == 0 and tick > last:  # one shown for less than a tick is never seen
            yield frame, tick
            last = tick


def _cover(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture scaled to cover a size, its middle cut out."""
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    wide, high = max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale))
    left, top = (wide - width) // 2, (high - height) // 2
    return resize_rgb(rgb, wide, high)[top : top + height, left : left + width]


def _tick(time_s: float) -> int:
    return round(time_s / float(TICK_S))
