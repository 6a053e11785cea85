"""Where a detector is worst: by generator, by source of camera clips, and by what manifests say of the clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.evaluation.counted import Counted
from dtr.evaluation.figures import FloatArray
from dtr.evaluation.items import Item
from dtr.evaluation.label import label_statistics
from dtr.evaluation.slices import UNKNOWN
from dtr.metrics.intervals import clopper_pearson

FACTS = ("style", "kind")
"""What manifests may say of a clip that tells its content apart, besides where it came from."""

SHOWN = 10
"""Rows of a table; the other groups are counted together."""

LEAST = 2
"""Clips that a group needs for a row of its own."""

RESAMPLED = 10
"""Clips that a group needs for an interval of its AUROC: resampling fewer gives one that is far too narrow."""


@dataclass(frozen=True)
class Group:
    """Clips of one label that have something in common.

    Attributes:
        name: what they have in common.
        groups: of how many groups they are, 1 for a row of its own.
        n: clips; called_fake: how many of them the detector calls fake.
        interval: exact 95 % of the share called fake, as if the clips were independent.
        auroc: of generated clips against all real ones; None = not defined, or these are real.
        auroc_interval: 95 % by resampling clips; None = there is no AUROC, or too few clips.
    """

    name: str
    groups: int
    n: int
    called_fake: int
    interval: tuple[float, float]
    auroc: float | None = None
    auroc_interval: tuple[float, float] | None = None

    @property
    def share(self) -> float:
        """Of the clips that are called fake."""
        return self.called_fake / self.n


def worst_cases(
    items: Sequence[Item], facts: Mapping[str, Mapping[str, Any]], weights: FloatArray
) -> list[dict[str, Any]]:
    """Tables of groups of clips, the worst first; what has no row of its own is counted together in "others".

    Generated clips are worst where the fewest are called fake, then where the AUROC is lowest; real ones where the most
    are called fake. The worst of many small groups is so by chance too, hence the intervals.

    Args:
        items: V labelled videos with answers.
        facts: by video id, what manifests say of the files; each of `FACTS` that some clip of a label has gives a
            table.
        weights: (n + 1, V) from `dtr.evaluation.figures.draw_weights`.

    Returns:
        {"by", "label", "groups", "rows", "others"} per table, in plain JSON types: what the groups share, the label of
        the clips, how many groups there are, up to `SHOWN` of `Group`, and the rest as one `Group` or None.

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> from dtr.predictions import Prediction
        >>> clips = [VideoAnnotation(v, Path(v), "real", source="phone") for v in "ab"]
        >>> items = [Item(clips[0], Prediction("a", "fake", 0.9)), Item(clips[1], Prediction("b", "real", 0.1))]
        >>> (table,) = worst_cases(items, {}, np.ones((1, 2)))
        >>> table["by"], table["rows"][0]["name"], table["rows"][0]["called_fake"]
        ('source', 'phone', 1)
    """
    is_fake = np.array([item.is_fake for item in items], dtype=np.bool_)
    sources = [item.video.source or UNKNOWN for item in items]
    measure = _measure(items, is_fake, weights)
    tables = []
    for label, own, origin in (("fake", is_fake, "generator"), ("real", ~is_fake, "source")):
        columns = {origin: sources} | {fact: [_said(facts, item, fact) for item in items] for fact in FACTS}
        for by, names in columns.items():
            here = np.array(names, dtype=object)
            stated = own.any() if by == origin else (here[own] != UNKNOWN).any()
            if stated:
                tables.append({"by": by, "label": label} | _table(here, own, measure, fake=label == "fake"))
    return tables


Measure = Callable[[str, int, NDArray[np.bool_]], Group]


def _measure(items: Sequence[Item], is_fake: NDArray[np.bool_], weights: FloatArray) -> Measure:
    """Name, number of groups and members of clips of one label → their figures."""
    called = np.array([item.called_fake for item in items], dtype=np.bool_)
    auroc = label_statistics(items)["auroc"]

    def group(name: str, groups: int, members: NDArray[np.bool_]) -> Group:
        n, alarms = int(members.sum()), int((members & called).sum())
        found = Group(name, groups, n, alarms, clopper_pearson(alarms, n))
        if not is_fake[members].all():
            return found
        drawn = weights if n >= RESAMPLED else weights[:1]
        ranked = Counted(auroc.statistic, n).figure(drawn * (members | ~is_fake))
        return Group(name, groups, n, alarms, found.interval, ranked.value, ranked.interval)

    return group


def _table(names: NDArray[np.object_], own: NDArray[np.bool_], measure: Measure, *, fake: bool) -> dict[str, Any]:
    """Groups of the clips `own` by name, the worst of them one by one."""
    groups = [measure(name, 1, own & (names == name)) for name in sorted(set(names[own]))]
    worst = sorted((g for g in groups if g.n >= LEAST), key=_fewest_found if fake else _most_alarms)[:SHOWN]
    rest = own & ~np.isin(names, [g.name for g in worst])
    others = measure("", len(groups) - len(worst), rest) if rest.any() else None
    return {"groups": len(groups), "rows": [asdict(g) for g in worst], "others": others and asdict(others)}


def _fewest_found(group: Group) -> tuple[float, float, int, str]:
    return group.share, 1.0 if group.auroc is None else group.auroc, -group.n, group.name


def _most_alarms(group: Group) -> tuple[float, int, str]:
    return -group.share, -group.n, group.name


def _said(facts: Mapping[str, Mapping[str, Any]], item: Item, fact: str) -> str:
    value = facts.get(item.video.video_id, {}).get(fact)
    return value if isinstance(value, str) and value.strip() else UNKNOWN
