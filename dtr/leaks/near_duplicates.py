"""The same content twice: pairs of clips whose frames have nearly the same perceptual hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.annotation import VideoAnnotation

MAX_DISTANCE = 10.0
"""Bits of 64 by which the frames of a pair may differ on average. Of the 70,000 pairs of a mixed collection, all up to
10 showed one scene; the nearest that did not were 12 apart."""

MIN_FRAMES = 2
"""Frames with a hash that a clip must have: one alike frame is chance, a title or a logo."""

BLOCK = 64
"""Clips compared with all others at once."""


@dataclass(frozen=True)
class DuplicatePair:
    """Two clips with nearly the same content.

    Attributes:
        first, second: video ids, in the order of the data set.
        distance: mean Hamming distance of the frames of one to the nearest frames of the other, 0 to 64.
        splits, labels, sources: of both.
    """

    first: str
    second: str
    distance: float
    splits: tuple[str | None, str | None]
    labels: tuple[str | None, str | None]
    sources: tuple[str, str]

    @property
    def across_splits(self) -> bool:
        """Whether one split holds a copy of what another holds."""
        return self.splits[0] != self.splits[1]

    @property
    def across_labels(self) -> bool:
        """Whether one content is called real and fake."""
        return self.labels[0] != self.labels[1]


@dataclass(frozen=True)
class DuplicateReport:
    """All pairs of a data set.

    Attributes:
        num_clips: that were compared; num_flat: clips without two frames that could be hashed.
        max_distance: bits up to which two clips are a pair.
        pairs: nearest first.
    """

    num_clips: int
    num_flat: int
    max_distance: float
    pairs: tuple[DuplicatePair, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Pairs across splits, across labels, within one split and label, and videos in any pair."""
        return {
            "across_splits": sum(pair.across_splits for pair in self.pairs),
            "across_labels": sum(pair.across_labels for pair in self.pairs),
            "within_split_and_label": sum(not pair.across_splits and not pair.across_labels for pair in self.pairs),
            "videos_in_pairs": len({name for pair in self.pairs for name in (pair.first, pair.second)}),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; every pair is listed."""
        return {**asdict(self), "counts": self.counts}


def near_duplicates(
    videos: Sequence[VideoAnnotation], hashes: Sequence[Sequence[int]], *, max_distance: float = MAX_DISTANCE
) -> DuplicateReport:
    """Find clips that show the same.

    The distance of two clips is that of the better direction, so that a cut of a clip is found too. A mirrored or
    strongly cropped copy is not.

    Args:
        videos: N videos.
        hashes: N sequences of 64-bit hashes, one per sampled frame.
        max_distance: bits.

    Example:
        >>> from pathlib import Path
        >>> clips = [VideoAnnotation(n, Path(n), "real", split=s) for n, s in (("a", "train"), ("b", "val"))]
        >>> near_duplicates(clips, [[1, 7], [1, 3]]).counts["across_splits"]
        1
    """
    used = [i for i, frames in enumerate(hashes) if len(frames) >= MIN_FRAMES]
    table, known = _padded([hashes[i] for i in used])
    pairs = []
    for begin in range(0, len(used), BLOCK):
        block = slice(begin, begin + BLOCK)
        distance = clip_distances(table[block], known[block], table, known)
        rows, columns = np.nonzero(distance <= max_distance)
        for row, column in zip((rows + begin).tolist(), columns.tolist(), strict=True):
            if row < column:
                bits = float(distance[row - begin, column])
                pairs.append(_pair(videos[used[row]], videos[used[column]], bits))
    pairs.sort(key=lambda pair: (pair.distance, pair.first, pair.second))
    return DuplicateReport(len(used), len(videos) - len(used), max_distance, tuple(pairs))


def clip_distances(
    a: NDArray[np.uint64], a_known: NDArray[np.bool_], b: NDArray[np.uint64], b_known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Mean bits from the frames of one clip to the nearest frames of another; the smaller of both directions.

    Args:
        a: (N, K) hashes; a_known: (N, K) False = no frame, at least one True in each row.
        b: (M, L) hashes; b_known: (M, L) likewise.

    Returns:
        (N, M) in [0, 64].

    Example:
        >>> one, two = np.array([[0, 1]], dtype=np.uint64), np.array([[1, 255]], dtype=np.uint64)
        >>> clip_distances(one, one >= 0, two, two >= 0).tolist()
        [[0.5]]
    """
    bits = np.full((len(a), len(b), a.shape[1], b.shape[1]), 64, dtype=np.uint8)
    for k in range(a.shape[1]):
        apart = hamming(a[:, k, None, None], b[None])  # (N, M, L)
        bits[:, :, k] = np.where(a_known[:, k, None, None] & b_known[None], apart, 64)
    there = np.where(a_known[:, None], bits.min(axis=3), 0).sum(axis=2, dtype=np.int64) / a_known.sum(axis=1)[:, None]
    back = np.where(b_known[None], bits.min(axis=2), 0).sum(axis=2, dtype=np.int64) / b_known.sum(axis=1)[None]
    return np.minimum(there, back).astype(np.float32)


def hamming(a: ArrayLike, b: ArrayLike) -> NDArray[np.uint8]:
    """Bits in which 64-bit integers differ; the shapes broadcast.

    Example:
        >>> hamming([0, 1], [3, 1]).tolist()
        [2, 0]
    """
    # Adding up halves of ever longer fields; numpy counts bits itself only from version 2 on.
    x = np.bitwise_xor(np.asarray(a, dtype=np.uint64), np.asarray(b, dtype=np.uint64))
    ones, twos, fours = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    x = x - ((x >> np.uint64(1)) & ones)
    x = (x & twos) + ((x >> np.uint64(2)) & twos)
    x = (x + (x >> np.uint64(4))) & fours
    with np.errstate(over="ignore"):  # the carry out of the top byte is not wanted
        return ((x * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)


def _padded(hashes: Sequence[Sequence[int]]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """(N, K) hashes, 0 where a clip has fewer, and which are there."""
    width = max((len(frames) for frames in hashes), default=1)
    table, known = np.zeros((len(hashes), width), dtype=np.uint64), np.zeros((len(hashes), width), dtype=bool)
    for row, frames in enumerate(hashes):
        table[row, : len(frames)] = np.array(frames, dtype=np.uint64)
        known[row, : len(frames)] = True
    return table, known


def _pair(first: VideoAnnotation, second: VideoAnnotation, distance: float) -> DuplicatePair:
    return DuplicatePair(
        first.video_id,
        second.video_id,
        round(distance, 3),
        (first.split, second.split),
        (first.label, second.label),
        (first.source, second.source),
    )
