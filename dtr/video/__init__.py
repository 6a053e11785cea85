"""Video in: files of any common container and codec as RGB frames with true presentation times.

The decoder is loaded when a file is opened, not when this package is imported.

Example:
    with open_video("clip.mp4") as reader:
        for frame in reader:
            use(frame.time_s, frame.rgb())
"""

from __future__ import annotations

import os

from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.video.clip import collect_clip, taken_frames
from dtr.video.types import DecodedFrame, Limits, VideoClip, VideoInfo, VideoReader

__all__ = [
    "DECODERS",
    "DecodedFrame",
    "Limits",
    "VideoClip",
    "VideoInfo",
    "VideoReader",
    "open_video",
    "probe",
    "read_clip",
    "taken_frames",
]

DECODERS = ("pyav", "decord")


def open_video(
    path: str | os.PathLike[str], *, decoder: str = "pyav", limits: Limits | None = None, strict: bool = False
) -> VideoReader:
    """Opens a video file and decodes its first frame.

    Args:
        path: a regular file; URLs are refused.
        decoder: "pyav" (any file), or "decord" (extra `decord`; fewer containers and codecs).
        limits: what the file may cost; `Limits()` by default, `Limits.long()` for long recordings.
        strict: any damage is an error instead of an entry in `damage`.

    Raises:
        VideoError: the file is refused, broken beyond use, or (strict) damaged.
        LimitError: the file is beyond a limit.
        ConfigError: no such decoder.
        MissingExtraError: the decoder's package is not installed.
    """
    if decoder == "pyav":
        from dtr.video.pyav import PyavReader

        return PyavReader(path, limits=limits, strict=strict)
    if decoder == "decord":
        from dtr.video.decord import DecordReader

        return DecordReader(path, limits=limits, strict=strict)
    raise ConfigError(f"the decoder must be one of {', '.join(DECODERS)}, got '{decoder}'")


def probe(path: str | os.PathLike[str], *, limits: Limits | None = None) -> VideoInfo:
    """Facts of a video file; decodes one frame to know its real size and orientation.

    Raises:
        VideoError: the file is refused or has no frame that can be decoded.
        LimitError: the file is beyond a limit.
    """
    with open_video(path, limits=limits) as reader:
        return reader.info


def read_clip(
    path: str | os.PathLike[str],
    *,
    clock: Clock | None = None,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
    video_id: str | None = None,
) -> VideoClip:
    """Decodes a file into memory: all its frames, or with a clock those that its steps take.

    Raises:
        VideoError: see `open_video`.
        LimitError: see `open_video`; or the frames would not fit `limits.max_clip_bytes`.
    """
    with open_video(path, decoder=decoder, limits=limits, strict=strict) as reader:
        return collect_clip(reader, clock=clock, limits=limits, video_id=video_id)
