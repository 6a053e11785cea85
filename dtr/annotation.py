"""What people (or files) say about a video: labels and traces. Types only; readers live in `dtr.data`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from dtr.errors import AnnotationError

Label = Literal["real", "fake"]

CATEGORIES: tuple[str, ...] = (
    "Object Distortion",
    "Sudden Blurring",
    "Object Trajectory",
    "Redundant Object",
    "Object Merging",
    "Object Splitting",
    "Background Distortion",
    "Object Disappearance",
    "Unexpected Move",
)
"""The nine categories in the order of every category axis. Source: DeeptraceReward (arXiv 2509.22646), Figure 4."""

Box = tuple[float, float, float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class TraceAnnotation:
    """One annotated trace. A field that is None was not annotated: it takes part in no loss and no metric.

    Attributes:
        span_s: (onset, offset) seconds.
        box: xyxy in [0, 1] of the displayed frame, for the whole span.
        boxes: (time_s, box) pairs for a moving box, increasing in time; empty = only `box` is known.
        categories: None = no tags were given; empty = "none of the above".
        raw_tags: the tags as written.
        explanation: the annotator's sentence.
        confidence: 1 (low) … 3 (high) where an annotation source has it.
        where: "file:row" it was read from.
    """

    span_s: Span | None = None
    box: Box | None = None
    boxes: tuple[tuple[float, Box], ...] = ()
    categories: frozenset[str] | None = None
    raw_tags: tuple[str, ...] = ()
    explanation: str | None = None
    confidence: float | None = None
    where: str = ""

    def __post_init__(self) -> None:
        if self.span_s is not None and not self.span_s[0] < self.span_s[1]:
            raise AnnotationError(f"{self.where}: a span needs start < end, got {self.span_s}; fix the row")
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise AnnotationError(f"{self.where}: a box needs x0 < x1 and y0 < y1, got {self.box}; fix the row")
        times_s = (-math.inf, *(time_s for time_s, _ in self.boxes), math.inf)
        if not all(a < b for a, b in pairwise(times_s)):
            raise AnnotationError(f"{self.where}: times of boxes must increase, got {times_s[1:-1]}; fix the row")
        for time_s, box in self.boxes:
            if not (box[0] < box[2] and box[1] < box[3]):
                raise AnnotationError(
                    f"{self.where}: a box needs x0 < x1 and y0 < y1, got {box} at {time_s} s; fix the row"
                )
        unknown = (self.categories or frozenset()) - set(CATEGORIES)
        if unknown:
            raise AnnotationError(f"{self.where}: unknown categories {sorted(unknown)}; known: {', '.join(CATEGORIES)}")

    @property
    def extent(self) -> Box | None:
        """One box for the whole span: `box`, else the smallest around all `boxes`; None = no place is annotated.

        Example:
            >>> TraceAnnotation(boxes=((0.0, (0.1, 0.2, 0.3, 0.4)), (1.0, (0.2, 0.1, 0.5, 0.3)))).extent
            (0.1, 0.1, 0.5, 0.4)
        """
        if self.box is not None or not self.boxes:
            return self.box
        left, top, right, bottom = zip(*(box for _, box in self.boxes), strict=True)
        return min(left), min(top), max(right), max(bottom)


@dataclass(frozen=True)
class VideoAnnotation:
    """All that is known of one video.

    Attributes:
        video_id: unique id; videos are joined, split and counted by it.
        path: media file.
        label: "real" or "fake"; None = unknown.
        source: generator of a fake video, camera source of a real one.
        split: "train", "val" or "test"; None = not assigned.
        width, height: pixels of the displayed frame; fps: frames/s; duration_s: seconds; None = not stated.
        traces: None = nobody looked; a released generated video has at least one.
        exhaustive: True = what is not annotated is not there (real videos). False = places and times without a trace
            are unknown, never negatives (generated videos of the release).
        where: "file:row" of its first row.
    """

    video_id: str
    path: Path
    label: Label | None
    source: str = ""
    split: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    duration_s: float | None = None
    traces: tuple[TraceAnnotation, ...] | None = None
    exhaustive: bool = False
    where: str = ""
