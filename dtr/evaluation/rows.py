"""The table under every figure of place and time: one number per annotated trace row, grouped by video.

Model and floors go through the same function, under one of two policies. "own": an answer counts only where the video
was called fake (the paper's strict policy). "oracle": every generated video is taken as called fake, so that a detector
with many misses is not compared with one that has few on the misses alone.

The rules are those of `dtr.metrics.grounding`, which scores one video at a time; here all rows are scored at once,
because every constant answer goes through too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.boxes import centre_distance, paired_box_iou
from dtr.evaluation.items import Item
from dtr.floors import Floors
from dtr.metrics.grounding import known_duration_s, viou
from dtr.spans import paired_span_iou

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Policy = Literal["own", "oracle"]
TimedBoxes = tuple[tuple[float, float, float, float, float], ...]

BOX_METRICS = ("box_iou", "box_distance")
TIME_METRICS = ("time_distance", "onset_error_s", "tiou")
ROW_METRICS = (*BOX_METRICS, *TIME_METRICS, "viou")
"""Columns of the table; each has a row per annotated trace that has what it needs."""


ONSET_METRICS = ("time_distance", "onset_error_s")


def floor_name(metric: str, constant: str) -> str:
    """What a constant is called beside a figure: of the whole video only its start counts for an onset.

    Example:
        >>> floor_name("tiou", "whole_video"), floor_name("time_distance", "whole_video")
        ('whole_video', 'start_0')
    """
    return "start_0" if constant == "whole_video" and metric in ONSET_METRICS else constant


class Answer(NamedTuple):
    """A single answer for one video: the model's or a floor's.

    Attributes:
        box: xyxy in [0, 1]; onset_s: seconds; span_s: (start, end) seconds; None = not answered.
        boxes: (time_s, xyxy) over time; empty = `box` throughout.
    """

    box: Box | None = None
    onset_s: float | None = None
    span_s: Span | None = None
    boxes: TimedBoxes = ()


NO_ANSWER = Answer()


def model_answer(item: Item, policy: Policy) -> Answer:
    """What a policy lets count of a prediction."""
    p = item.prediction
    if p is None or (policy == "own" and not item.called_fake):
        return NO_ANSWER
    return Answer(p.box, p.onset_s, p.span_s, p.traces[0].boxes if p.traces else ())


def answer_rows(
    items: Sequence[Item], answers: Sequence[Answer], metrics: Sequence[str] = ROW_METRICS
) -> dict[str, list[FloatArray]]:
    """Every figure for every annotated trace row.

    Args:
        items: N videos. answers: one per video.
        metrics: which of `ROW_METRICS`.

    Returns:
        By metric one (R_i,) array per video, empty where it has no such row; all in [0, 1] but `onset_error_s`.

    Raises:
        AnnotationError: a video with annotated times states no duration.
    """
    found: dict[str, FloatArray] = {}
    counts: dict[str, list[int]] = {}
    if {*BOX_METRICS} & {*metrics}:
        of, truth = _truth([[t.box for t in item.rows if t.box is not None] for item in items], 4)
        found |= _box_columns(_array([a.box for a in answers], 4)[of], truth)
        counts |= dict.fromkeys(BOX_METRICS, _counts(of, len(items)))
    if {*TIME_METRICS} & {*metrics}:
        of, truth = _truth([[t.span_s for t in item.rows if t.span_s is not None] for item in items], 2)
        durations_s = np.array([known_duration_s(i.video) if i.rows and c else np.nan for i, c in _with(items, of)])
        onsets_s = _array([None if a.onset_s is None else (a.onset_s,) for a in answers], 1)[of, 0]
        found |= _time_columns(onsets_s, _array([a.span_s for a in answers], 2)[of], truth, durations_s[of])
        counts |= dict.fromkeys(TIME_METRICS, _counts(of, len(items)))
    if "viou" in metrics:
        pairs = [(v, a, t) for v, (i, a) in enumerate(zip(items, answers, strict=True)) for t in i.rows if _tubed(t)]
        found["viou"] = _viou_column([a for _, a, _ in pairs], [t for _, _, t in pairs])
        counts["viou"] = _counts(np.array([v for v, _, _ in pairs], dtype=np.int64), len(items))
    return {name: np.split(found[name], np.cumsum(counts[name])[:-1]) for name in metrics}


def floor_answers(items: Sequence[Item], floors: Floors) -> dict[str, list[Answer]]:
    """What every constant would answer, one answer per video.

    Returns:
        "box/<name>", "span/<name>", and "tube/<box>+<span>" (which vIoU needs).
    """
    found = {f"box/{name}": [Answer(box=box)] * len(items) for name, box in floors.boxes.items()}
    for name, constant in floors.spans.items():
        spans = [constant.answer_s(d) if (d := item.video.duration_s) else None for item in items]
        found[f"span/{name}"] = [Answer(onset_s=None if s is None else s[0], span_s=s) for s in spans]
        for box_name, box in floors.boxes.items():
            found[f"tube/{box_name}+{name}"] = [Answer(box=box, span_s=s) for s in spans]
    return found


def _truth(rows: Sequence[Sequence[tuple[float, ...]]], width: int) -> tuple[IntArray, FloatArray]:
    """Index of the video of every row, and the rows: (R,) and (R, width)."""
    of = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    return of, np.array([row for r in rows for row in r], dtype=np.float64).reshape(-1, width)


def _array(values: Sequence[tuple[float, ...] | None], width: int) -> FloatArray:
    """(N, width) with NaN where there is no answer."""
    return np.array([(np.nan,) * width if v is None else v for v in values], dtype=np.float64).reshape(-1, width)


def _with(items: Sequence[Item], of: IntArray) -> list[tuple[Item, int]]:
    return list(zip(items, _counts(of, len(items)), strict=True))


def _counts(of: IntArray, num_videos: int) -> list[int]:
    return np.bincount(of, minlength=num_videos).tolist()


def _box_columns(answers: FloatArray, truth: FloatArray) -> dict[str, FloatArray]:
    """Source: DeeptraceReward (arXiv 2509.22646), "BBox IoU" and "BBox Distance"; no answer = the worst figures."""
    valid = np.isfinite(answers).all(axis=1) & (answers[:, 0] < answers[:, 2]) & (answers[:, 1] < answers[:, 3])
    given = np.where(valid[:, None], answers, 0.0)
    return {
        "box_iou": np.where(valid, paired_box_iou(given, truth), 0.0),
        "box_distance": np.where(valid, np.minimum(centre_distance(given, truth), 1.0), 1.0),
    }


def _time_columns(
    onsets_s: FloatArray, spans_s: FloatArray, truth: FloatArray, durations_s: FloatArray
) -> dict[str, FloatArray]:
    """Source: DeeptraceReward (arXiv 2509.22646), "Time Distance"; no answer = off by the whole video."""
    error_s = np.abs(onsets_s - truth[:, 0])
    error_s = np.where(np.isfinite(error_s), np.minimum(error_s, durations_s), durations_s)
    valid = np.isfinite(spans_s).all(axis=1) & (spans_s[:, 0] < spans_s[:, 1])
    tiou = paired_span_iou(np.where(valid[:, None], spans_s, 0.0), truth)
    return {"time_distance": error_s / durations_s, "onset_error_s": error_s, "tiou": np.where(valid, tiou, 0.0)}


def _viou_column(answers: Sequence[Answer], traces: Sequence[TraceAnnotation]) -> FloatArray:
    """vIoU of tubes that stand still is box IoU × tIoU; moving ones are sampled by `dtr.metrics.grounding.viou`."""
    boxes, spans = _array([a.box for a in answers], 4), _array([a.span_s for a in answers], 2)
    truth = _array([t.box for t in traces], 4)
    times = _array([t.span_s for t in traces], 2)
    values = _box_columns(boxes, np.nan_to_num(truth))["box_iou"]
    still = values * _time_columns(spans[:, 0], spans, times, np.ones(len(times)))["tiou"]
    for place, (answer, trace) in enumerate(zip(answers, traces, strict=True)):
        if answer.boxes or trace.boxes:
            still[place] = _moving_viou(answer, trace)
    return still


def _moving_viou(answer: Answer, trace: TraceAnnotation) -> float:
    tube, truth = _tube(answer.box, answer.boxes), _tube(trace.box, tuple((t, *box) for t, box in trace.boxes))
    if answer.span_s is None or not answer.span_s[0] < answer.span_s[1] or not tube or trace.span_s is None:
        return 0.0
    return viou(answer.span_s, tube, trace.span_s, truth)


def _tubed(trace: TraceAnnotation) -> bool:
    return trace.span_s is not None and (trace.box is not None or bool(trace.boxes))


def _tube(box: Box | None, boxes: TimedBoxes) -> TimedBoxes:
    return boxes or (() if box is None else ((0.0, *box),))
