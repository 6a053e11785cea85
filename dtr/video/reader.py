"""What both decoders share: limits while frames stream by, and the counting of what went wrong."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dtr.errors import LimitError, VideoError
from dtr.video.timing import FrameTimer
from dtr.video.types import DecodedFrame, Limits, VideoInfo

DEFAULT_GAP_S = 1 / 25
"""Display time of a single frame of a file that declares no rate."""

_CLOCK_ROUNDING_S = 1e-3


class StreamingReader(ABC):
    """One file, decoded once from start to end; a subclass gives frames with time stamps.

    Attributes:
        info: facts about the file.
    """

    info: VideoInfo

    def __init__(self, path: str | os.PathLike[str], limits: Limits, strict: bool) -> None:
        self.name = os.fspath(path)
        self.limits = limits
        self.strict = strict
        self._counts: dict[str, int] = {}
        self._notes: list[str] = []
        self._timer: FrameTimer | None = None
        self._num_frames = 0
        self._last_duration_s: float | None = None
        self._decode_s = 0.0
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Frees the decoder and the file."""

    @abstractmethod
    def _stamped(self) -> Iterator[tuple[int | None, float | None, Callable[[], NDArray[np.uint8]]]]:
        """Time stamp in ticks, declared display time in seconds and converter of every frame in display order."""

    @property
    def decode_s(self) -> float:
        """Seconds spent in demuxing, decoding and conversion to RGB so far."""
        return self._decode_s

    @property
    def damage(self) -> list[str]:
        """What could not be decoded so far, in words."""
        counted = [f"{n} {what if n > 1 else what.replace('s ', ' ', 1)}" for what, n in self._counts.items()]
        return counted + (self._timer.repairs() if self._timer else []) + self._notes

    @property
    def duration_s(self) -> float:
        """End of the last frame's display."""
        last_s = self._timer.last_s if self._timer else None
        if last_s is None:
            return 0.0
        mean_gap_s = last_s / (self._num_frames - 1) if self._num_frames > 1 else self._declared_gap_s()
        # A last frame without a length of its own is shown as long as the others; never for no time at all.
        return last_s + max(self._last_duration_s or mean_gap_s, _CLOCK_ROUNDING_S)

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Frames in display order; a reader can be iterated once."""
        if self._started:
            raise VideoError(f"'{self.name}' has been read already; open it again to read it a second time")
        self._started = True
        for stamp, duration_s, convert in self._stamped():
            assert self._timer is not None  # set by the subclass before it gives a frame
            time_s = self._timer.place(stamp)
            self._stop_if_strict()
            if time_s is None:
                continue
            self._last_duration_s = duration_s
            self._num_frames += 1
            self._check_progress()
            yield DecodedFrame(self._num_frames - 1, time_s, duration_s, convert)
        self._stop_if_strict()

    def _note_early_end(self, num_packets: int, reached_s: float) -> None:
        """Notes a file that stops before the end it declares (in time: AVI declares frames that it leaves out)."""
        declared_s, frames = self.info.duration_s, self.info.num_frames
        if declared_s is None or declared_s - reached_s <= max(0.1, 2.5 * self._declared_gap_s()):
            return
        if frames is not None and num_packets < frames:
            self._note(f"the file ends early: {num_packets} of {frames} declared frames")
        elif frames is None:
            self._note(f"the file ends early: {reached_s:.2f} of {declared_s:.2f} declared seconds")

    def _declared_gap_s(self) -> float:
        return 1 / self.info.fps if self.info.fps else DEFAULT_GAP_S

    def _count(self, what: str, number: int = 1) -> None:
        self._counts[what] = self._counts.get(what, 0) + number
        self._stop_if_strict()

    def _note(self, what: str) -> None:
        self._notes.append(what)
        self._stop_if_strict()

    def _stop_if_strict(self) -> None:
        if self.strict and self.damage:
            raise VideoError(f"'{self.name}' is damaged ({'; '.join(self.damage)}); decode it without --strict")

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Counts the time of a block as decoding and ends a file that takes too much of it."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._decode_s += time.perf_counter() - begin
        if self._decode_s > self.limits.max_decode_s:
            raise self._limit_error("takes", f"{self.limits.max_decode_s:g} s to decode")

    def _check_progress(self) -> None:
        if self._num_frames > self.limits.max_frames:
            raise self._limit_error("has", f"{self.limits.max_frames:,} frames")
        if self.duration_s > self.limits.max_seconds + _CLOCK_ROUNDING_S:
            raise self._limit_error("lasts", f"{self.limits.max_seconds:g} s")

    def _check_declared(self) -> None:
        """Refuses at once what would be refused after minutes of decoding."""
        if (self.info.num_frames or 0) > self.limits.max_frames:
            raise self._limit_error("has", f"{self.limits.max_frames:,} frames", f"{self.info.num_frames:,} declared")
        if (self.info.duration_s or 0.0) > self.limits.max_seconds + _CLOCK_ROUNDING_S:
            raise self._limit_error("lasts", f"{self.limits.max_seconds:g} s", f"{self.info.duration_s:.0f} s declared")

    def _limit_error(self, verb: str, limit: str, got: str = "") -> LimitError:
        declared = f" ({got})" if got else ""
        return LimitError(f"'{self.name}' {verb} more than the limit of {limit}{declared}; lift it with --long")
