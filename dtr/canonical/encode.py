"""Writes frames as a file that says nothing about where it comes from; the same frames give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.canonical.recipe import ENCODER, ENCODER_OPTIONS, CanonicalRecipe
from dtr.errors import ConfigError, VideoError
from dtr.video.scale import reformatter, scaler_flags

_BT709 = 1  # ITU-T H.273 code point, the same for matrix, primaries and transfer
_LIMITED = 1  # AVCOL_RANGE_MPEG
_WITHOUT_REMARKS = "filter_units=remove_types=6"
"""x264 writes its settings into the stream (SEI, type 6); without them files differ in pictures only."""


def write_h264(
    frames: Iterable[NDArray[np.uint8]], path: Path, width: int, height: int, recipe: CanonicalRecipe
) -> None:
    """Encode frames to an MP4 file that appears under its name whole or not at all.

    Args:
        frames: (height, width, 3) uint8 RGB each, at least one.
        path: of the file; its folder is there.
        width, height: in pixels, both even.
        recipe: rate, quality and key frames.

    Raises:
        ConfigError: this build of PyAV has no H.264 encoder.
        VideoError: the file cannot be written.
    """
    import av

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with av.open(
            str(temporary), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        ) as out:
            writer = _Writer(out, width, height, recipe)
            for rgb in frames:
                writer.add(rgb)
            writer.finish()
        temporary.replace(path)
    except av.codec.codec.UnknownCodecError as error:
        raise ConfigError(f"this build of PyAV has no encoder {ENCODER}; install PyAV from its wheels") from error
    except OSError as error:  # PyAV's own errors are OSErrors too
        why = error.strerror or error
        raise VideoError(f"cannot write '{path}': {why}; check the folder and its free space") from error
    finally:
        temporary.unlink(missing_ok=True)


class _Writer:
    """Encoder, filter and container of one file."""

    def __init__(self, container: Any, width: int, height: int, recipe: CanonicalRecipe) -> None:
        import av

        self._container, self._tick, self._count = container, 1 / recipe.rate, 0
        gop = str(recipe.gop)
        options = {**ENCODER_OPTIONS, "crf": str(recipe.crf), "g": gop, "keyint_min": gop}
        self._stream: Any = container.add_stream(ENCODER, rate=recipe.rate, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        context = self._stream.codec_context
        context.time_base, context.thread_count = self._tick, 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._new_filter = lambda: av.BitStreamFilterContext(_WITHOUT_REMARKS, self._stream)
        self._filter: Any = None

    def add(self, rgb: NDArray[np.uint8]) -> None:
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        yuv = reformatter().reformat(
            frame, format="yuv420p", dst_colorspace="ITU709", interpolation=scaler_flags(), threads=1
        )
        yuv.pts, yuv.time_base = self._count, self._tick
        self._count += 1
        self._mux(self._stream.encode(yuv))

    def finish(self) -> None:
        self._mux(self._stream.encode(None))

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            # The encoder drops lengths, and without the last one the file ends as its last frame begins.
            packet.duration = round(self._tick / Fraction(packet.time_base))
            if self._filter is None:  # the encoder's headers are complete only now
                self._filter = self._new_filter()
            for bare in self._filter.filter(packet):
                self._container.mux(bare)
