"""From annotations to numbers per window: numpy in, numpy out; `dtr.batch` makes tensors of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation

FloatArray = NDArray[np.floating]
LABELS = {"fake": 1.0, "real": 0.0, None: float("nan")}


@dataclass(frozen=True)
class WindowTargets:
    """Targets of W windows of one clip; fields as in `dtr.head.Targets`, without batch padding.

    Attributes:
        label, exhaustive, annotated, duration_s: of the video.
        span_s: (M, 2). span_mask: (M,). categories: (M, C). category_mask: (M,). box_mask: (M,).
        boxes: (W, M, T, 4).
    """

    label: float
    exhaustive: bool
    annotated: bool
    duration_s: float
    span_s: FloatArray
    span_mask: NDArray[np.bool_]
    boxes: FloatArray
    box_mask: NDArray[np.bool_]
    categories: FloatArray
    category_mask: NDArray[np.bool_]


def window_targets(video: VideoAnnotation, step_s: FloatArray, duration_s: float) -> WindowTargets:
    """Targets of windows of a clip.

    Args:
        video: its annotation.
        step_s: (W, T, 2) seconds of each window's steps.
        duration_s: of the clip (`clip_duration_s`).
    """
    traces = video.traces or ()
    centre = np.asarray(step_s).mean(axis=-1)  # (W, T)
    count = len(traces)
    boxes = np.zeros((*centre.shape[:1], count, centre.shape[1], 4), dtype=np.float32)
    for m, trace in enumerate(traces):
        if has_box(trace):
            boxes[:, m] = boxes_at(trace, centre)
    return WindowTargets(
        label=LABELS[video.label],
        exhaustive=video.exhaustive,
        annotated=video.traces is not None,
        duration_s=duration_s,
        span_s=np.array([t.span_s or (0.0, duration_s) for t in traces], dtype=np.float32).reshape(count, 2),
        span_mask=np.array([t.span_s is not None for t in traces], dtype=bool),
        boxes=boxes,
        box_mask=np.array([has_box(t) for t in traces], dtype=bool),
        categories=np.array([category_row(t) for t in traces], dtype=np.float32).reshape(count, len(CATEGORIES)),
        category_mask=np.array([t.categories is not None for t in traces], dtype=bool),
    )


def clip_duration_s(stated_s: float | None, step_s: FloatArray) -> float:
    """How long a clip is, as far as its annotation and its cached steps tell.

    The last step ends when its frame's time on the clock is over, up to a step before the file ends, so the stated
    duration is better. It is taken only if it lies within one step after that end: a variant of a clip may be cut
    shorter than its file, and some files hold less than is said of them. Otherwise it is the end of the last step.

    Args:
        stated_s: by the annotation; None = not stated.
        step_s: (N, 2) seconds of all steps of the clip, N ≥ 1.

    Example:
        >>> steps = np.array([[0.0, 0.25], [0.25, 0.5]])
        >>> clip_duration_s(0.6, steps), clip_duration_s(None, steps), clip_duration_s(9.0, steps)
        (0.6, 0.5, 0.5)
    """
    end_s = float(step_s[-1, 1])
    if stated_s is None or not end_s <= stated_s <= end_s + end_s / len(step_s):
        return end_s
    return float(stated_s)


def has_box(trace: TraceAnnotation) -> bool:
    """Whether any box is annotated."""
    return trace.box is not None or bool(trace.boxes)


def boxes_at(trace: TraceAnnotation, times_s: FloatArray) -> FloatArray:
    """A trace's box at given times: interpolated between annotated times, held at both ends; else its one box.

    Args:
        trace: with a box.
        times_s: (…) seconds.

    Returns:
        (…, 4) xyxy.

    Example:
        >>> t = TraceAnnotation(boxes=((0.0, (0, 0, 0.2, 0.2)), (1.0, (0.4, 0, 0.6, 0.2))))
        >>> boxes_at(t, np.array([0.5])).round(3).tolist()
        [[0.2, 0.0, 0.4, 0.2]]
    """
    if not trace.boxes:
        return np.broadcast_to(np.array(trace.box, dtype=np.float64), (*np.shape(times_s), 4))
    known = np.array([t for t, _ in trace.boxes])
    sides = np.array([box for _, box in trace.boxes])
    return np.stack([np.interp(times_s, known, sides[:, i]) for i in range(4)], axis=-1)


def category_row(trace: TraceAnnotation) -> list[float]:
    """0/1 per category in the order of `CATEGORIES`; zeros when untagged (see `category_mask`)."""
    return [float(name in (trace.categories or ())) for name in CATEGORIES]
