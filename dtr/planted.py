"""What was put into a variant of a clip on purpose, and so is known without an annotator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dtr.annotation import TraceAnnotation, VideoAnnotation


@dataclass(frozen=True)
class Planted:
    """What was done to a clip (see `dtr.traces` and `dtr.pseudo`).

    Attributes:
        traces: put into it; empty = none.
        fake: its pixels went through a network: a fake, whatever the clip was.
        keeps_time: what is annotated of the clip still holds at the same times; False = a cut was put in, say.
    """

    traces: tuple[TraceAnnotation, ...] = ()
    fake: bool = False
    keeps_time: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"traces": [_trace_json(t) for t in self.traces], "fake": self.fake, "keeps_time": self.keeps_time}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Planted:
        """Inverse of `to_json`; raises KeyError, TypeError or ValueError on anything else."""
        traces = tuple(_trace(row) for row in data["traces"])
        return cls(traces, bool(data["fake"]), bool(data["keeps_time"]))


def with_planted(video: VideoAnnotation, planted: Planted | None) -> VideoAnnotation:
    """The annotation of a variant: planted traces beside those of the clip that still hold.

    A camera clip stays exhaustively annotated: whatever is not planted is not there. A generated clip that nobody
    looked at has the planted traces only, and places and times without one stay unknown. A clip whose pixels went
    through a network becomes a fake that nobody looked at.

    Example:
        >>> from pathlib import Path
        >>> clip = VideoAnnotation("v", Path("v.mp4"), "real", traces=(), exhaustive=True)
        >>> with_planted(clip, Planted((TraceAnnotation(span_s=(0.0, 1.0)),))).traces[0].span_s
        (0.0, 1.0)
        >>> with_planted(clip, Planted(fake=True)).label
        'fake'
    """
    if planted is None:
        return video
    if planted.fake:
        return replace(video, label="fake", traces=planted.traces or None, exhaustive=False)
    own = (video.traces or ()) if planted.keeps_time else ()
    looked = video.traces is not None or bool(planted.traces)
    return replace(video, traces=(*planted.traces, *own) if looked else None)


def _trace_json(trace: TraceAnnotation) -> dict[str, Any]:
    return {
        "span_s": trace.span_s,
        "box": trace.box,
        "boxes": trace.boxes,
        "categories": sorted(trace.categories or ()),
        "explanation": trace.explanation,
        "where": trace.where,
    }


def _trace(row: Mapping[str, Any]) -> TraceAnnotation:
    start, end = row["span_s"]
    return TraceAnnotation(
        span_s=(float(start), float(end)),
        box=None if row["box"] is None else _box(row["box"]),
        boxes=tuple((float(time_s), _box(box)) for time_s, box in row["boxes"]),
        categories=frozenset(row["categories"]),
        raw_tags=tuple(row["categories"]),
        explanation=row["explanation"],
        where=row["where"],
    )


def _box(sides: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(v) for v in sides)
    return x0, y0, x1, y1
