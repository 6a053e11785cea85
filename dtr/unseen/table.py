"""From the figures of all folds to what is known of unseen generators: mean, spread, worst case, gap to seen ones."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dtr.evaluation.figures import draw_weights, figure, mean_statistic
from dtr.evaluation.measure import LOWER_IS_BETTER
from dtr.unseen.measure import Mean

SMALL = "small ones"
"""Name of the group that sources with few clips are put together in."""

GENERATOR_FIGURES = (
    "auroc",
    "balanced_accuracy",
    "fake_accuracy",
    "box_iou",
    "box_distance",
    "time_distance",
    "onset_error_s",
    "tiou",
    "viou",
)
REAL_FIGURES = ("false_alarms", "fake_score")
WORSE_HIGH = LOWER_IS_BETTER | set(REAL_FIGURES)
SIDES = ("unseen", "seen")


def make_table(folds: Sequence[Mapping[str, Any]], min_clips: int) -> dict[str, Any]:
    """The whole table.

    Args:
        folds: figures of each, from `measure_fold`.
        min_clips: sources with fewer held-out clips are one group, `SMALL`.

    Returns:
        {"generators", "real_sources"}: group → {side: {"clips", "model", "floor"}};
        {"summary", "real_summary"}: figure → {side: spread over groups}, "gap", "floor_name".
        JSON types; what is not defined is None.
    """
    floor_names = best_floor_names(folds)
    found: dict[str, Any] = {}
    for kind, figures, summary in (
        ("generators", GENERATOR_FIGURES, "summary"),
        ("real_sources", REAL_FIGURES, "real_summary"),
    ):
        groups = _groups(folds, kind, min_clips, floor_names)
        found[kind] = groups
        found[summary] = {f: _summary(groups, f, floor_names.get(f)) for f in figures}
    return found


def category_table(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean average precision of the category head inside annotated traces, the rows of all folds together.

    Args:
        folds: each with {"categories": {side: {"scores": (R, C) lists, "target": (R, C) lists}}}.

    Returns:
        {side: {"map", "constant" (what one score for all gets), "rows"}}; a side without tagged rows is absent.
    """
    from dtr.metrics.category import CategoryMetrics

    found = {}
    for side in SIDES:
        scores = [row for fold in folds for row in fold["categories"][side]["scores"]]
        target = np.array([row for fold in folds for row in fold["categories"][side]["target"]])
        if target.any():
            metric = CategoryMetrics()
            metric.update(scores, target)
            constant = float(target.mean(axis=0)[target.any(axis=0)].mean())
            found[side] = {"map": float(metric.compute()["map"]), "constant": constant, "rows": len(target)}
    return found


def best_floor_names(folds: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each figure the one constant answer that does best over all unseen rows.

    One for all generators: the best constant of each small group would be chosen by luck.
    """
    parts: dict[str, dict[str, list[Mean]]] = {}
    for fold in folds:
        for source in fold["unseen"]["generators"].values():
            for name, by_constant in source["floors"].items():
                for constant, mean in by_constant.items():
                    parts.setdefault(name, {}).setdefault(constant, []).append(mean)
    pooled = {name: {c: combine(means)[0] for c, means in by_constant.items()} for name, by_constant in parts.items()}
    return {name: _worst(values, worse_high=name not in LOWER_IS_BETTER) for name, values in pooled.items()}


def combine(means: Iterable[Mean]) -> Mean:
    """The mean of all clips or rows under several means.

    Example:
        >>> combine([(1.0, 1), (0.0, 3)])
        (0.25, 4)
    """
    parts = [(value, n) for value, n in means if n]
    total = sum(n for _, n in parts)
    return (sum(value * n for value, n in parts) / total, total) if total else (math.nan, 0)


def spread(values: Mapping[str, float], *, worse_high: bool) -> dict[str, Any]:
    """Mean, standard deviation and worst case over groups.

    Args:
        values: by group, finite. worse_high: the largest is the worst.

    Example:
        >>> spread({"a": 0.5, "b": 1.0}, worse_high=False)
        {'mean': 0.75, 'std': 0.3535533905932738, 'worst': 0.5, 'worst_group': 'a', 'groups': 2}
    """
    if not values:
        return {"mean": None, "std": None, "worst": None, "worst_group": None, "groups": 0}
    worst = _worst(values, worse_high=worse_high)
    numbers = np.array(list(values.values()))
    return {
        "mean": float(numbers.mean()),
        "std": float(numbers.std(ddof=1)) if len(numbers) > 1 else None,
        "worst": values[worst],
        "worst_group": worst,
        "groups": len(numbers),
    }


def _worst(values: Mapping[str, float], *, worse_high: bool) -> str:
    """Name of the largest or smallest value; the first name of equals."""
    return (max if worse_high else min)(sorted(values), key=lambda name: values[name])


def _groups(
    folds: Sequence[Mapping[str, Any]], kind: str, min_clips: int, floor_names: Mapping[str, str]
) -> dict[str, Any]:
    """Sources, small ones together; the unseen side decides who is small, so that both sides have the same groups."""
    # Held out, a source is measured whole, so its largest fold counts; of a seen one each fold measures a few clips.
    sized = _clips(folds, "unseen", kind, max) or _clips(folds, "seen", kind, operator.add)
    names = {source: source if n >= min_clips else SMALL for source, n in sized.items()}
    members: dict[str, list[str]] = {}
    for source in sorted(names, key=lambda s: (names[s] == SMALL, s)):
        members.setdefault(names[source], []).append(source)
    return {name: _group(folds, kind, sources, floor_names) for name, sources in members.items()}


def _clips(folds: Sequence[Mapping[str, Any]], side: str, kind: str, join: Callable[[int, int], int]) -> dict[str, int]:
    """Clips of each source over all folds, joined by `join`."""
    found: dict[str, int] = {}
    for fold in folds:
        for source, figures in fold[side][kind].items():
            found[source] = join(found.get(source, 0), figures["clips"])
    return found


def _group(
    folds: Sequence[Mapping[str, Any]], kind: str, sources: Sequence[str], floor_names: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {"sources": len(sources)}
    for side in SIDES:
        parts = [fold[side][kind][s] for fold in folds for s in sources if s in fold[side][kind]]
        names = {name for part in parts for name in part["model"]}
        model = {name: combine(p["model"][name] for p in parts if name in p["model"]) for name in sorted(names)}
        floor = {
            name: combine(p["floors"][name][constant] for p in parts if constant in p["floors"].get(name, {}))
            for name, constant in floor_names.items()
            if kind == "generators"
        }
        found[side] = {
            "answers": sum(part["clips"] for part in parts),
            "model": {name: _cell(mean) for name, mean in model.items()},
            "floor": {name: _cell(mean) for name, mean in floor.items() if mean[1]},
        }
    return found


def _cell(mean: Mean) -> dict[str, Any]:
    return {"value": mean[0], "n": mean[1]}


def _summary(groups: Mapping[str, Any], name: str, floor_name: str | None) -> dict[str, Any]:
    """One figure over all groups, on both sides, and what is lost from seen to unseen."""
    worse_high = name in WORSE_HIGH
    values = {side: _values(groups, side, "model", name) for side in SIDES}
    row: dict[str, Any] = {"floor_name": floor_name}
    for side in SIDES:
        floors = _values(groups, side, "floor", name)
        gains = [(f - values[side][g]) * (1 if worse_high else -1) for g, f in floors.items() if g in values[side]]
        pooled = combine(
            (cell["value"], cell["n"]) for g in groups.values() if (cell := g[side]["model"].get(name)) is not None
        )
        row[side] = {
            **spread(values[side], worse_high=worse_high),
            "pooled": pooled[0] if pooled[1] else None,
            "n": pooled[1],
            "floor": float(np.mean(list(floors.values()))) if floors else None,
            "gain": _mean_interval(gains),
        }
    both = sorted(values["unseen"].keys() & values["seen"].keys())
    sign = 1 if worse_high else -1
    row["gap"] = _mean_interval([sign * (values["unseen"][g] - values["seen"][g]) for g in both])
    return row


def _values(groups: Mapping[str, Any], side: str, part: str, name: str) -> dict[str, float]:
    return {g: v[side][part][name]["value"] for g, v in groups.items() if name in v[side][part]}


def _mean_interval(values: Sequence[float]) -> dict[str, Any] | None:
    """Mean over groups with its 95 % interval by resampling groups; None of fewer than two."""
    if len(values) < 2:
        return None
    rows = [np.array([v]) for v in values]
    return figure(mean_statistic(rows), draw_weights(len(rows)), len(rows), "groups").to_json()
