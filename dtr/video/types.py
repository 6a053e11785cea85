"""What `dtr.video` gives and takes: facts about a file, frames with true times, a whole clip, resource limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VideoInfo:
    """Facts of one file; "declared" means that the container says so, which is no proof.

    Attributes:
        path: as it was given.
        container: FFmpeg format name, for example "mov,mp4,m4a,3gp,3g2,mj2".
        codec, pix_fmt: of the video stream.
        width, height: pixels of the displayed frame: rotation applied, sample aspect ratio not (a pixel stays one
            stored pixel, so that texture is not resampled; normalised boxes are the same either way).
        rotation: clockwise degrees that were applied: 0, 90, 180 or 270.
        sample_aspect_ratio: width / height of one displayed pixel, 1.0 = square or unknown.
        fps: declared average frame rate.
        num_frames: declared number of frames.
        duration_s: declared duration.
        has_audio: the file has a sound track too.
        bit_rate: declared bits per second of the whole file.
        size_bytes: of the file.
    """

    path: str
    container: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    rotation: int
    sample_aspect_ratio: float
    fps: float | None
    num_frames: int | None
    duration_s: float | None
    has_audio: bool
    bit_rate: int | None
    size_bytes: int


@dataclass(frozen=True)
class VideoClip:
    """Decoded frames of one video.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB as displayed (rotation applied).
        times_s: (T,) float64 true presentation times, increasing; 0 = first displayed frame.
        width, height: pixels of the displayed frame.
        duration_s: end of the last frame's display, whether or not that frame is among `frames`.
        video_id: the file's stem unless the caller knows better.
        damage: what could not be decoded, in words.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    width: int
    height: int
    duration_s: float
    video_id: str
    damage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How much one file may cost; beyond it a `LimitError` names the limit and how to lift it.

    Attributes:
        max_bytes: size of the file.
        max_pixels: of one frame.
        max_side: pixels of the longer side.
        max_frames: decoded frames.
        max_seconds: presentation time.
        max_decode_s: seconds spent in the decoder.
        max_clip_bytes: memory of the frames that one call may return at once.
    """

    max_bytes: int = 512 * 2**20
    max_pixels: int = 16_777_216
    max_side: int = 8192
    max_frames: int = 36_000
    max_seconds: float = 600.0
    max_decode_s: float = 120.0
    max_clip_bytes: int = 4 * 2**30

    @classmethod
    def long(cls) -> Limits:
        """For long recordings: a day of video; the limits on one frame and on memory stay.

        Example:
            >>> Limits.long().max_seconds, Limits.long().max_pixels == Limits().max_pixels
            (86400.0, True)
        """
        return cls(max_bytes=2**40, max_frames=10_000_000, max_seconds=86_400.0, max_decode_s=86_400.0)


@dataclass(frozen=True)
class DecodedFrame:
    """One displayed frame; its pixels are converted only when asked for.

    Attributes:
        index: 0, 1, … in display order.
        time_s: presentation time; 0 = first displayed frame.
        duration_s: declared display time, None when the file does not say.
        convert: makes the pixels; use `rgb()`.
    """

    index: int
    time_s: float
    duration_s: float | None
    convert: Callable[[], NDArray[np.uint8]]

    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB as displayed; converted anew at every call, nothing is kept."""
        return self.convert()


class VideoReader(Protocol):
    """One open file. Iterate once, inside `with`; memory stays bounded by a few frames.

    Attributes:
        info: facts; width and height are those of the first decoded frame.
    """

    info: VideoInfo

    @property
    def damage(self) -> list[str]:
        """What could not be decoded so far, in words; empty = nothing."""

    @property
    def duration_s(self) -> float:
        """End of the last frame that was decoded so far; the video's duration after the last frame."""

    @property
    def decode_s(self) -> float:
        """Seconds spent in demuxing, decoding and conversion to RGB so far."""

    def __iter__(self) -> Iterator[DecodedFrame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """Frees the decoder and the file."""
