"""Frames through a lossy codec and back, in memory: same count, same order, same size, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError, VideoError
from dtr.video.scale import reformatter, scaler_flags


@dataclass(frozen=True)
class CodecRecipe:
    """How one codec is driven.

    Attributes:
        encoder, decoder: FFmpeg names.
        finest, coarsest: range of its quality level that videos in the wild have (CRF or quantiser scale).
        options: encoder options; "{level}" stands for the level. One thread, so that results repeat.
        pix_fmt: of the encoder.
    """

    encoder: str
    decoder: str
    finest: int
    coarsest: int
    options: tuple[tuple[str, str], ...]
    pix_fmt: str = "yuv420p"


_QUANTISER = (("qmin", "{level}"), ("qmax", "{level}"), ("threads", "1"))

# Macroblock trees are off: with them, the x264 in PyAV 18.1 gives other bytes from run to run (8 results in 60 runs).
RECIPES: dict[str, CodecRecipe] = {
    "h264": CodecRecipe(
        "libx264", "h264", 18, 38, (("crf", "{level}"), ("preset", "veryfast"), ("threads", "1"), ("mbtree", "0"))
    ),
    "hevc": CodecRecipe(
        "libx265",
        "hevc",
        18,
        38,
        (("crf", "{level}"), ("preset", "ultrafast"), ("x265-params", "log-level=none:pools=none:frame-threads=1")),
    ),
    "vp9": CodecRecipe(
        "libvpx-vp9",
        "vp9",
        20,
        52,
        (("crf", "{level}"), ("b", "0"), ("deadline", "realtime"), ("cpu-used", "8"), ("threads", "1")),
    ),
    "mpeg4": CodecRecipe("mpeg4", "mpeg4", 2, 16, _QUANTISER),
    "mjpeg": CodecRecipe("mjpeg", "mjpeg", 2, 16, _QUANTISER, "yuvj420p"),
}


def recode_rgb(
    frames: Iterable[NDArray[np.uint8]], codec: str, level: int, *, fps: float = 25.0, gop: int = 24
) -> Iterator[NDArray[np.uint8]]:
    """Encodes frames and decodes them again, one after the other; memory: the codec's own look-ahead.

    Args:
        frames: (H, W, 3) uint8 RGB each, all of one size, both sides even.
        codec: a key of `RECIPES`.
        level: CRF or quantiser scale of that codec; higher = coarser.
        fps: nominal rate, for the encoder's own decisions.
        gop: frames between key frames.

    Yields:
        (H, W, 3) uint8 RGB, as many as came in.

    Raises:
        ConfigError: unknown codec, or this build of PyAV cannot encode it.
        VideoError: a size that the codec cannot take, or frames were lost on the way.
    """
    recipe = _recipe(codec)
    encoder: Any = None
    decoder: Any = None
    count = given = 0
    for number, rgb in enumerate(frames):
        if encoder is None:
            encoder, decoder = _open(recipe, rgb.shape[1], rgb.shape[0], level, fps, gop)
        for out in _through(encoder, decoder, _to_yuv(rgb, recipe.pix_fmt, number, encoder.time_base)):
            given += 1
            yield out
        count += 1
    if encoder is not None:
        for out in _through(encoder, decoder, None):
            given += 1
            yield out
    if given != count:
        raise VideoError(f"re-encoding as {codec} gave {given} frames for {count}; leave this codec out")


def _recipe(codec: str) -> CodecRecipe:
    if codec not in RECIPES:
        raise ConfigError(f"the codec must be one of {', '.join(RECIPES)}, got '{codec}'")
    return RECIPES[codec]


def _open(recipe: CodecRecipe, width: int, height: int, level: int, fps: float, gop: int) -> tuple[Any, Any]:
    import av

    if width % 2 or height % 2:
        raise VideoError(f"frames to encode must have even sides, got {width}×{height}; resize them first")
    try:
        encoder: Any = av.CodecContext.create(recipe.encoder, "w")
        decoder: Any = av.CodecContext.create(recipe.decoder, "r")
    except av.codec.codec.UnknownCodecError as error:
        raise ConfigError(f"this build of PyAV has no encoder '{recipe.encoder}'; choose another codec") from error
    rate = Fraction(fps).limit_denominator(1001)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, recipe.pix_fmt
    encoder.time_base, encoder.framerate, encoder.gop_size = 1 / rate, rate, gop
    encoder.options = {key: value.format(level=level) for key, value in recipe.options}
    decoder.thread_count = 1
    return encoder, decoder


def _to_yuv(rgb: NDArray[np.uint8], pix_fmt: str, number: int, time_base: Fraction) -> Any:
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    yuv = reformatter().reformat(frame, format=pix_fmt, interpolation=scaler_flags(), threads=1)
    yuv.pts, yuv.time_base = number, time_base
    return yuv


def _through(encoder: Any, decoder: Any, frame: Any) -> Iterator[NDArray[np.uint8]]:
    """What the decoder gives for one frame, or (None) for all that are still inside."""
    from av.error import FFmpegError

    try:
        packets = encoder.encode(frame)
    except FFmpegError as error:  # the encoder opens with the first frame
        size = f"{encoder.width}×{encoder.height}"
        raise VideoError(f"{encoder.name} takes no frames of {size} pixels ({error.strerror}); resize them") from error
    decoded = [out for packet in packets for out in decoder.decode(packet)]
    if frame is None:
        decoded += decoder.decode(None)
    for out in decoded:
        yield reformatter().reformat(out, format="rgb24", interpolation=scaler_flags(), threads=1).to_ndarray()
