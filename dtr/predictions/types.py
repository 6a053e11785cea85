"""What anybody's detector says of a video, in the terms that evaluation needs. Types only; files are read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dtr.annotation import Box, Label, Span
from dtr.verdict import Trace, Verdict

Form = Literal["verdict", "prediction", "raw_output"]
"""How a prediction was written: our verdict, the explorer's fields, or a language model's text."""


@dataclass(frozen=True)
class PredictedTrace:
    """One localised candidate.

    Attributes:
        score: any finite number, higher is surer; [0, 1] where the detector calibrates it.
        box: xyxy in [0, 1] of the displayed frame; None = not said, or malformed.
        span_s: (start, end) seconds; None = not said, or malformed.
        boxes: (time_s, x0, y0, x1, y1) over time; empty = `box` for the whole span.
        categories: score in [0, 1] by category name; empty = not said.
    """

    score: float
    box: Box | None = None
    span_s: Span | None = None
    boxes: tuple[tuple[float, float, float, float, float], ...] = ()
    categories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """A detector's answer for one video.

    Attributes:
        video_id: of the video.
        label: None = missing or no valid label, which counts as wrong.
        fake_score: score of "fake" in [0, 1]; None = not said.
        box: single answer in space, xyxy in [0, 1]; None = missing or malformed. It may be there for a REAL label too.
        onset_s: single answer in time, seconds; None = missing or malformed.
        offset_s: its end; None = missing or malformed.
        explanation: sentence, or None.
        traces: every candidate, strongest first; for a form that has one answer, that one.
        abstain: the detector said "can't tell".
        category_threshold: score from which on the detector calls a category; None = not stated.
        model_id: who said it; "" = not stated.
        form: how it was written.
        problems: what of the row could not be used, a phrase each.
        where: "file:line" it was read from.
    """

    video_id: str
    label: Label | None
    fake_score: float | None = None
    box: Box | None = None
    onset_s: float | None = None
    offset_s: float | None = None
    explanation: str | None = None
    traces: tuple[PredictedTrace, ...] = ()
    abstain: bool = False
    category_threshold: float | None = None
    model_id: str = ""
    form: Form = "prediction"
    problems: tuple[str, ...] = ()
    where: str = ""

    @property
    def span_s(self) -> Span | None:
        """Onset and offset, where both are there and in order."""
        if self.onset_s is None or self.offset_s is None or not self.onset_s < self.offset_s:
            return None
        return self.onset_s, self.offset_s

    @property
    def categories(self) -> Mapping[str, float]:
        """Category scores of the single answer; empty = not said."""
        return self.traces[0].categories if self.traces else {}


def from_verdict(verdict: Verdict, *, where: str = "") -> Prediction:
    """A verdict as a prediction: its strongest trace or candidate is the single answer, whatever the label.

    Example:
        >>> said = Verdict("a.mp4", "a", 2.0, 64, 48, "fake", 0.9, traces=(Trace(0.8, (0.5, 1.5), (0, 0, 1, 1)),))
        >>> found = from_verdict(said)
        >>> found.label, found.onset_s, found.box
        ('fake', 0.5, (0, 0, 1, 1))
    """
    traces = tuple(_predicted(t) for t in verdict.traces + verdict.candidates)
    best = traces[0] if traces else None
    span_s = best.span_s if best is not None else None
    return Prediction(
        video_id=verdict.video_id,
        label=verdict.label,
        fake_score=verdict.score,
        box=None if best is None else best.box,
        onset_s=None if span_s is None else span_s[0],
        offset_s=None if span_s is None else span_s[1],
        explanation=next((t.explanation for t in verdict.traces + verdict.candidates), None),
        traces=traces,
        abstain=verdict.abstain,
        category_threshold=stated_category_threshold(verdict.provenance),
        model_id=str(verdict.provenance.get("model_id") or ""),
        form="verdict",
        where=where,
    )


def stated_category_threshold(provenance: Mapping[str, Any]) -> float | None:
    """The threshold that a verdict's provenance states for categories; None = none, or not a number in [0, 1].

    Example:
        >>> stated_category_threshold({"thresholds": {"category": 0.2}}), stated_category_threshold({})
        (0.2, None)
    """
    thresholds = provenance.get("thresholds")
    value = thresholds.get("category") if isinstance(thresholds, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _predicted(trace: Trace) -> PredictedTrace:
    return PredictedTrace(trace.score, trace.box, trace.span_s, trace.boxes, trace.categories)
