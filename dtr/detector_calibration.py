"""Calibration of a whole detector on clips that it was not trained on, and how well it holds on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dtr.calibration import PlattCalibration, brier, ece, fit_platt, sigmoid
from dtr.collect import ClipResult, category_rows, label_rows
from dtr.decision import decide, fit_band, operating_data
from dtr.errors import AnnotationError
from dtr.metrics.average_precision import VideoCandidates, match_one_to_one
from dtr.metrics.operating import reweight_scores, risk_coverage
from dtr.model_info import ModelInfo
from dtr.pipeline import category_scores, decode_outputs, trace_logit

MATCH = 0.3
"""A trace counts as found if IoU and tIoU with an annotated one are at least this."""

TRACE_BETA = 1.0
"""Finding and not inventing count the same. Annotations are not exhaustive, so precision is understated; and where it
counted for more, few of the clips called generated had any place for a reviewer to look at."""

ABSTAIN = (0.4, 0.6)
"""Band of "can't tell" where the calibration clips do not hold both classes; a convention, not fitted."""


def calibrate_detector(info: ModelInfo, results: list[ClipResult]) -> ModelInfo:
    """Fit trace calibration, thresholds and abstain band, and keep what operating points need.

    A trace is right if it matches an annotated one in place and time, one to one. Annotations of generated videos are
    not exhaustive, so a trace that matches none may still be one: the score is the chance of agreeing with an
    annotation, a lower bound on the chance of being right.

    Args:
        info: of the detector, with the calibration that its heads brought (label, category).
        results: of the calibration part.
    """
    info = with_operating_data(info, results)
    raw, found, num_traces = matches(info, results)
    thresholds = {"label": 0.5, "trace": 0.5, "abstain": list(ABSTAIN)} | info.thresholds
    thresholds |= _category_threshold(info, results)
    try:
        fitted = fit_platt([trace_logit(r) for r in raw], found, target="trace")
    except AnnotationError:  # no match at all, or nothing but matches: leave the raw scores as they are
        return replace(info, thresholds=thresholds)
    scores = fitted.apply([trace_logit(r) for r in raw])
    return replace(
        info,
        calibration=info.calibration | {"trace": fitted.to_json()},
        thresholds=thresholds | {"trace": best_f(scores, found, num_traces, beta=TRACE_BETA)},
    )


def with_operating_data(info: ModelInfo, results: list[ClipResult]) -> ModelInfo:
    """Keep the logits of the calibration clips, and fit the abstain band on them; nothing without a label head."""
    head = _head(info, "label")
    if head is None:
        return info
    operating = operating_data(*label_rows(head, info.heads[head], results))
    thresholds: dict[str, Any] = {"label": 0.5, "abstain": list(ABSTAIN)} | info.thresholds
    if "label" in info.calibration:
        calibration = PlattCalibration.from_json(info.calibration["label"])
        thresholds |= fit_band(calibration, operating, thresholds["label"])
    return replace(info, operating=operating, thresholds=thresholds)


def calibration_quality(info: ModelInfo, results: list[ClipResult]) -> dict[str, Any]:
    """How well calibration and abstain band hold on clips that they were not fitted on.

    Args:
        info: calibrated.
        results: of the dev part, which chose the heads' checkpoints, but not their calibration.

    Returns:
        {"scores": target → {"n", "n_positive", "ece_before", "ece_after", "brier_before", "brier_after"}, "abstain":
        {"n", "share", "error_answered", "error_unsure", "aurc"}}; without targets that are not calibrated or of which
        the clips hold no example. Label scores are re-weighted to these clips' share of fakes, before and after alike.
    """
    found: dict[str, Any] = {"scores": {}, "abstain": {}}
    label, category = _head(info, "label"), _head(info, "category")
    if label is not None and "label" in info.calibration:
        logits, labels = label_rows(label, info.heads[label], results)
        if 0 < sum(labels) < len(labels):
            found["scores"]["label"] = _label_quality(info, logits, labels)
            found["abstain"] = _abstain_quality(info, logits, labels)
    if "trace" in info.calibration:
        raw, right, _ = matches(info, results)
        fitted = PlattCalibration.from_json(info.calibration["trace"])
        if raw:
            found["scores"]["trace"] = _before_and_after(raw, fitted.apply([trace_logit(r) for r in raw]), right)
    if category is not None and "category" in info.calibration:
        scores, tags = category_rows(category, results)
        if len(scores):
            after = np.array([category_scores(info, row) for row in scores])
            found["scores"]["category"] = _before_and_after(scores.ravel(), after.ravel(), tags.ravel())
    return found


def _label_quality(info: ModelInfo, logits: Sequence[float], labels: Sequence[float]) -> dict[str, Any]:
    calibration = PlattCalibration.from_json(info.calibration["label"])
    share = float(np.mean(labels))
    # Heads are trained on as many fakes as reals, so that is what their plain sigmoid assumes.
    before = reweight_scores(sigmoid(logits), 0.5, share)
    return _before_and_after(before, calibration.with_prior(share).apply(logits), labels)


def _abstain_quality(info: ModelInfo, logits: Sequence[float], labels: Sequence[float]) -> dict[str, Any]:
    """What staying silent inside the band leaves out and gains."""
    decision = decide(info)
    scores = decision.score(logits)
    right = (scores >= decision.threshold) == (np.array(labels) == 1)
    unsure = np.array([decision.unsure(float(s)) for s in scores])
    return {
        "n": len(labels),
        "share": float(unsure.mean()),
        "error_answered": None if unsure.all() else float(1 - right[~unsure].mean()),
        "error_unsure": float(1 - right[unsure].mean()) if unsure.any() else None,
        "aurc": risk_coverage(np.abs(scores - decision.threshold), right).area,
    }


def _before_and_after(before: Any, after: Any, target: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"n": len(target), "n_positive": int(np.sum(target))}
    for name, measure in (("ece", ece), ("brier", brier)):
        row |= {f"{name}_before": measure(before, target), f"{name}_after": measure(after, target)}
    return row


def _head(info: ModelInfo, kind: str) -> str | None:
    """Name of the head of a kind."""
    return next((name for name, spec in info.heads.items() if spec.kind == kind), None)


def _category_threshold(info: ModelInfo, results: list[ClipResult]) -> dict[str, float]:
    """One threshold for all categories, with the best micro F1 inside annotated tubes; empty without tagged traces."""
    head = _head(info, "category")
    if head is None:
        return {}
    scores, target = category_rows(head, results)
    if not target.any():
        return {}
    calibrated = np.array([category_scores(info, row) for row in scores])
    return {"category": best_f(calibrated.ravel(), target.ravel())}


def matches(info: ModelInfo, results: list[ClipResult]) -> tuple[list[float], list[int], int]:
    """Raw score of every candidate, whether it matches an annotated trace, and how many traces there are.

    A clip with a trace of which only the place or only the time is known says nothing of its candidates, nor does a
    generated one on which nobody found a trace: that it has none is unknown.
    """
    raw: list[float] = []
    found: list[int] = []
    num_traces = 0
    for result in results:
        truth = result.truth
        if not (truth.annotated and truth.paired and (truth.boxes or truth.exhaustive)):
            continue
        num_traces += len(truth.boxes)
        candidates = decode_outputs(info, result.outputs, result.geometry).candidates
        scores = [c.raw_score for c in candidates]
        right = np.zeros(len(scores), dtype=int)
        if candidates and truth.boxes:
            video = VideoCandidates(
                scores, [c.box for c in candidates], truth.boxes, [c.span_s for c in candidates], truth.spans_s
            )
            right = (match_one_to_one(scores, video.overlap("both"), MATCH) >= 0).astype(int)
        raw += scores
        found += right.tolist()
    return raw, found, num_traces


def best_f(scores: Any, target: Any, num_true: int | None = None, *, beta: float = 1.0) -> float:
    """The threshold with the largest F-measure; the highest of equals.

    Args:
        scores: (N,). target: (N,) 0 or 1.
        num_true: all that could be found, if some of them have no score; None = those in `target`.
        beta: how many times recall counts as much as precision; 1 = F1.

    Example:
        >>> best_f([0.9, 0.6, 0.4, 0.1], [1, 1, 0, 0])
        0.6
    """
    scores, target = np.asarray(scores, dtype=float), np.asarray(target)
    total = target.sum() if num_true is None else num_true
    levels = np.unique(scores)[::-1]
    weight = beta**2
    f = [(1 + weight) * (target[scores >= t]).sum() / ((scores >= t).sum() + weight * total) for t in levels]
    return float(levels[int(np.argmax(f))])
