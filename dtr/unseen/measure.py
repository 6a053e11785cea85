"""The figures of one fold, source by source, each as (mean, how many it is a mean of).

All of them are means over clips or over trace rows: so sources and folds add up exactly, weighted by those counts, and
a table can be made again with another `min_clips` without training. The AUROC of a source is a mean too: over its
clips, of the share of the fold's real clips that score below.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dtr.evaluation.items import Item
from dtr.evaluation.rows import BOX_METRICS, TIME_METRICS, answer_rows, floor_answers, model_answer
from dtr.floors import Floors
from dtr.metrics.ranking import auroc

Mean = tuple[float, int]
"""A mean and the number of clips or rows under it."""

FLOOR_OF = {**dict.fromkeys(BOX_METRICS, "box"), **dict.fromkeys(TIME_METRICS, "span"), "viou": "tube"}
"""Which constant answers are a floor of which figure."""

NEEDS = {"box": {"box"}, "span": {"boundary"}, "tube": {"box", "boundary"}}
"""Kinds of heads that give such an answer; without them it is the whole frame or video, and no figure of theirs."""


def measure_fold(
    unseen: Sequence[Item], seen: Sequence[Item], floors: Floors | None, kinds: Collection[str]
) -> dict[str, Any]:
    """Figures of every source of a fold.

    Generated clips are ranked against real ones of the same side; where a side has no real clips (no real source was
    held out), against those of the other.

    Args:
        unseen: clips of held-out sources, answered. seen: clips of sources that were trained on, answered.
        floors: fitted on the fold's fit clips; None = its annotations do not allow them.
        kinds: of the detector's heads; figures that none of them answers are left out.

    Returns:
        {"unseen" | "seen": {"generators" | "real_sources": {source: figures}}, "ranked_against": {side: side}}.
    """
    sides = {"unseen": list(unseen), "seen": list(seen)}
    reals = {side: [item for item in items if not item.is_fake] for side, items in sides.items()}
    against = {side: side if reals[side] else _other(side) for side in sides}
    found: dict[str, Any] = {"ranked_against": against}
    for side, items in sides.items():
        generators = {
            source: generator_figures(clips, reals[against[side]], floors, kinds)
            for source, clips in by_source([i for i in items if i.is_fake]).items()
        }
        cameras = {source: real_figures(clips) for source, clips in by_source(reals[side]).items()}
        found[side] = {"generators": generators, "real_sources": cameras}
    return found


def generator_figures(
    items: Sequence[Item], reals: Sequence[Item], floors: Floors | None, kinds: Collection[str]
) -> dict[str, Any]:
    """Figures of one generator: label per clip, place and time per trace row under oracle labels.

    Args:
        items: its clips. reals: that they are ranked against; may be empty.
        floors: constant answers. kinds: of the detector's heads.

    Returns:
        {"clips": n, "model": {figure: (mean, n)}, "floors": {figure: {constant: (mean, n)}}}; a figure that the clips
        do not define is absent. "balanced_accuracy" is the mean of the share of these clips that are called fake and
        the share of `reals` that are called real.
    """
    called_fake = [float(item.called_fake) for item in items]
    model: dict[str, Mean] = {"fake_accuracy": mean_of(called_fake)}
    if reals:
        real_accuracy = float(np.mean([item.correct for item in reals]))
        model["auroc"] = (auroc([_score(i) for i in (*items, *reals)], [1] * len(items) + [0] * len(reals)), len(items))
        model["balanced_accuracy"] = mean_of([(c + real_accuracy) / 2 for c in called_fake])
    wanted = [name for name, answer in FLOOR_OF.items() if NEEDS[answer] <= set(kinds)]
    rows = answer_rows(items, [model_answer(item, "oracle") for item in items])
    model |= {name: mean_of(np.concatenate(rows[name])) for name in wanted}
    return {"clips": len(items), "model": _defined(model), "floors": _floor_figures(items, floors, wanted)}


def real_figures(items: Sequence[Item]) -> dict[str, Any]:
    """Figures of one real source: how often it is called fake, and its mean score of "fake"."""
    alarms = mean_of([float(item.called_fake) for item in items])
    scores = mean_of([_score(item) for item in items])
    return {"clips": len(items), "model": {"false_alarms": alarms, "fake_score": scores}}


def by_source(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Items of each source, sources in order of name."""
    found: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda i: i.video.source):
        found.setdefault(item.video.source, []).append(item)
    return found


def mean_of(values: ArrayLike) -> Mean:
    """Mean and count; NaN of no values.

    Example:
        >>> mean_of([0.0, 1.0])
        (0.5, 2)
    """
    array = np.asarray(values, dtype=np.float64)
    return (float(array.mean()), array.size) if array.size else (math.nan, 0)


def _floor_figures(items: Sequence[Item], floors: Floors | None, wanted: Collection[str]) -> dict[str, dict[str, Mean]]:
    found: dict[str, dict[str, Mean]] = {}
    for key, answers in ({} if floors is None else floor_answers(items, floors)).items():
        kind, _, name = key.partition("/")
        rows = answer_rows(items, answers)
        for figure in (f for f in wanted if FLOOR_OF[f] == kind):
            found.setdefault(figure, {})[name] = mean_of(np.concatenate(rows[figure]))
    return {figure: defined for figure, by_name in found.items() if (defined := _defined(by_name))}


def _defined(figures: Mapping[str, Mean]) -> dict[str, Mean]:
    return {name: figure for name, figure in figures.items() if figure[1] and math.isfinite(figure[0])}


def _score(item: Item) -> float:
    """Score of "fake" of an answer of ours, which always has one."""
    assert item.prediction is not None
    assert item.prediction.fake_score is not None
    return item.prediction.fake_score


def _other(side: str) -> str:
    return "seen" if side == "unseen" else "unseen"
