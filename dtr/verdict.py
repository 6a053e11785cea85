"""The answer: `Trace` and `Verdict`, and their JSON form (schema version 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dtr.annotation import Box, Span

SCHEMA = 1


@dataclass(frozen=True)
class Trace:
    """One thing that gives a video away.

    Attributes:
        score: [0, 1]; calibrated where the detector says so.
        span_s: (start, end) seconds.
        box: xyxy in [0, 1], for the whole span.
        boxes: (time_s, x0, y0, x1, y1) over time.
        categories: score per category name; empty = the detector has no category head.
        explanation: a sentence, or None.
        explanation_engine: what wrote it, or None.
    """

    score: float
    span_s: Span
    box: Box
    boxes: tuple[tuple[float, float, float, float, float], ...] = ()
    categories: dict[str, float] = field(default_factory=dict)
    explanation: str | None = None
    explanation_engine: str | None = None

    @property
    def category(self) -> str | None:
        """The most likely category, or None without a category head."""
        return max(self.categories, key=lambda name: self.categories[name]) if self.categories else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as in the schema."""
        return {
            "score": _short(self.score),
            "span_s": [_short(v) for v in self.span_s],
            "box": [_short(v) for v in self.box],
            "boxes": [[_short(v) for v in row] for row in self.boxes],
            "categories": {name: _short(v) for name, v in self.categories.items()},
            "explanation": self.explanation,
            "explanation_engine": self.explanation_engine,
        }


@dataclass(frozen=True)
class Verdict:
    """What a detector says of one video.

    Attributes:
        video: path as given; video_id: its id; duration_s, width, height: of the displayed video.
        label: "fake" or "real"; score: calibrated probability of fake; abstain: too close to call.
        traces: strongest first; empty for a REAL label. candidates: below threshold, or of a REAL verdict.
        frame_times_s, frame_scores: per step.
        damage: what could not be decoded, in words.
        provenance: ids, versions, clock, sampled presentation times.
        timing_s: {"decode": …, "infer": …}; the only part that differs between two runs.
    """

    video: str
    video_id: str
    duration_s: float
    width: int
    height: int
    label: Literal["fake", "real"]
    score: float
    abstain: bool = False
    traces: tuple[Trace, ...] = ()
    candidates: tuple[Trace, ...] = ()
    frame_times_s: tuple[float, ...] = ()
    frame_scores: tuple[float, ...] = ()
    damage: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    timing_s: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The verdict as one JSON object, schema version 1."""
        return {
            "schema": SCHEMA,
            "video": self.video,
            "video_id": self.video_id,
            "duration_s": _short(self.duration_s),
            "width": self.width,
            "height": self.height,
            "label": self.label,
            "score": _short(self.score),
            "abstain": self.abstain,
            "traces": [t.to_json() for t in self.traces],
            "candidates": [t.to_json() for t in self.candidates],
            "frames": {
                "times_s": [_short(v) for v in self.frame_times_s],
                "scores": [_short(v) for v in self.frame_scores],
            },
            "damage": list(self.damage),
            "provenance": self.provenance,
            "timing_s": {name: _short(v) for name, v in self.timing_s.items()},
        }

    def to_prediction(self) -> dict[str, Any]:
        """The predictions form of `dtr evaluate` and the public explorer.

        A FAKE always carries its best candidate's box and onset, below threshold too.
        """
        best = next(iter(self.traces + self.candidates), None) if self.label == "fake" else None
        row: dict[str, Any] = {
            "video_id": self.video_id,
            "model_id": self.provenance.get("model_id"),
            "task": "detection",
            "predicted_label": self.label.upper(),
            "fake_probability": _short(self.score),
            "start_time": None,
            "end_time": None,
            "bbox": None,
            "explanation": None,
            "latency_seconds": _short(sum(self.timing_s.values())),
        }
        if best is not None:
            from dtr.boxes import to_ltwh_px  # here, so that `import dtr` and `dtr --help` need not wait for numpy

            ltwh = to_ltwh_px(best.box, self.width, self.height)
            row["start_time"], row["end_time"] = (_short(v) for v in best.span_s)
            row["bbox"] = dict(zip(("left", "top", "width", "height"), (round(float(v), 2) for v in ltwh), strict=True))
            row["explanation"] = best.explanation
        return row

    def save_overlay(self, path: str | Path, *, progress: Callable[[int], None] | None = None) -> Path:
        """Write the video with boxes, time bar and categories drawn on it.

        Args:
            path: .mp4 to write; replaced only when finished.
            progress: called with the number of frames written so far.

        Raises:
            VideoError: the source video is gone or cannot be decoded.
        """
        from dtr.overlay import write_overlay

        return write_overlay(self, Path(path), progress=progress)


def _short(value: float) -> float:
    """Six decimals: far below any measurement error, and the same text on every run."""
    return round(float(value), 6)
