"""Training pictures of the small autoencoders: triples of neighbouring frames, cut out of many clips at many scales."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.errors import ConfigError, VideoError
from dtr.video import open_video
from dtr.video.scale import even_size, resize_rgb

FRAMES = 3
"""Frames of one training picture; the temporal network codes as many at once."""


@dataclass(frozen=True)
class CropSpec:
    """Which pictures are cut out of a clip.

    Attributes:
        size: side in pixels, a multiple of 8.
        triples: moments of a clip that are looked at.
        crops: places cut out at each of them.
        short_side: range of the shorter side that a frame is scaled to before, drawn evenly on a log scale; a frame is
            never enlarged, except where it is smaller than `size`.
        span: number of frames at a clip's beginning that moments are drawn from.
        max_gap_s: longest time between neighbours of a triple; one step of the default clock.
    """

    size: int = 96
    triples: int = 6
    crops: int = 2
    short_side: tuple[float, float] = (144, 480)
    span: int = 72
    max_gap_s: float = 1 / 6

    def __post_init__(self) -> None:
        low, high = self.short_side
        if self.size < 16 or self.size % 8 or min(self.triples, self.crops) < 1 or self.span < FRAMES:
            raise ConfigError(
                "crops need size >= 16 and a multiple of 8, triples >= 1, crops >= 1 and span >= 3, got "
                f"{self.size}, {self.triples}, {self.crops}, {self.span}; correct the value"
            )
        if not (16 <= low <= high and self.max_gap_s > 0):
            raise ConfigError(
                f"crops need a range 16 <= low <= high for short_side and max_gap_s > 0, got {low}, {high}, "
                f"{self.max_gap_s}; correct the value"
            )


def collect_crops(
    videos: Sequence[VideoAnnotation],
    spec: CropSpec,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.uint8]:
    """Crops of many clips; what is drawn for a clip depends on its id and the seed, not on the other clips.

    Args:
        videos: clips, at least one.
        spec: what is cut out.
        seed: of the draws, ≥ 0.
        progress: told (clips done, clips in all).

    Returns:
        (M, 3, size, size, 3) uint8 RGB: M triples in order of clips, of equally spaced frames where the clip has them.

    Raises:
        ConfigError: there is no clip.
        VideoError: a clip cannot be decoded.
    """
    if not videos:
        raise ConfigError("crops are cut out of clips, got none; name a data set with real clips")
    found: list[NDArray[np.uint8]] = []
    for done, video in enumerate(videos, start=1):
        rng = np.random.default_rng([seed, zlib.crc32(video.video_id.encode())])
        found += [cut for triple in _triples(video.path, spec, rng) for cut in cut_crops(triple, spec, rng)]
        if progress:
            progress(done, len(videos))
    return np.stack(found)


def cut_crops(frames: NDArray[np.uint8], spec: CropSpec, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Crops of some frames, all at one scale and each at the same place of every frame.

    Args:
        frames: (3, H, W, 3) uint8 RGB.
        spec: what is cut out.
        rng: draws scale and places.

    Returns:
        `spec.crops` arrays (3, size, size, 3) uint8 RGB.

    Example:
        >>> clip = np.zeros((3, 90, 160, 3), dtype=np.uint8)
        >>> [cut.shape for cut in cut_crops(clip, CropSpec(size=64), np.random.default_rng(0))]
        [(3, 64, 64, 3), (3, 64, 64, 3)]
    """
    height, width = frames.shape[1:3]
    side = min(float(np.exp(rng.uniform(*np.log(spec.short_side)))), min(width, height))
    new_width, new_height = even_size(width, height, max(side, spec.size))
    scaled = np.stack([resize_rgb(frame, new_width, new_height) for frame in frames])
    cuts = []
    for _ in range(spec.crops):
        x0, y0 = int(rng.integers(new_width - spec.size + 1)), int(rng.integers(new_height - spec.size + 1))
        cuts.append(scaled[:, y0 : y0 + spec.size, x0 : x0 + spec.size].copy())
    return cuts


def _triples(path: Path, spec: CropSpec, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """`spec.triples` triples of frames from the first `spec.span` frames; a shorter clip repeats its last frame."""
    with open_video(path) as reader:
        most = max(1, round(spec.max_gap_s * (reader.info.fps or 25.0)))
        gaps = rng.integers(1, min(most, (spec.span - 1) // (FRAMES - 1)) + 1, spec.triples)
        declared = min(reader.info.num_frames or spec.span, spec.span)
        starts = rng.integers(np.maximum(1, declared - (FRAMES - 1) * gaps))
        wanted = starts[:, None] + gaps[:, None] * np.arange(FRAMES)  # (triples, 3) frame indices
        kept: dict[int, NDArray[np.uint8]] = {}
        last = -1
        for frame in reader:
            # The first frame is kept whatever was drawn: a file may hold far less than it declares.
            if frame.index in wanted or not kept:
                kept[frame.index] = frame.rgb()
            last = frame.index
            if last >= wanted.max():
                break
    if not kept:
        raise VideoError(f"{path}: expected a video with at least one frame, got none; remove it from the data set")
    known = np.array(sorted(kept))
    nearest = known[np.searchsorted(known, np.minimum(wanted, last), side="right") - 1]
    return [np.stack([kept[int(index)] for index in triple]) for triple in nearest]
