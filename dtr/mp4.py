"""Writes RGB frames with their true times as an MP4 that ordinary players show, whole or not at all."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError, VideoError

TIME_BASE = Fraction(1, 90_000)
_BT709 = 1  # ITU-T H.273 code point, the same for matrix, primaries and transfer


class Mp4Writer:
    """Context manager: `add` frames, and on a clean exit the file appears under its name; else nothing does.

    The encoder is libx264 where this build of FFmpeg has it, else MPEG-4 part 2. One thread, so that the same frames
    give the same bytes on every machine.
    """

    def __init__(self, path: Path, width: int, height: int, *, quality: int = 20) -> None:
        """Args: path ends in .mp4; width and height in pixels, both even; quality as x264's CRF, lower is better."""
        if path.suffix.lower() != ".mp4":
            raise ConfigError(f"expected an output name that ends in .mp4, got '{path}'; rename it")
        if not path.parent.is_dir():
            raise ConfigError(f"expected the folder '{path.parent}' to exist; make it or choose another output")
        self.path, self.width, self.height, self.quality = path, width, height, quality
        self._temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.mp4")

    def __enter__(self) -> Mp4Writer:
        import av

        self._av = av
        name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"crf": str(self.quality), "preset": "veryfast", "bf": "0"} if name == "libx264" else {"q": "3"}
        try:
            self._container = av.open(str(self._temporary), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            raise self._unwritable(error) from error
        stream: Any = self._container.add_stream(name, rate=Fraction(30), options=options)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        context = stream.codec_context
        context.time_base, context.thread_count = TIME_BASE, 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._stream = stream
        self._pending: tuple[Any, int] | None = None
        self._durations: dict[int, int] = {}
        return self

    def add(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        """Append one frame: (height, width, 3) uint8, shown from `time_s` on; times must increase."""
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        self._flush_pending(until=round(time_s / TIME_BASE))
        self._pending = (frame, round(time_s / TIME_BASE))

    def end(self, end_s: float) -> None:
        """Say until when the last frame is shown."""
        self._flush_pending(until=round(end_s / TIME_BASE))

    def _flush_pending(self, until: int) -> None:
        # A frame's duration is known only when the next one comes; a wrong one makes players stop early or stutter.
        if self._pending is None:
            return
        frame, pts = self._pending
        frame.pts, frame.time_base, frame.duration = pts, TIME_BASE, max(1, until - pts)
        self._durations[pts] = frame.duration
        self._pending = None
        self._mux(frame)

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            # The encoder drops durations, and without the last one the file ends as its last frame begins.
            packet.duration = self._durations.pop(packet.pts, packet.duration)
            try:
                self._container.mux(packet)  # the first packet opens the file
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> VideoError:
        return VideoError(f"cannot write '{self.path}': {error.strerror or error}; check the folder and its free space")

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                if self._pending is not None:
                    self.end(float(self._pending[1] * TIME_BASE + Fraction(1, 30)))
                self._mux(None)
            try:
                self._container.close()
                if kind is None:
                    self._temporary.replace(self.path)
            except OSError as error:
                if kind is None:  # else the first failure is the one to tell
                    raise self._unwritable(error) from error
        finally:
            self._temporary.unlink(missing_ok=True)
