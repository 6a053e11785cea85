"""Cuts a set of videos in two so that no source is on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.errors import ConfigError

Videos = tuple[VideoAnnotation, ...]


def split_by_source(
    videos: Sequence[VideoAnnotation],
    fraction: float,
    seed: int = 0,
    *,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Videos, Videos]:
    """Cut videos into two parts that share no source, each label near the wanted share.

    The cut depends on the videos and the seed, not on the order they come in.

    Args:
        videos: what to cut.
        fraction: share of the second part, in (0, 1).
        seed: draws which sources go there.
        facts: video_id → facts (`ReleaseData.facts`); a `source_repo` named there is not on both sides either.

    Returns:
        rest, held_out: in input order; every label is in both.

    Raises:
        ConfigError: `fraction` is out of range, or a label has too few sources to be on both sides.

    Example:
        >>> from pathlib import Path
        >>> clips = [VideoAnnotation(f"{s}{i}", Path("a.mp4"), "real", source=s) for s in "abcd" for i in range(3)]
        >>> rest, held_out = split_by_source(clips, 0.25)
        >>> len(rest), len(held_out), {v.source for v in rest} & {v.source for v in held_out}
        (9, 3, set())
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"fraction of a source-disjoint cut must be between 0 and 1, got {fraction}")
    groups = source_groups(videos, facts)
    names = sorted(set(groups.values()))
    labels = sorted({str(video.label) for video in videos})
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(labels)))
    for video in videos:
        counts[place[groups[video.video_id]], labels.index(str(video.label))] += 1
    chosen = _choose(counts, fraction, seed)
    for label, column in zip(labels, counts.T, strict=True):
        if not 0 < column[chosen].sum() < column.sum():
            raise ConfigError(
                f"a source-disjoint cut needs label {label} on both sides, got {np.count_nonzero(column)} sources for "
                f"its {int(column.sum())} videos; add sources or leave that label out"
            )
    held = {names[i] for i in chosen}
    held_out = tuple(video for video in videos if groups[video.video_id] in held)
    rest = tuple(video for video in videos if groups[video.video_id] not in held)
    return rest, held_out


def source_groups(
    videos: Sequence[VideoAnnotation], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, str]:
    """Smallest groups that no cut may tear: videos linked by source and, where known, by source repository.

    Returns:
        video_id → name of its group. A video without any source is a group of its own.
    """
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    keys: dict[str, str] = {}
    for video in videos:
        repository = (facts or {}).get(video.video_id, {}).get("source_repo")
        # The label is part of the key: a camera source and a generator of one name are two sources.
        links = [f"{video.label}/{video.source}"] if video.source else []
        links += [f"repository/{repository}"] if repository else []
        links = links or [f"video/{video.video_id}"]
        keys[video.video_id] = links[0]
        roots = sorted({find(link) for link in links})
        for root in roots[1:]:
            parent[root] = roots[0]
    return {video_id: find(key) for video_id, key in keys.items()}


def _choose(counts: np.ndarray, fraction: float, seed: int) -> list[int]:
    """Groups whose label counts come near the wanted share.

    Args:
        counts: (groups, labels) videos.
        fraction: wanted share.
        seed: order in which groups are tried.

    Returns:
        Indices of the chosen groups.
    """
    totals = counts.sum(axis=0)

    def miss(chosen: list[int]) -> float:
        share = counts[chosen].sum(axis=0) / totals
        # A label without any group on one side is worse than any wrong share.
        empty = np.count_nonzero(share == 0) + np.count_nonzero(share == 1)
        return float(np.square(share - fraction).sum()) + 10.0 * float(empty)

    chosen: list[int] = []
    order = np.random.default_rng(seed).permutation(len(counts)).tolist()
    for index in order:
        if miss([*chosen, index]) < miss(chosen):
            chosen.append(index)
    # One pass of single changes mends what the greedy order missed (an early large source, a label left empty).
    for index in order:
        flipped = [i for i in chosen if i != index] if index in chosen else [*chosen, index]
        if miss(flipped) < miss(chosen):
            chosen = flipped
    return sorted(chosen)
