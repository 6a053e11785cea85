"""One pass over the media of a data set: what each file says and what a few of its frames look like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import VideoError
from dtr.leaks.container import ContainerFacts, container_facts
from dtr.leaks.pixels import (
    HASH_SIDE,
    STATISTICS,
    Bars,
    centre_crop,
    common_bars,
    frame_bars,
    luma,
    perceptual_hash,
    picture_statistics,
    without_bars,
)
from dtr.video.scale import resize_rgb
from dtr.video.types import Limits, VideoInfo, VideoReader

SAMPLE_S = 4.0
"""Only so much of each clip is decoded, from its start."""

STEP_S = 0.5
"""Distance of the frames that are hashed and described."""

REPEAT_FRAMES = 25
"""So many first frames are compared one by one with the frame before."""

NEARLY = 0.25
"""Two frames whose pixels differ by less than this on average (of 255) are nearly identical."""

SHORT_SIDE = 160
"""Statistics are of pictures scaled to this shorter side."""


@dataclass(frozen=True)
class ClipFacts:
    """What one file says and shows.

    Attributes:
        width, height: pixels of the displayed frame; fps, duration_s: declared, None = not.
        codec, has_audio, num_bytes: of the file.
        container: `container_facts`, and the rotation.
        hashes: perceptual hashes of up to eight frames inside the bars; flat frames have none.
        bars: (left, top, right, bottom) shares that every frame has; None = flat frames only.
        identical, nearly_identical: shares of the first frames that repeat the one before; None = one frame only.
        statistics: means over the frames, by name of `dtr.leaks.pixels.STATISTICS`, and `motion`: mean luma step
            between frames half a second apart, in [0, 1], None = one frame only.
    """

    width: int
    height: int
    fps: float | None
    duration_s: float | None
    codec: str
    has_audio: bool
    num_bytes: int
    container: ContainerFacts
    hashes: tuple[int, ...]
    bars: Bars | None
    identical: float | None
    nearly_identical: float | None
    statistics: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClipFacts:
        """Inverse of `to_json`; raises TypeError or KeyError on anything else."""
        bars = data["bars"]
        return cls(**{**data, "hashes": tuple(data["hashes"]), "bars": None if bars is None else tuple(bars)})


@dataclass(frozen=True)
class FailedFile:
    """A file that is there and could not be read: kind of error and its message."""

    path: Path
    kind: str
    message: str


def read_clip_facts(path: Path) -> ClipFacts:
    """Facts of one file and of frames of its first seconds.

    Raises:
        VideoError: the file cannot be opened, or none of its frames can be decoded.
        LimitError: its frames are too large.
    """
    from dtr.video import open_video

    limits = Limits.long()  # only the first seconds are decoded, however long the file
    with open_video(path, limits=limits) as reader:
        info = reader.info
        pictures, repeats = _look(reader)
    return _facts(info, container_facts(path, limits), pictures, repeats)


def gather_facts(
    paths: Sequence[Path], *, workers: int | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[Path, ClipFacts | FailedFile]]:
    """Facts of many files, read in parallel.

    Args:
        paths: files.
        workers: threads; None = one per processor.
        on_progress: called with (files done, files in all) after each file.

    Yields:
        Each file with its facts, or with why there are none; in input order.
    """
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        for done, (path, found) in enumerate(zip(paths, pool.map(_try_facts, paths), strict=True), start=1):
            yield path, found
            if on_progress is not None:
                on_progress(done, len(paths))


def _try_facts(path: Path) -> ClipFacts | FailedFile:
    try:
        return read_clip_facts(path)
    except VideoError as error:
        return FailedFile(path, error.kind, str(error))


@dataclass(frozen=True)
class _Picture:
    """A sampled frame: (h, w, 3) small picture, (h, w, 3) crop of original pixels, bars."""

    small: NDArray[np.uint8]
    native: NDArray[np.uint8]
    bars: Bars | None


def _look(reader: VideoReader) -> tuple[list[_Picture], list[float]]:
    """Frames half a second apart, and the mean pixel step between the first frames (0 = the very same frame)."""
    pictures: list[_Picture] = []
    steps: list[float] = []
    before: NDArray[np.uint8] | None = None
    next_s = 0.0
    for frame in reader:
        if frame.time_s >= SAMPLE_S:
            break
        sampled = frame.time_s >= next_s
        compared = frame.index < REPEAT_FRAMES
        if not sampled and not compared:
            continue
        rgb = frame.rgb()
        if compared:
            steps += [] if before is None else [_step(before, rgb)]
            before = rgb
        if sampled:
            next_s = (frame.time_s // STEP_S + 1) * STEP_S
            width, height = _small_size(rgb.shape[1], rgb.shape[0])
            pictures.append(_Picture(resize_rgb(rgb, width, height), centre_crop(rgb).copy(), frame_bars(luma(rgb))))
    return pictures, steps


def _step(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean absolute difference; most pairs that are not identical are told from a sixteenth of the pixels."""
    if np.array_equal(a, b):
        return 0.0
    return max(float(np.abs(a[::4, ::4].astype(np.int16) - b[::4, ::4]).mean()), 1e-6)


def _small_size(width: int, height: int) -> tuple[int, int]:
    factor = min(1.0, SHORT_SIDE / min(width, height))
    return max(8, round(width * factor)), max(8, round(height * factor))


def _facts(
    info: VideoInfo, container: ContainerFacts, pictures: Sequence[_Picture], steps: Sequence[float]
) -> ClipFacts:
    bars = common_bars([picture.bars for picture in pictures])
    grays = [luma(picture.small) for picture in pictures]
    inner = [without_bars(picture.small, bars or (0.0, 0.0, 0.0, 0.0)) for picture in pictures]
    hashes = [perceptual_hash(luma(resize_rgb(np.ascontiguousarray(p), HASH_SIDE, HASH_SIDE))) for p in inner]
    described = [picture_statistics(picture.small, picture.native) for picture in pictures]
    statistics: dict[str, float | None] = {
        name: float(np.mean([figures[name] for figures in described])) for name in STATISTICS
    }
    moved = [float(np.abs(a - b).mean()) / 255 for a, b in pairwise(grays)]
    return ClipFacts(
        width=info.width,
        height=info.height,
        fps=info.fps,
        duration_s=info.duration_s,
        codec=info.codec,
        has_audio=info.has_audio,
        num_bytes=info.size_bytes,
        container={**container, "rotation": float(info.rotation)},
        hashes=tuple(value for value in hashes if value is not None),
        bars=bars,
        identical=_share(steps, 0.0),
        nearly_identical=_share(steps, NEARLY),
        statistics={**statistics, "motion": float(np.mean(moved)) if moved else None},
    )


def _share(steps: Sequence[float], most: float) -> float | None:
    return sum(step <= most for step in steps) / len(steps) if steps else None
