"""A clip in memory behind the same interface as a file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import VideoError
from dtr.video.types import DecodedFrame, VideoInfo


class ArrayReader:
    """Reads frames that are already there; unlike a file it may be iterated again.

    Args:
        frames: (F, H, W, 3) uint8 RGB, F ≥ 1.
        times_s: (F,) presentation times in seconds, increasing, the first one 0.
        duration_s: end of the last frame's display, above the last time.
        name: stands for the path in messages.

    Raises:
        VideoError: shapes, types or times are not as above.
    """

    damage: list[str]
    decode_s = 0.0

    def __init__(
        self, frames: NDArray[np.uint8], times_s: ArrayLike, duration_s: float, *, name: str = "<frames>"
    ) -> None:
        self._frames = np.asarray(frames)
        self._times_s = np.asarray(times_s, dtype=np.float64)
        self.duration_s = float(duration_s)
        self.damage = []
        _check_frames(self._frames)
        _check_times(self._times_s, len(self._frames), self.duration_s)
        height, width = self._frames.shape[1:3]
        self.info = VideoInfo(
            path=name,
            container="memory",
            codec="rawvideo",
            pix_fmt="rgb24",
            width=width,
            height=height,
            rotation=0,
            sample_aspect_ratio=1.0,
            fps=len(self._frames) / self.duration_s,
            num_frames=len(self._frames),
            duration_s=self.duration_s,
            has_audio=False,
            bit_rate=None,
            size_bytes=self._frames.nbytes,
        )

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Frames in display order."""
        ends = np.append(self._times_s[1:], self.duration_s)
        for index, time_s in enumerate(self._times_s):
            convert = partial(self._frames.__getitem__, index)
            yield DecodedFrame(index, float(time_s), float(ends[index] - time_s), convert)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """Nothing to free."""


def _check_frames(frames: NDArray[np.uint8]) -> None:
    if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape or frames.dtype != np.uint8:
        raise VideoError(
            f"frames must be uint8 RGB of shape (frames, height, width, 3), got {frames.dtype} {frames.shape}; "
            "convert them first"
        )


def _check_times(times_s: NDArray[np.float64], count: int, duration_s: float) -> None:
    if times_s.shape != (count,) or not np.isfinite(times_s).all() or times_s[0] != 0 or (np.diff(times_s) <= 0).any():
        raise VideoError(f"times_s must be {count} increasing seconds that start with 0, got shape {times_s.shape}")
    if not times_s[-1] < duration_s < np.inf:
        raise VideoError(f"duration_s must lie above the last frame's time {times_s[-1]:g}, got {duration_s:g}")
