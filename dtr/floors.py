"""Floors: what answering the same thing for every video scores. A result means only what it adds to the best of these.

The constants are fitted on training annotations and scored with the same functions as a model. Any floor that wins on
the scored videos counts, so the best floor is, if anything, a little too good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.annotation import Box, Label, Span, VideoAnnotation
from dtr.boxes import box_iou
from dtr.checks import checked_array
from dtr.errors import AnnotationError
from dtr.metrics.average_precision import VideoCandidates, mean_average_precision
from dtr.metrics.grounding import box_rows, known_duration_s, span_rows
from dtr.spans import span_iou

FloatArray = NDArray[np.float64]
FloorRows = dict[str, dict[str, list[FloatArray]]]
FloorScores = dict[str, dict[str, float]]

LOWER_IS_BETTER = frozenset({"box_distance", "onset_error_s", "time_distance"})
IOU_THRESHOLDS = (0.3, 0.5)
TIOU_THRESHOLDS = (0.3, 0.5, 0.7)


class ConstantSpan(NamedTuple):
    """A span that is the same for every video.

    Attributes:
        start, end: seconds, or shares of the video if `relative`.
        relative: see there.
    """

    start: float
    end: float
    relative: bool

    def answer_s(self, duration_s: float) -> Span:
        """The span in seconds; a video that ends before it starts gets its whole length.

        Example:
            >>> ConstantSpan(0.5, 1.0, True).answer_s(4.0), ConstantSpan(3.0, 5.0, False).answer_s(2.0)
            ((2.0, 4.0), (0.0, 2.0))
        """
        scale = duration_s if self.relative else 1.0
        start, end = self.start * scale, min(self.end * scale, duration_s)
        return (start, end) if start < end else (0.0, duration_s)


FIXED_BOXES: dict[str, Box] = {"full_frame": (0.0, 0.0, 1.0, 1.0), "centre": (0.25, 0.25, 0.75, 0.75)}
FIXED_SPANS = {"whole_video": ConstantSpan(0.0, 1.0, True)}
"""Constants that need no training rows; the whole video starts at 0 s."""


@dataclass(frozen=True)
class Floors:
    """Constant answers.

    Attributes:
        label: the more frequent one in training (fake where both are as frequent).
        boxes: by name: full_frame, centre (half the width and height), train_median (per side), train_best (largest
            mean IoU with the training rows).
        spans: by name: whole_video (starts at 0 s), train_median (onset and offset in seconds), train_median_share (of
            the video), train_best (largest mean tIoU with the training rows).
        n_videos, n_boxes, n_spans: what they were fitted on.
    """

    label: Label
    boxes: Mapping[str, Box]
    spans: Mapping[str, ConstantSpan]
    n_videos: int
    n_boxes: int
    n_spans: int

    @classmethod
    def unfitted(cls) -> Floors:
        """The constants that need no training rows.

        Example:
            >>> sorted(Floors.unfitted().boxes), sorted(Floors.unfitted().spans)
            (['centre', 'full_frame'], ['whole_video'])
        """
        return cls("fake", dict(FIXED_BOXES), dict(FIXED_SPANS), 0, 0, 0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, for a model card."""
        data = asdict(self)
        data["boxes"] = {name: [round(v, 6) for v in box] for name, box in self.boxes.items()}
        data["spans"] = {name: span._asdict() for name, span in self.spans.items()}
        return data


def fit_floors(train: Sequence[VideoAnnotation]) -> Floors:
    """Constant answers fitted on training annotations.

    Args:
        train: videos; those without label or traces add nothing to the constant in question. Where no row has a box,
            or none has a span, only the constants of that kind that need no fitting are there.

    Raises:
        AnnotationError: no training row has a box or a span, or a video with spans has no duration.
    """
    labels = [v.label for v in train if v.label is not None]
    boxes = checked_array([b for v in train for b in _boxes(v)], "training boxes", (None, 4), AnnotationError)
    timed = [(span_s, known_duration_s(v)) for v in train for span_s in _spans(v)]
    if not len(boxes) and not timed:
        raise AnnotationError(
            f"fitting floors needs training rows with boxes or spans, got {len(boxes)} boxes and {len(timed)} spans "
            f"in {len(train)} videos; give the annotated training split"
        )
    return Floors(
        label="fake" if 2 * labels.count("fake") >= len(labels) else "real",
        boxes=FIXED_BOXES | (_fitted_boxes(boxes) if len(boxes) else {}),
        spans=FIXED_SPANS | (_fitted_spans(timed) if timed else {}),
        n_videos=len(train),
        n_boxes=len(boxes),
        n_spans=len(timed),
    )


def best_constant_box(boxes: ArrayLike) -> Box:
    """The box with the largest mean IoU with the given ones, to a hundredth of the frame.

    All boxes on a grid of tenths are tried; the best is then moved side by side while that helps.

    Args:
        boxes: (R, 4) xyxy, R ≥ 1.

    Example:
        >>> best_constant_box([[0.2, 0.2, 0.61, 0.6], [0.2, 0.2, 0.61, 0.6]])
        (0.2, 0.2, 0.61, 0.6)
    """
    truth = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    low, high = np.triu_indices(11, k=1)
    sides = np.stack([low, high], axis=1) / 10
    grid = np.concatenate([np.repeat(sides, len(sides), axis=0), np.tile(sides, (len(sides), 1))], axis=1)
    grid = grid[:, [0, 2, 1, 3]]  # (x0, x1, y0, y1) → xyxy
    # Some columns at a time: 3,025 boxes against a whole release would be a gigabyte of intermediates.
    blocks = np.array_split(truth, math.ceil(len(truth) / 32))
    best = grid[np.argmax(sum(box_iou(grid, block).sum(axis=1) for block in blocks))]
    for step in (0.05, 0.02, 0.01):
        best = _climb(best, truth, step)
    return _box(best)


def best_constant_span(shares: ArrayLike) -> Span:
    """The span, as shares of the video on a grid of fiftieths, with the largest mean tIoU with the given ones.

    Args:
        shares: (R, 2) onset and offset over duration, R ≥ 1.

    Example:
        >>> best_constant_span([[0.0, 0.5], [0.1, 0.5]])
        (0.0, 0.5)
    """
    truth = np.asarray(shares, dtype=np.float64).reshape(-1, 2)
    low, high = np.triu_indices(51, k=1)
    grid = np.stack([low, high], axis=1) / 50
    return _span(grid[np.argmax(span_iou(grid, truth).mean(axis=1))])


def floor_rows(floors: Floors, videos: Sequence[VideoAnnotation]) -> FloorRows:
    """Every floor's figure for every row, by metric and floor, one array per video (empty where it has no such row).

    Raises:
        AnnotationError: a video with spans has no duration.
    """
    correct = [np.full(int(v.label is not None), float(v.label == floors.label)) for v in videos]
    found: FloorRows = {"video_accuracy": {"train_majority": correct}}
    for name, box in floors.boxes.items():
        rows = [box_rows(box, _boxes(v)) for v in videos]
        for metric in ("iou", "distance"):
            found.setdefault(f"box_{metric}", {})[name] = [getattr(r, metric) for r in rows]
    for name, span in floors.spans.items():
        timed = [_span_rows(span, v) for v in videos]
        for place, metric in enumerate(("onset_error_s", "time_distance", "tiou")):
            found.setdefault(metric, {})[name] = [rows[place] for rows in timed]
    return found


def score_floors(floors: Floors, videos: Sequence[VideoAnnotation]) -> FloorScores:
    """What every floor scores, by metric and floor; the metric names are those of the heads.

    For average precision a floor gives each video its one candidate with the same score.

    Args:
        floors: from `fit_floors`.
        videos: to score; a metric without any row is NaN.

    Raises:
        AnnotationError: a video with spans has no duration.
    """
    scores = {
        metric: {name: _mean(rows) for name, rows in by_name.items()}
        for metric, by_name in floor_rows(floors, videos).items()
    }
    looked_at = [v for v in videos if v.traces is not None]
    for name, box in floors.boxes.items():
        candidates = [VideoCandidates([1.0], [box], _boxes(v), exhaustive=v.exhaustive) for v in looked_at]
        for threshold, ap in mean_average_precision(candidates, IOU_THRESHOLDS, "box").items():
            scores.setdefault(f"map_iou_{threshold:g}", {})[name] = ap
    timed = [v for v in looked_at if v.duration_s is not None]
    for name, span in floors.spans.items():
        answers = [[span.answer_s(known_duration_s(v))] for v in timed]
        spans = [
            VideoCandidates([1.0], spans_s=answer, true_spans_s=_spans(v), exhaustive=v.exhaustive)
            for v, answer in zip(timed, answers, strict=True)
        ]
        for threshold, ap in mean_average_precision(spans, TIOU_THRESHOLDS, "tiou").items():
            scores.setdefault(f"map_tiou_{threshold:g}", {})[name] = ap
    return scores


def best_floors(scores: FloorScores) -> dict[str, tuple[str, float]]:
    """The floor to beat for each metric: its name and score.

    Example:
        >>> best_floors({"box_iou": {"full_frame": 0.2, "centre": 0.3}, "time_distance": {"a": 0.2, "b": 0.1}})
        {'box_iou': ('centre', 0.3), 'time_distance': ('b', 0.1)}
    """
    return {
        metric: (min if metric in LOWER_IS_BETTER else max)(by_name.items(), key=lambda item: item[1])
        for metric, by_name in scores.items()
    }


def _fitted_boxes(boxes: FloatArray) -> dict[str, Box]:
    return {"train_median": _box(np.median(boxes, axis=0)), "train_best": best_constant_box(boxes)}


def _fitted_spans(timed: Sequence[tuple[Span, float]]) -> dict[str, ConstantSpan]:
    """Of spans with the durations of their videos."""
    spans_s = np.array([s for s, _ in timed], dtype=np.float64)
    shares = spans_s / np.array([d for _, d in timed])[:, None]
    return {
        "train_median": ConstantSpan(*_span(np.median(spans_s, axis=0)), relative=False),
        "train_median_share": ConstantSpan(*_span(np.median(shares, axis=0)), relative=True),
        "train_best": ConstantSpan(*best_constant_span(shares), relative=True),
    }


def _boxes(video: VideoAnnotation) -> list[Box]:
    return [box for t in video.traces or () if (box := t.extent) is not None]


def _spans(video: VideoAnnotation) -> list[Span]:
    return [t.span_s for t in video.traces or () if t.span_s is not None]


def _span_rows(span: ConstantSpan, video: VideoAnnotation) -> tuple[FloatArray, FloatArray, FloatArray]:
    truth = _spans(video)
    if not truth:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    duration_s = known_duration_s(video)
    return span_rows(span.answer_s(duration_s), truth, duration_s)


def _climb(box: FloatArray, truth: FloatArray, step: float) -> FloatArray:
    """Move one side at a time by ± step while the mean IoU grows."""
    moves = np.concatenate([np.eye(4), -np.eye(4)]) * step
    value = box_iou(box, truth).mean()
    while True:
        trials = np.clip(np.round(box + moves, 6), 0.0, 1.0)
        values = box_iou(trials, truth).mean(axis=1)
        if values.max() <= value + 1e-12:
            return box
        box, value = trials[np.argmax(values)], values.max()


def _mean(rows: Sequence[FloatArray]) -> float:
    joined = np.concatenate([np.zeros(0), *rows])
    return float(joined.mean()) if len(joined) else float("nan")


def _box(values: FloatArray) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1


def _span(values: FloatArray) -> Span:
    start, end = (float(v) for v in values)
    return start, end
