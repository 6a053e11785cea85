"""Video files of a pair: both are written with the same settings, so that nothing but the trace differs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError, VideoError
from dtr.video.recode import RECIPES
from dtr.video.scale import reformatter, scaler_flags

TICK_S = Fraction(1, 12_000)
"""Unit of time stamps: every usual frame rate is a whole number of it within 0.05 ms, and every codec takes it."""

CODECS = ("h264", "hevc", "vp9", "mpeg4")
"""Keys of `dtr.video.recode.RECIPES` that an MP4 file can hold."""

_FINE_LEVELS = frozenset({"h264", "hevc"})
"""Codecs whose quality level need not be whole."""

_FILE_OPTIONS: dict[str, dict[str, str]] = {
    # Frames are stored in display order: with B-frames MP4 loses the display time of the last one.
    "h264": {"bf": "0"},
    "hevc": {"x265-params": "log-level=none:pools=none:frame-threads=1:bframes=0:info=0"},
    "vp9": {"auto-alt-ref": "0", "lag-in-frames": "0"},
    "mpeg4": {"bf": "0"},
}
"""What a file needs beside the recipe of its codec."""

_WITHOUT_REMARKS = {"h264": "filter_units=remove_types=6"}
"""x264 writes its settings into the stream (SEI, type 6); bit-stream filters that take such remarks out."""

_BT709 = 1  # ITU-T H.273 code point, the same for matrix, primaries and transfer
_LIMITED = 1  # AVCOL_RANGE_MPEG


@dataclass(frozen=True)
class Coding:
    """Settings of both files of a pair.

    Attributes:
        width, height: pixels, both even.
        every: each so-manyth frame of the source is kept.
        codec: one of `CODECS`. level: its quality (CRF or quantiser scale), higher = coarser.
        gop: frames from one key frame to the next, at most.
    """

    width: int
    height: int
    every: int
    codec: str
    level: float
    gop: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def quality_level(codec: str, place: float) -> float:
    """Level of a codec at a place in its usual range, 0 = finest, 1 = coarsest.

    Example:
        >>> quality_level("h264", 0.5), quality_level("mpeg4", 0.0)
        (28.0, 2)
    """
    recipe = RECIPES[codec]
    level = recipe.finest + place * (recipe.coarsest - recipe.finest)
    return round(level, 1) if codec in _FINE_LEVELS else round(level)


class VideoFile:
    """One MP4 file being written; use it as a context manager. It has no sound and no tags.

    What is written lies under `temporary` until `commit`; a file that is not committed leaves nothing behind.
    """

    def __init__(self, path: Path, coding: Coding, fps: float) -> None:
        """Open it.

        Args:
            path: of the file; its folder is there.
            coding: how.
            fps: nominal rate, for the encoder's own decisions.

        Raises:
            ConfigError: this build of PyAV lacks the encoder.
            VideoError: the file cannot be made.
        """
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._filter: Any = None
        self._lengths: dict[int, int] = {}
        try:
            self._open(coding, fps)
        except OSError as error:  # PyAV's own errors are OSErrors too
            raise self._refused(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._container.close()
        self.temporary.unlink(missing_ok=True)

    def add(self, rgb: NDArray[np.uint8], tick: int, length: int) -> None:
        """Append a frame.

        Args:
            rgb: (height, width, 3) uint8.
            tick: its time in `TICK_S`, above that of the frame before. length: how long it is shown, same unit.
        """
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        yuv = reformatter().reformat(
            frame, format="yuv420p", dst_colorspace="ITU709", interpolation=scaler_flags(), threads=1
        )
        yuv.pts, yuv.time_base = tick, TICK_S
        self._lengths[tick] = length
        self._mux(yuv)

    def commit(self) -> None:
        """Finish the file and give it its name."""
        self._mux(None)
        try:
            self._container.close()
            self.temporary.replace(self.path)
        except OSError as error:
            raise self._refused(error) from error

    def _open(self, coding: Coding, fps: float) -> None:
        import av

        recipe = RECIPES[coding.codec]
        flags = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container: Any = av.open(str(self.temporary), "w", format="mp4", options=flags)
        options = {key: value.format(level=coding.level) for key, value in recipe.options}
        options |= {"flags": "+bitexact", "g": str(coding.gop)} | _FILE_OPTIONS[coding.codec]
        self._stream = self._new_stream(recipe.encoder, Fraction(fps).limit_denominator(1001), options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = coding.width, coding.height, recipe.pix_fmt
        self._stream.time_base = TICK_S
        context: Any = self._stream.codec_context
        context.time_base, context.thread_count = TICK_S, 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._remover = _WITHOUT_REMARKS.get(coding.codec)

    def _new_stream(self, encoder: str, rate: Fraction, options: dict[str, str]) -> Any:
        import av

        try:
            return self._container.add_stream(encoder, rate=rate, options=options)
        except av.codec.codec.UnknownCodecError as error:
            self._container.close()
            self.temporary.unlink(missing_ok=True)
            raise ConfigError(f"this build of PyAV has no encoder '{encoder}'; leave out that codec") from error

    def _mux(self, yuv: Any) -> None:
        """Encode a frame (None = what is still inside) and write what comes out."""
        try:
            for packet in self._stream.encode(yuv):
                # Encoders drop lengths, and without the last one the file ends as its last frame begins.
                tick = round(packet.pts * Fraction(packet.time_base) / TICK_S)
                packet.duration = round(self._lengths.pop(tick) * TICK_S / Fraction(packet.time_base))
                for bare in self._filtered(packet):
                    self._container.mux(bare)
        except OSError as error:
            raise self._refused(error) from error

    def _filtered(self, packet: Any) -> Iterable[Any]:
        import av

        if self._remover is None:
            return [packet]
        if self._filter is None:  # the encoder's headers are complete only now
            self._filter = av.BitStreamFilterContext(self._remover, self._stream)
        return self._filter.filter(packet)

    def _refused(self, error: OSError) -> VideoError:
        why = error.strerror or error
        return VideoError(f"cannot write '{self.path}': {why}; check the folder and its free space")
