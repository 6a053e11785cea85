"""Everything that was found, not only the single answer: candidates matched one to one with the annotated traces.

A candidate on a video that is fully known (a real one) and that matches nothing is wrong. On a generated video whose
annotation is not exhaustive, what matches nothing may be a trace that nobody annotated: it is left out. So precision is
lost only to candidates of real videos. Under "oracle" every candidate of every video counts, whatever the label; under
"own" only those of videos that were called fake. Traces that lack the place or the time that is asked for are left out,
and their video is then not fully known. A candidate that lacks it is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import TraceAnnotation
from dtr.evaluation.counted import Counted, mean_of, remembered, undefined
from dtr.evaluation.figures import FloatArray, Statistic
from dtr.evaluation.items import Item
from dtr.evaluation.rows import Policy
from dtr.metrics.average_precision import (
    FALSE_POSITIVE,
    IGNORED,
    TRUE_POSITIVE,
    Kind,
    VideoCandidates,
    match_one_to_one,
)
from dtr.metrics.weighted import weighted_ece
from dtr.metrics.weighted_candidates import weighted_candidate_precision
from dtr.predictions import PredictedTrace

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Least overlaps of a match; the plain `map_…` is the mean over them."""

KEYS: dict[Kind, str] = {"box": "map_iou", "tiou": "map_tiou", "both": "map_both"}
"""Name of the figure by what must overlap: the box, the span, or the smaller of both."""

CANDIDATE_FIGURES = tuple(name for key in KEYS.values() for name in (key, *(f"{key}_{t:g}" for t in THRESHOLDS)))
"""Keys of `precision_statistics`, in its order."""

AGREES = 0.3
"""Trace scores are read as the chance of an IoU and tIoU of at least this with an annotated trace."""


@dataclass(frozen=True)
class Outcomes:
    """Candidates of V videos in one kind of overlap, matched; K candidates.

    Attributes:
        scores: (K,) finite; videos: (K,) index of each one's video.
        by_threshold: (K,) TRUE_POSITIVE, FALSE_POSITIVE or IGNORED by least overlap.
        num_truths: (V,) traces to be found.
        whole: (V,) bool, each of the video's traces has what is asked for; known: also, nothing else is there.
    """

    scores: FloatArray
    videos: NDArray[np.int64]
    by_threshold: dict[float, NDArray[np.int8]]
    num_truths: FloatArray
    whole: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def of(self, videos: NDArray[np.bool_]) -> Outcomes:
        """Without the candidates of all but the given (V,) videos; their traces stay to be found."""
        kept = videos[self.videos]
        return replace(
            self,
            scores=self.scores[kept],
            videos=self.videos[kept],
            by_threshold={t: outcome[kept] for t, outcome in self.by_threshold.items()},
        )


def candidate_statistics(items: Sequence[Item]) -> dict[Policy, dict[str, Counted]]:
    """Average precision of place, time and both, and the calibration error of trace scores, by policy.

    Args:
        items: V videos.

    Returns:
        By policy, by name of `CANDIDATE_FIGURES`, and "trace_ece".

    Raises:
        DetectorError: a candidate is not finite. AnnotationError: a trace is not finite.
    """
    matched = {kind: match_candidates(items, kind) for kind in KEYS}
    fake = called_fake(items)
    found: dict[Policy, dict[str, Counted]] = {}
    by_policy: dict[Policy, dict[Kind, Outcomes]] = {
        "own": {k: o.of(fake) for k, o in matched.items()},
        "oracle": matched,
    }
    for policy, outcomes in by_policy.items():
        found[policy] = {name: c for kind, o in outcomes.items() for name, c in precision_statistics(o, kind).items()}
        found[policy]["trace_ece"] = trace_ece(outcomes["both"])
    return found


def match_candidates(items: Sequence[Item], kind: Kind) -> Outcomes:
    """Match every video's candidates with its traces, at every threshold.

    Args:
        items: V videos; one that nobody looked at has neither candidates nor traces here.
        kind: what must overlap.

    Raises:
        DetectorError: a candidate is not finite.
        AnnotationError: a trace is not finite.

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> from dtr.predictions import Prediction
        >>> clip = VideoAnnotation("a", Path("a"), "fake", traces=(TraceAnnotation(box=(0.0, 0.0, 1.0, 0.5)),))
        >>> said = Prediction("a", "fake", traces=(PredictedTrace(0.9, (0.0, 0.0, 1.0, 1.0)),))
        >>> found = match_candidates([Item(clip, said)], "box")
        >>> found.by_threshold[0.5].tolist(), found.by_threshold[0.6].tolist()
        ([1], [-1])
    """
    num_truths, whole, known = truth_of(items, kind)
    scores, videos = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    hits = {t: [np.zeros(0, dtype=np.int64)] for t in THRESHOLDS}
    total = 0
    for place, item in enumerate(items):
        candidates = [c for c in (item.prediction.traces if item.prediction else ()) if has(c, kind)]
        if not candidates or item.video.traces is None:
            continue
        scores.append(np.array([c.score for c in candidates], dtype=np.float64))
        videos.append(np.full(len(candidates), place))
        if num_truths[place]:
            overlap = _video(candidates, [t for t in item.rows if has(t, kind)]).overlap(kind)
            for threshold, matched in _hits(scores[-1], overlap):
                hits[threshold].append(matched + total)
        total += len(candidates)
    of = np.concatenate(videos)
    missed = np.where(known[of], FALSE_POSITIVE, IGNORED).astype(np.int8)
    by_threshold = {t: _with_hits(missed, np.concatenate(matched)) for t, matched in hits.items()}
    return Outcomes(np.concatenate(scores), of, by_threshold, num_truths, whole, known)


def precision_statistics(outcomes: Outcomes, kind: Kind) -> dict[str, Counted]:
    """Average precision at every threshold, and their mean first.

    Args:
        outcomes: from `match_candidates`, perhaps `of` some videos.
        kind: for the names.

    Returns:
        By name of `CANDIDATE_FIGURES` of this kind, in [0, 1]; 0 where nothing is found, NaN without traces.
    """
    at = {f"{KEYS[kind]}_{t:g}": remembered(precision_statistic(outcomes, t)) for t in outcomes.by_threshold}
    lacking = {"box": "a box", "tiou": "a time", "both": "both a box and a time"}[kind]
    n, reason = int(outcomes.num_truths.sum()), f"no annotated trace has {lacking}"
    statistics = {KEYS[kind]: mean_of(list(at.values()))} | at
    return {name: Counted(statistic, n, "traces", reason) for name, statistic in statistics.items()}


def precision_statistic(outcomes: Outcomes, threshold: float) -> Statistic:
    """Average precision at one threshold."""
    return partial(
        weighted_candidate_precision,
        outcomes.scores,
        outcomes.by_threshold[threshold],
        outcomes.videos,
        outcomes.num_truths,
    )


def trace_ece(both: Outcomes) -> Counted:
    """Expected calibration error of trace scores, read as the chance of agreeing with an annotated trace.

    It rests on the candidates of videos where agreeing is defined: every trace has place and time, and there is one or
    it is known that there is none. On generated videos a candidate beside the annotated traces counts as not agreeing,
    as in the calibration of DTR's own scores: the figure tells nothing of the chance that it is a trace after all.

    Args:
        both: outcomes of the kind "both".
    """
    kept = np.flatnonzero((both.whole & (both.known | (both.num_truths > 0)))[both.videos])
    scores, videos = both.scores[kept], both.videos[kept]
    if not len(kept):
        return undefined(0, "candidates", "no candidate has both a box and a time")
    if scores.min() < 0 or scores.max() > 1:
        return undefined(len(kept), "candidates", f"trace scores are no chances: {scores.min():g} to {scores.max():g}")
    agrees = both.by_threshold[AGREES][kept] == TRUE_POSITIVE
    return Counted(lambda weights: weighted_ece(scores, agrees, weights[:, videos]), len(kept), "candidates")


def truth_of(items: Sequence[Item], kind: Kind) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """`num_truths`, `whole` and `known` of `Outcomes`, (V,) each."""
    num_truths = np.array([sum(has(t, kind) for t in item.rows) for item in items], dtype=np.float64)
    whole = [item.video.traces is not None and all(has(t, kind) for t in item.rows) for item in items]
    known = [w and item.video.exhaustive for w, item in zip(whole, items, strict=True)]
    return num_truths, np.array(whole, dtype=np.bool_), np.array(known, dtype=np.bool_)


def has(trace: TraceAnnotation | PredictedTrace, kind: Kind) -> bool:
    """The place, the time, or both are there.

    Example:
        >>> has(PredictedTrace(0.5, box=(0.0, 0.0, 1.0, 1.0)), "both")
        False
    """
    return (kind == "tiou" or trace.box is not None) and (kind == "box" or trace.span_s is not None)


def called_fake(items: Sequence[Item]) -> NDArray[np.bool_]:
    """(V,) which videos were called fake."""
    return np.array([item.called_fake for item in items], dtype=np.bool_)


def _video(candidates: Sequence[PredictedTrace], traces: Sequence[TraceAnnotation]) -> VideoCandidates:
    return VideoCandidates(
        [c.score for c in candidates],
        [c.box for c in candidates if c.box is not None],
        [t.box for t in traces if t.box is not None],
        [c.span_s for c in candidates if c.span_s is not None],
        [t.span_s for t in traces if t.span_s is not None],
    )


def _hits(scores: FloatArray, overlap: FloatArray) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Indices of one video's candidates that are matched, by threshold."""
    nearest = overlap.max(axis=1)
    for threshold in THRESHOLDS:
        # Candidates that reach no trace can take none from another: leaving them out saves most of the matching.
        reach = np.flatnonzero(nearest >= threshold)
        if not len(reach):
            return
        yield threshold, reach[match_one_to_one(scores[reach], overlap[reach], threshold) >= 0]


def _with_hits(missed: NDArray[np.int8], hits: NDArray[np.int64]) -> NDArray[np.int8]:
    outcomes = missed.copy()
    outcomes[hits] = TRUE_POSITIVE
    return outcomes
