"""The curves behind the figures, as plain lists: for a report, or for anybody's own plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dtr.evaluation.figures import FloatArray
from dtr.evaluation.items import Item
from dtr.evaluation.label import video_scores
from dtr.evaluation.rows import answer_rows, floor_answers, model_answer
from dtr.floors import Floors
from dtr.metrics.operating import reliability, risk_coverage, roc_curve

BINS = 10
LEVELS = np.linspace(0.0, 1.0, 51)
"""Overlaps at which the share of rows that reach them is told."""

OVERLAPS = {"box_iou": "box", "tiou": "span", "viou": "tube"}
"""Columns with a curve, and the kind of constant that answers them."""


def curves(items: Sequence[Item], floors: Floors | None) -> dict[str, Any]:
    """Every curve of a set of answers.

    Args:
        items: V videos.
        floors: for the overlap curves; None = without.

    Returns:
        "roc", "reliability", "risk_coverage" (None without scores of both classes) and "overlap": by column of
        `OVERLAPS`, by "own", "oracle" and name of a constant, the share of rows at each of "levels".
    """
    said = video_scores(items)
    scores, target = said.scores[said.has_score], said.is_fake[said.has_score]
    found: dict[str, Any] = {"overlap": _overlap(items, floors), "levels": _plain(LEVELS)}
    if not target.any() or target.all():
        return found | {"roc": None, "reliability": None, "risk_coverage": None}
    return found | {
        "roc": _roc(scores, target),
        "reliability": _reliability(scores, target),
        "risk_coverage": _risk_coverage(items),
    }


def _roc(scores: FloatArray, target: Any) -> dict[str, Any]:
    curve = roc_curve(scores, target)
    thresholds = [None if math.isinf(t) else t for t in curve.thresholds.tolist()]
    return {"fpr": _plain(curve.fpr), "tpr": _plain(curve.tpr), "thresholds": thresholds}


def _reliability(scores: FloatArray, target: Any) -> dict[str, Any]:
    found = reliability(scores, target, BINS)
    names = ("edges", "mean_score", "fake_share", "low", "high")
    return {name: _plain(getattr(found, name)) for name in names} | {"n": found.n.tolist()}


def _risk_coverage(items: Sequence[Item]) -> dict[str, Any]:
    """Risk of the answers by how far their score is from the even chance; an invalid label is a wrong answer."""
    scored = [(i, i.prediction.fake_score) for i in items if i.prediction and i.prediction.fake_score is not None]
    curve = risk_coverage([abs(s - 0.5) for _, s in scored], [int(i.correct) for i, _ in scored])
    return {"coverage": _plain(curve.coverage), "risk": _plain(curve.risk), "area": curve.area}


def _overlap(items: Sequence[Item], floors: Floors | None) -> dict[str, dict[str, list[float | None]]]:
    found: dict[str, dict[str, list[float | None]]] = {column: {} for column in OVERLAPS}
    for policy in ("own", "oracle"):
        answers = [model_answer(item, policy) for item in items]  # type: ignore[arg-type]
        for column, rows in answer_rows(items, answers, tuple(OVERLAPS)).items():
            found[column][policy] = _reached(rows)
    for column, best in _best_constants(items, floors).items():
        found[column] |= best
    return found


def _best_constants(items: Sequence[Item], floors: Floors | None) -> Mapping[str, dict[str, list[float | None]]]:
    """Of each kind of constant the one with the largest mean overlap."""
    best: dict[str, tuple[float, str, list[FloatArray]]] = {}
    for name, answers in (floor_answers(items, floors) if floors is not None else {}).items():
        kind, _, constant = name.partition("/")
        for column in (c for c, k in OVERLAPS.items() if k == kind):
            rows = answer_rows(items, answers, (column,))[column]
            joined = np.concatenate([np.zeros(0), *rows])
            mean = float(joined.mean()) if len(joined) else -1.0
            if column not in best or mean > best[column][0]:
                best[column] = (mean, constant, rows)
    return {column: {f"constant {name}": _reached(rows)} for column, (_, name, rows) in best.items()}


def _reached(rows: Sequence[FloatArray]) -> list[float | None]:
    joined = np.concatenate([np.zeros(0), *rows])
    if not len(joined):
        return [None] * len(LEVELS)
    return _plain((joined[:, None] >= LEVELS).mean(axis=0))


def _plain(values: FloatArray) -> list[float | None]:
    """Rounded numbers; None where a value is not defined, since JSON has no NaN."""
    return [round(float(v), 6) if math.isfinite(v) else None for v in np.asarray(values).ravel()]
