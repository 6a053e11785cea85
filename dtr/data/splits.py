"""Cuts a set of videos into parts that share no source, or, where that cannot or shall not be, by video."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.errors import ConfigError

log = logging.getLogger(__name__)

Videos = tuple[VideoAnnotation, ...]
CutBy = Literal["source", "video"]


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


def training_parts(
    videos: Sequence[VideoAnnotation],
    dev_fraction: float,
    calibration_fraction: float,
    seed: int = 0,
    *,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    by: CutBy = "source",
) -> dict[str, Videos]:
    """Cut training videos into "fit", "dev" and "calibration" that share no source.

    A label with fewer sources than parts (the release has one source of real videos) is cut by video, with a warning.

    Args:
        videos: what to cut.
        dev_fraction, calibration_fraction: of all videos, their sum below 1; a dev fraction of 0 gives no dev part.
        seed: of the cut.
        facts: as for `split_by_source`.
        by: "source", or "video": every label by video, as the splits of the DeeptraceReward release are.

    Raises:
        ConfigError: as for `split_by_source`.

    Example:
        >>> from pathlib import Path
        >>> clips = [VideoAnnotation(s, Path("a.mp4"), "real", source=s) for s in "abcdefgh"]
        >>> {name: len(part) for name, part in training_parts(clips, 0.25, 0.25).items()}
        {'fit': 4, 'dev': 2, 'calibration': 2}
    """
    known = {v.video_id: v for v in videos}
    by_video = _labels_by_video(videos, dev_fraction, by)
    for label in by_video if by == "source" else ():
        log.warning("videos labelled %s have fewer sources than there are parts and are cut by video", label)
    # Without the name of its source, and its repository, a video is a group of its own.
    free = [replace(v, source="") if str(v.label) in by_video else v for v in videos]
    if by == "video":
        facts = None
    fit, calibration = split_by_source(free, calibration_fraction, seed, facts=facts)
    dev: Videos = ()
    if dev_fraction:
        fit, dev = split_by_source(fit, dev_fraction / (1 - calibration_fraction), seed + 1, facts=facts)
    parts = {"fit": fit, "dev": dev, "calibration": calibration}
    return {name: tuple(known[v.video_id] for v in part) for name, part in parts.items()}


def _labels_by_video(videos: Sequence[VideoAnnotation], dev_fraction: float, by: CutBy) -> tuple[str, ...]:
    """Labels that `training_parts` cuts by video: all that were asked for, else those with fewer sources than parts."""
    parts = 3 if dev_fraction else 2
    sources: dict[str, set[str]] = {}
    for video in videos:
        sources.setdefault(str(video.label), set()).add(video.source or video.video_id)
    return tuple(sorted(label for label, names in sources.items() if by == "video" or len(names) < parts))


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
