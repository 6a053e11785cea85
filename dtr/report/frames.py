"""One small picture out of a video, as JPEG bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from dtr.errors import VideoError
from dtr.video import Limits, open_video
from dtr.video.scale import resize_rgb
from dtr.video.types import DecodedFrame

MAX_SIDE, QUALITY = 360, 70
LIMITS = Limits(max_decode_s=10.0)
"""A report must not wait long for one picture."""


@dataclass(frozen=True)
class Still:
    """A frame as displayed, made small.

    Attributes:
        jpeg: the file's bytes. width, height: pixels of the small picture. time_s: when the frame appears.
    """

    jpeg: bytes
    width: int
    height: int
    time_s: float


def read_still(path: Path, time_s: float) -> Still:
    """The frame that is on the screen at a time; the last one where the video is over by then.

    Args:
        path: of a video.
        time_s: 0 = first displayed frame.

    Raises:
        VideoError: the file is missing, refused, broken, or costs too much to decode up to there.
    """
    with open_video(path, limits=LIMITS) as reader:
        shown: DecodedFrame | None = None
        for frame in reader:
            if shown is not None and frame.time_s > time_s:
                break
            shown = frame
        if shown is None:
            raise VideoError(f"expected a frame at {time_s:.2f} s of '{path}', got none; try to play it")
        width, height = small_size(reader.info.width, reader.info.height)
        return Still(_jpeg(shown, width, height), width, height, shown.time_s)


def small_size(width: int, height: int) -> tuple[int, int]:
    """Size with the same aspect whose longer side is at most `MAX_SIDE`; nothing is enlarged.

    Example:
        >>> small_size(1280, 720), small_size(90, 160), small_size(4000, 2)
        ((360, 202), (90, 160), (360, 1))
    """
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _jpeg(frame: DecodedFrame, width: int, height: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(resize_rgb(frame.rgb(), width, height)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
