"""Annotations through a change of the picture and of time: where a box lies and when a span is in the changed video."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.annotation import Box, Span, TraceAnnotation, VideoAnnotation
from dtr.boxes import area, clip_boxes

FloatArray = NDArray[np.float64]
Row = tuple[float, float, float]

MIN_VISIBLE = 0.25
"""A box of which less than this share stays in view is out of view: there is nothing left to find."""


@dataclass(frozen=True)
class Mapping:
    """How points and times of a video move.

    Attributes:
        rows: 3 × 3 homography of points (x, y, 1) with x and y in [0, 1] of the displayed frame.
        speed: times are divided by it.
    """

    rows: tuple[Row, Row, Row] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    speed: float = 1.0

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) float64."""
        return np.array(self.rows, dtype=np.float64)

    def then(self, after: Mapping) -> Mapping:
        """This mapping first, `after` behind it.

        Example:
            >>> Mapping(speed=2.0).then(MIRROR).box((0.0, 0.0, 0.25, 1.0))
            (0.75, 0.0, 1.0, 1.0)
        """
        return from_matrix(after.matrix @ self.matrix, self.speed * after.speed)

    def box(self, box: Box) -> Box | None:
        """The upright box around a moved box, as far as it is in view; None = out of view (see `MIN_VISIBLE`).

        Args:
            box: xyxy in [0, 1].

        Example:
            >>> zoom = window(0.25, 0.25, 0.75, 0.75)
            >>> zoom.box((0.25, 0.25, 0.5, 1.0)), zoom.box((0.0, 0.0, 0.3, 0.3))
            ((0.0, 0.0, 0.5, 1.0), None)
        """
        x0, y0, x1, y1 = box
        corners = self.matrix @ np.array([(x0, y0, 1), (x1, y0, 1), (x1, y1, 1), (x0, y1, 1)], dtype=np.float64).T
        points = corners[:2] / corners[2]  # (2, 4)
        whole = np.concatenate([points.min(axis=1), points.max(axis=1)])
        seen = clip_boxes(whole)
        if float(area(seen)) < MIN_VISIBLE * float(area(whole)):
            return None
        return tuple(float(v) for v in seen)  # type: ignore[return-value]

    def span_s(self, span_s: Span) -> Span:
        """A span in the changed time."""
        return span_s[0] / self.speed, span_s[1] / self.speed


MIRROR = Mapping(((-1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
"""Left and right change places."""


@dataclass(frozen=True)
class Mapped:
    """An annotation after a mapping.

    Attributes:
        video: with the traces that are still in view.
        kept: indices of those traces in the annotation before.
    """

    video: VideoAnnotation
    kept: tuple[int, ...]


def from_matrix(matrix: ArrayLike, speed: float = 1.0) -> Mapping:
    """A mapping of a (3, 3) homography."""
    a, b, c, d, e, f, g, h, i = (float(v) for v in np.asarray(matrix, dtype=np.float64).ravel())
    return Mapping(((a, b, c), (d, e, f), (g, h, i)), speed)


def window(x0: float, y0: float, x1: float, y1: float) -> Mapping:
    """Only this part of the frame (in [0, 1]) is left, and fills the new frame."""
    width, height = x1 - x0, y1 - y0
    return from_matrix(np.array([(1 / width, 0.0, -x0 / width), (0.0, 1 / height, -y0 / height), (0.0, 0.0, 1.0)]))


def quad(corners: ArrayLike) -> Mapping:
    """The frame's corners move to four given points, and all between goes along as in a photo of a flat picture.

    Args:
        corners: (4, 2) in [0, 1] where the upper left, upper right, lower right and lower left corner go.

    Source: Heckbert (1989), "Fundamentals of texture mapping", section 2.2.3 (square to quadrilateral).

    Example:
        >>> quad([(0, 0), (0.5, 0), (0.5, 1), (0, 1)]).box((0.5, 0.5, 1.0, 1.0))
        (0.25, 0.5, 0.5, 1.0)
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = np.asarray(corners, dtype=np.float64)
    along, across = np.array([x1 - x2, y1 - y2]), np.array([x3 - x2, y3 - y2])
    rest = np.array([x0 - x1 + x2 - x3, y0 - y1 + y2 - y3])
    g, h = (float(v) for v in np.linalg.solve(np.stack([along, across], axis=1), rest))
    rows = [(x1 - x0 + g * x1, x3 - x0 + h * x3, x0), (y1 - y0 + g * y1, y3 - y0 + h * y3, y0), (g, h, 1.0)]
    return from_matrix(np.array(rows))


def map_annotation(video: VideoAnnotation, mapping: Mapping) -> Mapped:
    """Boxes, boxes over time, spans and duration of a video after a mapping; a trace out of view goes.

    Frame size and rate stay as they were stated: they depend on more than the mapping.

    Example:
        >>> from pathlib import Path
        >>> trace = TraceAnnotation(span_s=(1.0, 2.0), box=(0.0, 0.0, 0.5, 1.0))
        >>> video = VideoAnnotation("a", Path("a.mp4"), "fake", duration_s=4.0, traces=(trace,))
        >>> found = map_annotation(video, Mapping(MIRROR.rows, speed=2.0)).video
        >>> found.duration_s, found.traces[0].span_s, found.traces[0].box
        (2.0, (0.5, 1.0), (0.5, 0.0, 1.0, 1.0))
    """
    if mapping == Mapping():
        return Mapped(video, tuple(range(len(video.traces or ()))))
    duration_s = None if video.duration_s is None else video.duration_s / mapping.speed
    if video.traces is None:
        return Mapped(replace(video, duration_s=duration_s), ())
    moved = [_map_trace(trace, mapping) for trace in video.traces]
    kept = tuple(i for i, trace in enumerate(moved) if trace is not None)
    traces = tuple(trace for trace in moved if trace is not None)
    return Mapped(replace(video, duration_s=duration_s, traces=traces), kept)


def _map_trace(trace: TraceAnnotation, mapping: Mapping) -> TraceAnnotation | None:
    """None = out of view: its box, or without one all its boxes over time."""
    box = None if trace.box is None else mapping.box(trace.box)
    boxes = tuple((time_s / mapping.speed, seen) for time_s, b in trace.boxes if (seen := mapping.box(b)) is not None)
    placed = trace.box is not None or bool(trace.boxes)
    if placed and box is None and (trace.box is not None or not boxes):
        return None
    span_s = None if trace.span_s is None else mapping.span_s(trace.span_s)
    return replace(trace, span_s=span_s, box=box, boxes=boxes)
