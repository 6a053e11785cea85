"""Where and when, in numpy: each annotated row of a video against the video's single answer.

The strict policy of the paper and of the public explorer: one number per trace row; a fake video called real, or a
missing or malformed box or time, gets IoU 0 and distance 1. All figures are in [0, 1] (the paper prints them × 100).
Average precision over many candidates is in `average_precision`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.annotation import VideoAnnotation
from dtr.boxes import box_iou, centre_distance, paired_box_iou
from dtr.checks import checked_array
from dtr.errors import AnnotationError
from dtr.spans import span_iou

FloatArray = NDArray[np.float64]


class BoxRows(NamedTuple):
    """One answer against the R rows of a video that have a box.

    Attributes:
        iou: (R,) in [0, 1]; distance: (R,) of the centres over √2, in [0, 1].
    """

    iou: FloatArray
    distance: FloatArray


class SpanRows(NamedTuple):
    """One answer against the R rows of a video that have a span.

    Attributes:
        onset_error_s: (R,) seconds; time_distance: (R,) share of the video, in [0, 1]; tiou: (R,) in [0, 1].
    """

    onset_error_s: FloatArray
    time_distance: FloatArray
    tiou: FloatArray


def box_rows(box: ArrayLike | None, true_boxes: ArrayLike) -> BoxRows:
    """IoU and centre distance of a video's single box with each of its annotated boxes.

    Args:
        box: (4,) xyxy in [0, 1]; None, reversed or not finite = no answer, the worst figures.
        true_boxes: (R, 4).

    Raises:
        AnnotationError: a true box is not finite.

    Source: DeeptraceReward (arXiv 2509.22646), "BBox IoU" and "BBox Distance".

    Example:
        >>> rows = box_rows((0, 0, 1, 1), [(0, 0, 0.5, 1), (0, 0, 1, 1)])
        >>> rows.iou.tolist(), box_rows(None, [(0, 0, 1, 1)]).distance.tolist()
        ([0.5, 1.0], [1.0])
    """
    truth = checked_array(true_boxes, "true boxes", (None, 4), AnnotationError)
    if not _is_box(box):
        return BoxRows(np.zeros(len(truth)), np.ones(len(truth)))
    distance = np.minimum(centre_distance(np.asarray(box, dtype=np.float64), truth), 1.0)
    return BoxRows(box_iou(np.asarray(box), truth)[0], distance)


def span_rows(span_s: ArrayLike | None, true_spans_s: ArrayLike, duration_s: float) -> SpanRows:
    """Onset error, time distance and tIoU of a video's single span with each of its annotated spans.

    Args:
        span_s: (2,) seconds; None, reversed or not finite = no answer: off by the whole video, tIoU 0.
        true_spans_s: (R, 2); duration_s: > 0.

    Raises:
        AnnotationError: a true span is not finite or the duration is not above 0.

    Example:
        >>> rows = span_rows((1.0, 3.0), [(0.0, 2.0)], 4.0)
        >>> rows.onset_error_s.tolist(), rows.time_distance.tolist(), rows.tiou.round(3).tolist()
        ([1.0], [0.25], [0.333])
    """
    truth = checked_array(true_spans_s, "true spans", (None, 2), AnnotationError)
    _check_duration(duration_s)
    if not _is_span(span_s):
        return SpanRows(np.full(len(truth), float(duration_s)), np.ones(len(truth)), np.zeros(len(truth)))
    span = np.asarray(span_s, dtype=np.float64)
    error_s = np.abs(span[0] - truth[:, 0])
    return SpanRows(error_s, np.minimum(error_s / duration_s, 1.0), span_iou(span, truth)[0])


def known_duration_s(video: VideoAnnotation) -> float:
    """The video's duration, which every figure of time needs.

    Raises:
        AnnotationError: the annotation states none.

    Example:
        >>> from pathlib import Path
        >>> known_duration_s(VideoAnnotation("a", Path("a.mp4"), "real", duration_s=2.5))
        2.5
    """
    if video.duration_s is None or not video.duration_s > 0:
        raise AnnotationError(
            f"{video.where or 'annotation'}: video {video.video_id} needs a duration above 0 s to be scored in time, "
            f"got {video.duration_s}; fix the row"
        )
    return video.duration_s


def viou(
    span_s: ArrayLike, boxes: ArrayLike, true_span_s: ArrayLike, true_boxes: ArrayLike, samples: int = 64
) -> float:
    """Spatio-temporal IoU: box IoU summed over the shared time, divided by the time of either.

    Args:
        span_s, true_span_s: (2,) seconds.
        boxes, true_boxes: (M, 5) time_s and xyxy, increasing in time; linear between, constant beyond the ends.
        samples: times at which the union of the spans is sampled (at the middle of equal parts).

    Returns:
        [0, 1].

    Source: Zhang et al. (2020), "Where does it exist" (VidSTG), vIoU.

    Example:
        >>> still = [[0.0, 0.0, 0.0, 1.0, 1.0]]
        >>> viou((0, 2), still, (1, 3), [[0.0, 0.0, 0.0, 0.5, 1.0]], samples=300).__round__(3)
        0.167
    """
    (a0, a1), (b0, b1) = np.asarray(span_s, dtype=np.float64), np.asarray(true_span_s, dtype=np.float64)
    start, end = min(a0, b0), max(a1, b1)
    times = start + (end - start) * (np.arange(samples) + 0.5) / samples
    in_a, in_b = (times >= a0) & (times < a1), (times >= b0) & (times < b1)
    either, both = in_a | in_b, times[in_a & in_b]
    if not len(both):
        return 0.0
    shared = paired_box_iou(_boxes_at(boxes, both), _boxes_at(true_boxes, both))
    return float(shared.sum() / either.sum())


def _boxes_at(boxes: ArrayLike, times_s: FloatArray) -> FloatArray:
    """(N, 4) boxes at the given times, linear between the known ones."""
    known = checked_array(boxes, "boxes over time", (None, 5))
    return np.stack([np.interp(times_s, known[:, 0], known[:, side]) for side in range(1, 5)], axis=1)


def _is_box(box: ArrayLike | None) -> bool:
    b = np.asarray([] if box is None else box, dtype=np.float64)
    return b.shape == (4,) and bool(np.isfinite(b).all()) and bool(b[0] < b[2] and b[1] < b[3])


def _is_span(span_s: ArrayLike | None) -> bool:
    s = np.asarray([] if span_s is None else span_s, dtype=np.float64)
    return s.shape == (2,) and bool(np.isfinite(s).all()) and bool(s[0] < s[1])


def _check_duration(duration_s: float) -> None:
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise AnnotationError(f"a duration must be above 0 s to score time, got {duration_s}; fix the annotation")
