"""Which sources are held out together, and who trains, tunes and is measured in each fold.

The rules, in the order they are applied:

- A source is a generator of generated videos or a camera source of real ones. With a number of folds, sources whose
  clips come from one repository (a page that compares generators) are held out together, so that no page is on both
  sides; the groups are dealt to the folds by their number of clips.
- With "all", every source is held out by itself; clips of other sources from the same repositories are left out of
  that fold: neither trained on nor measured.
- What remains is cut by source into fit, dev and calibration, as for any training.
- Of each source's fit clips a share is taken out again: "seen", clips of generators that the fold was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from dtr.annotation import Label, VideoAnnotation
from dtr.data.splits import Videos, source_groups, training_parts
from dtr.errors import AnnotationError, ConfigError
from dtr.unseen.recipe import Leave, UnseenRecipe

Facts = Mapping[str, Mapping[str, Any]]

NAMES: dict[Label, str] = {"fake": "generators", "real": "real sources"}


@dataclass(frozen=True)
class Fold:
    """One training of all heads.

    Attributes:
        name: of its folder. seed: of weights and cut.
        parts: "fit", "dev" and "calibration"; "unseen": of held-out sources; "seen": of sources in fit.
        left_out: from a repository of an unseen clip, but of another source.
    """

    name: str
    seed: int
    parts: Mapping[str, Videos]
    left_out: Videos = ()

    @property
    def measured(self) -> Videos:
        """Clips that the fold's detector answers."""
        return self.parts["unseen"] + self.parts["seen"]

    def to_json(self) -> dict[str, Any]:
        """Ids by part; the same folds have the same text."""
        ids = {name: [v.video_id for v in part] for name, part in self.parts.items()}
        return {"name": self.name, "seed": self.seed, **ids, "left_out": [v.video_id for v in self.left_out]}


def plan_folds(videos: Sequence[VideoAnnotation], recipe: UnseenRecipe, facts: Facts | None = None) -> list[Fold]:
    """All folds of all seeds.

    Args:
        videos: labelled, of the recipe's splits.
        recipe: what to hold out.
        facts: video_id → facts; `source_repo` links sources.

    Raises:
        AnnotationError: a video names no source.
        ConfigError: there are fewer groups of sources than folds, or too few remain to train on.
    """
    nameless = [v for v in videos if not v.source]
    if nameless:
        raise AnnotationError(
            f"holding out sources needs the generator or camera source of every video, got {len(nameless)} of "
            f"{len(videos)} without one (first: {nameless[0].video_id}); name it in the annotations"
        )
    folds = []
    for seed in recipe.seeds:
        groups = [held_groups(videos, label, recipe.folds, seed, facts) for label in _labels(recipe.leave)]
        count = max(map(len, groups))
        for number in range(count):
            # Of two kinds the one with fewer groups starts again: each fold has clips of both to rank.
            held = chain.from_iterable(g[number % len(g)] for g in groups)
            name = f"seed{seed}-fold{number + 1}"
            folds.append(_fold(name, seed, videos, frozenset(held), recipe, facts))
    return folds


def held_groups(
    videos: Sequence[VideoAnnotation], label: Label, folds: int | str, seed: int, facts: Facts | None = None
) -> list[list[str]]:
    """Video ids of one label that are held out together, one list per fold.

    Raises:
        ConfigError: there are fewer groups of sources than folds, or only one.

    Example:
        >>> from pathlib import Path
        >>> clips = [VideoAnnotation(f"{s}{i}", Path("a.mp4"), "fake", source=s) for s in "abc" for i in range(2)]
        >>> [sorted(group) for group in held_groups(clips, "fake", "all", 0)]
        [['a0', 'a1'], ['b0', 'b1'], ['c0', 'c1']]
    """
    of_label = [v for v in videos if v.label == label]
    linked = source_groups(of_label, facts) if folds != "all" else {v.video_id: v.source for v in of_label}
    units: dict[str, list[str]] = {}
    for video in sorted(of_label, key=lambda v: v.video_id):
        units.setdefault(linked[video.video_id], []).append(video.video_id)
    if len(units) < 2 or (folds != "all" and len(units) < int(folds)):
        raise ConfigError(
            f"expected at least {2 if folds == 'all' else folds} groups of {NAMES[label]} to hold out in turn, got "
            f"{len(units)} of {len(of_label)} clips; ask for fewer folds, or leave out the other kind of source only"
        )
    if folds == "all":
        return [units[name] for name in sorted(units)]
    dealt = deal({name: len(ids) for name, ids in units.items()}, int(folds), seed)
    return [[video_id for name in names for video_id in units[name]] for names in dealt]


def deal(sizes: Mapping[str, int], count: int, seed: int) -> list[list[str]]:
    """Groups of near equal total size: the largest first, each to the smallest group so far; the seed breaks ties.

    Args:
        sizes: of things by name. count: groups. seed: order of things of one size.

    Example:
        >>> [sorted(group) for group in deal({"a": 5, "b": 3, "c": 2}, 2, 0)]
        [['a'], ['b', 'c']]
    """
    names = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    groups: list[list[str]] = [[] for _ in range(count)]
    totals = [0] * count
    for _, _, name in sorted((-sizes[names[i]], place, names[i]) for place, i in enumerate(order.tolist())):
        smallest = totals.index(min(totals))
        groups[smallest].append(name)
        totals[smallest] += sizes[name]
    return groups


def take_seen(videos: Videos, fraction: float, seed: int) -> tuple[Videos, Videos]:
    """Take clips out of each source, never the last one: the rest, and clips of sources that the rest holds too.

    Args:
        videos: to be trained on. fraction: to take, on average. seed: of the draw.

    Returns:
        rest, seen; each in input order.

    Example:
        >>> from pathlib import Path
        >>> clips = tuple(VideoAnnotation(f"{s}{i}", Path("a.mp4"), "fake", source=s) for s in "ab" for i in range(4))
        >>> rest, seen = take_seen(clips, 0.25, 0)
        >>> len(rest), sorted(v.source for v in seen)
        (6, ['a', 'b'])
    """
    rng = np.random.default_rng(seed)
    by_source: dict[tuple[str | None, str], list[str]] = {}
    for video in sorted(videos, key=lambda v: v.video_id):
        by_source.setdefault((video.label, video.source), []).append(video.video_id)
    taken: set[str] = set()
    for _, ids in sorted(by_source.items()):
        count = min(len(ids) - 1, int(len(ids) * fraction + rng.random()))
        taken |= {ids[i] for i in rng.permutation(len(ids))[:count].tolist()}
    return tuple(v for v in videos if v.video_id not in taken), tuple(v for v in videos if v.video_id in taken)


def _labels(leave: Leave) -> tuple[Label, ...]:
    labels: dict[Leave, tuple[Label, ...]] = {"generators": ("fake",), "real-sources": ("real",)}
    return labels.get(leave, ("fake", "real"))


def _fold(
    name: str,
    seed: int,
    videos: Sequence[VideoAnnotation],
    held: frozenset[str],
    recipe: UnseenRecipe,
    facts: Facts | None,
) -> Fold:
    unseen = tuple(v for v in videos if v.video_id in held)
    pages = {_repository(v, facts) for v in unseen} - {None}
    left_out = tuple(v for v in videos if v.video_id not in held and _repository(v, facts) in pages)
    away = held | {v.video_id for v in left_out}
    rest = [v for v in videos if v.video_id not in away]
    try:
        parts = training_parts(rest, recipe.dev_fraction, recipe.calibration_fraction, seed, facts=facts)
    except ConfigError as error:
        raise ConfigError(
            f"{name}: too little remains to train on when {len(away)} clips are held out: {error}"
        ) from error
    fit, seen = take_seen(parts["fit"], recipe.seen_fraction, seed)
    return Fold(name, seed, {**parts, "fit": fit, "unseen": unseen, "seen": seen}, left_out)


def _repository(video: VideoAnnotation, facts: Facts | None) -> Any:
    return (facts or {}).get(video.video_id, {}).get("source_repo")
