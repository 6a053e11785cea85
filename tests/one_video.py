"""The paper's protocol, one video at a time: a second opinion on `dtr.evaluation.rows`, which scores all at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dtr.annotation import Box, VideoAnnotation
from dtr.metrics.grounding import FloatArray, box_rows, known_duration_s


class PaperRows(NamedTuple):
    """The paper's three grounding figures; rows without a box or a span are in neither.

    Attributes:
        box_iou: (Rb,); box_distance: (Rb,); time_distance: (Rt,), all in [0, 1].
    """

    box_iou: FloatArray
    box_distance: FloatArray
    time_distance: FloatArray


def time_distance(onset_s: float | None, true_onsets_s: ArrayLike, duration_s: float) -> FloatArray:
    """Onset error as a share of the video, per row, at most 1.

    Args:
        onset_s: the video's single answer; None or not finite = no answer, distance 1.
        true_onsets_s: (R,) seconds; duration_s: > 0.

    Raises:
        AnnotationError: a true onset is not finite or the duration is not above 0.

    Source: DeeptraceReward (arXiv 2509.22646), "Time Distance".

    Example:
        >>> time_distance(1.0, [0.0, 2.0, 9.0], 4.0).tolist()
        [0.25, 0.25, 1.0]
    """
    truth = np.asarray(true_onsets_s, dtype=np.float64)
    if onset_s is None or not math.isfinite(onset_s):
        return np.ones(len(truth))
    return np.minimum(np.abs(onset_s - truth) / duration_s, 1.0)


def paper_rows(video: VideoAnnotation, *, box: Box | None, onset_s: float | None, predicted_fake: bool) -> PaperRows:
    """The strict figures of one generated video, a number per annotated trace row.

    Args:
        video: a real video, or one nobody looked at, has no rows.
        box, onset_s: the single answer; predicted_fake: False = the video was called real, whatever else was said.

    Raises:
        AnnotationError: a row has a span, but the video no duration.

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import TraceAnnotation
        >>> trace = TraceAnnotation(span_s=(1.0, 2.0), box=(0.0, 0.0, 0.5, 1.0))
        >>> video = VideoAnnotation("a", Path("a.mp4"), "fake", duration_s=4.0, traces=(trace,))
        >>> rows = paper_rows(video, box=(0, 0, 1, 1), onset_s=0.0, predicted_fake=True)
        >>> [v.round(3).tolist() for v in rows]
        [[0.5], [0.177], [0.25]]
    """
    traces = video.traces or ()
    boxes = box_rows(box if predicted_fake else None, [t.box for t in traces if t.box is not None])
    onsets_s = [t.span_s[0] for t in traces if t.span_s is not None]
    if not onsets_s:
        return PaperRows(boxes.iou, boxes.distance, np.zeros(0))
    times = time_distance(onset_s if predicted_fake else None, onsets_s, known_duration_s(video))
    return PaperRows(boxes.iou, boxes.distance, times)
