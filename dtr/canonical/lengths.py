"""Lengths that do not name the label: both classes get the same distribution of lengths."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Length:
    """How long a clip is at most: `frames` of the new rate; lengths are matched between the labels of one `split`."""

    video_id: str
    label: str
    split: str | None
    frames: int


def matched_lengths(clips: Iterable[Length], seed: int = 0) -> dict[str, int]:
    """Cut clips so that, within each split, every label has the same distribution of lengths.

    The clips of each label are sorted by length; each is cut to the shortest clip that stands at the same place
    (quantile) of any label. Where camera clips are the longer ones, only they are cut. Equally long clips are ordered
    by a hash of seed and id, so that chance, not the source, decides which of them are cut. A split that has one label
    only is left alone.

    Args:
        clips: each id once.
        seed: of that order.

    Returns:
        video_id → frames, at most its own.

    Example:
        >>> long, short = [Length(f"r{i}", "real", None, 24) for i in range(4)], [12, 24]
        >>> fakes = [Length(f"f{i}", "fake", None, n) for i, n in enumerate(short)]
        >>> sorted(matched_lengths([*long, *fakes]).values())  # half of each label lasts 12 frames
        [12, 12, 12, 24, 24, 24]
    """
    splits: dict[str | None, dict[str, list[Length]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        splits[clip.split][clip.label].append(clip)
    matched: dict[str, int] = {}
    for labels in splits.values():
        for own in labels.values():
            own.sort(key=lambda clip: (clip.frames, _draw(seed, clip.video_id)))
        for own in labels.values():
            for place, clip in enumerate(own):
                # Every label's clip in the middle of the same share of its list; exact in whole numbers.
                peers = (peer[(2 * place + 1) * len(peer) // (2 * len(own))] for peer in labels.values())
                matched[clip.video_id] = min(peer.frames for peer in peers)
    return matched


def _draw(seed: int, video_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{video_id}".encode()).digest()
