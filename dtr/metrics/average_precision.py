"""Average precision of localised candidates over many videos, fair to videos whose annotation is not exhaustive.

In each video candidates are matched one to one with the annotated traces. An unmatched candidate is a false positive
where the annotation is exhaustive (real videos: nothing is there) and is left out where it is not (generated videos of
the release: what it found may be a trace that nobody annotated). So a low precision says that real videos give
candidates as confident as those that hit; on generated videos alone the figure is the share of traces found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.boxes import box_iou
from dtr.checks import checked_array
from dtr.errors import AnnotationError, ConfigError
from dtr.spans import span_iou

Kind = Literal["box", "tiou", "both"]

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1

RECALLS = np.linspace(0.0, 1.0, 101)
"""At which interpolated precision is read."""


@dataclass(frozen=True)
class VideoCandidates:
    """Candidates and truth of one video; K candidates, R annotated traces.

    Attributes:
        scores: (K,) finite, higher is better.
        boxes: (K, 4) xyxy, true_boxes: (R, 4); needed for kinds "box" and "both".
        spans_s: (K, 2) seconds, true_spans_s: (R, 2); needed for kinds "tiou" and "both".
        exhaustive: True = an unmatched candidate is wrong; False = nobody knows.
    """

    scores: ArrayLike
    boxes: ArrayLike = ()
    true_boxes: ArrayLike = ()
    spans_s: ArrayLike = ()
    true_spans_s: ArrayLike = ()
    exhaustive: bool = False

    def overlap(self, kind: Kind) -> NDArray[np.float64]:
        """(K, R) overlap in [0, 1]: box IoU, tIoU, or the smaller of the two ("both": right in place and in time).

        Raises:
            DetectorError: candidates are not finite or do not fit the scores.
            AnnotationError: a truth is not finite.
            ConfigError: unknown kind.

        Example:
            >>> VideoCandidates([0.9], spans_s=[(0, 2)], true_spans_s=[(0, 1)]).overlap("tiou").tolist()
            [[0.5]]
        """
        if kind not in ("box", "tiou", "both"):
            raise ConfigError(f"kind of average precision must be 'box', 'tiou' or 'both', got '{kind}'; choose one")
        count = len(checked_array(self.scores, "candidate scores", (None,)))
        parts = []
        if kind != "tiou":
            truth = checked_array(self.true_boxes, "true boxes", (None, 4), AnnotationError)
            parts.append(box_iou(_candidates(self.boxes, "candidate boxes", count, 4), truth))
        if kind != "box":
            truth = checked_array(self.true_spans_s, "true spans", (None, 2), AnnotationError)
            parts.append(span_iou(_candidates(self.spans_s, "candidate spans", count, 2), truth))
        if kind == "both" and parts[0].shape != parts[1].shape:
            raise AnnotationError(
                f"kind 'both' needs traces with box and span alike, got {parts[0].shape[1]} boxes and "
                f"{parts[1].shape[1]} spans; give only traces that have both"
            )
        return np.min(parts, axis=0)


def match_one_to_one(scores: ArrayLike, overlap: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Greedy matching of one video: best score first, each candidate takes the free truth that it overlaps most.

    Args:
        scores: (K,), ties keep input order; overlap: (K, R); threshold: least overlap of a match.

    Returns:
        (K,) index of the truth matched, −1 = none.

    Source: Lin et al. (2014), "Microsoft COCO", the matching of its evaluation code.

    Example:
        >>> match_one_to_one([0.5, 0.9, 0.7], [[0.9], [0.6], [0.8]], 0.5).tolist()
        [-1, 0, -1]
    """
    s = checked_array(scores, "candidate scores", (None,))
    # A copy: rows and columns that are taken are marked in it.
    left = np.array(overlap, dtype=np.float64)
    matched = np.full(len(s), -1, dtype=np.int64)
    if not left.size:
        return matched
    for k in np.argsort(-s, kind="stable"):
        best = int(np.argmax(left[k]))
        if left[k, best] >= threshold:
            matched[k] = best
            left[:, best] = -1.0
    return matched


def candidate_outcomes(scores: ArrayLike, overlap: ArrayLike, threshold: float, exhaustive: bool) -> NDArray[np.int8]:
    """(K,) TRUE_POSITIVE, FALSE_POSITIVE or IGNORED of each candidate of one video.

    Args:
        scores: (K,); overlap: (K, R); threshold: least overlap of a match, in (0, 1].
        exhaustive: whether an unmatched candidate is wrong or unknown.

    Raises:
        ConfigError: the threshold is outside (0, 1].

    Example:
        >>> candidate_outcomes([0.9, 0.8], [[0.7], [0.1]], 0.5, exhaustive=False).tolist()
        [1, -1]
    """
    if not 0 < threshold <= 1:
        raise ConfigError(f"an overlap threshold must lie in (0, 1], got {threshold}; 0.5 is usual")
    matched = match_one_to_one(scores, overlap, threshold) >= 0
    return np.where(matched, TRUE_POSITIVE, FALSE_POSITIVE if exhaustive else IGNORED).astype(np.int8)


def average_precision(scores: ArrayLike, outcomes: ArrayLike, num_truths: int) -> float:
    """101-point interpolated average precision of candidates pooled over all videos.

    Candidates with equal scores enter together, so their order (of files, of processes) changes nothing; without ties
    this is COCO's figure.

    Args:
        scores: (K,); outcomes: (K,) as `candidate_outcomes` gives them; num_truths: annotated traces of all videos.

    Returns:
        [0, 1]; NaN without truths.

    Source: Lin et al. (2014), "Microsoft COCO"; precision at recalls 0, 0.01, …, 1.

    Example:
        >>> average_precision([0.9, 0.8, 0.7], [TRUE_POSITIVE, FALSE_POSITIVE, TRUE_POSITIVE], 2).__round__(4)
        0.835
    """
    s = checked_array(scores, "candidate scores", (None,))
    outcome = np.asarray(outcomes).reshape(-1)
    if num_truths == 0:
        return math.nan
    counted = outcome != IGNORED
    s, hit = s[counted], outcome[counted] == TRUE_POSITIVE
    if not len(s):
        return 0.0
    order = np.argsort(-s, kind="stable")
    last_of_tie = np.append(np.diff(s[order]) != 0, True)
    hits = np.cumsum(hit[order])[last_of_tie]
    total = np.flatnonzero(last_of_tie) + 1
    recall, precision = hits / num_truths, hits / total
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    first = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(best_from_here, 0.0)[np.minimum(first, len(recall))].mean())


def mean_average_precision(
    videos: Sequence[VideoCandidates], thresholds: Sequence[float], kind: Kind
) -> dict[float, float]:
    """Average precision of all candidates over all videos, at each overlap threshold.

    Args:
        videos: candidates and truth; a video with neither changes nothing.
        thresholds: least overlaps of a match, in (0, 1].
        kind: what must overlap.

    Returns:
        Average precision in [0, 1] by threshold; NaN where no video has a trace.

    Example:
        >>> fake = VideoCandidates([0.9], boxes=[(0, 0, 1, 1)], true_boxes=[(0, 0, 1, 0.6)])
        >>> real = VideoCandidates([0.95], boxes=[(0, 0, 1, 1)], exhaustive=True)
        >>> mean_average_precision([fake, real], [0.5, 0.7], "box")
        {0.5: 0.5, 0.7: 0.0}
    """
    overlaps = [video.overlap(kind) for video in videos]
    num_truths = sum(overlap.shape[1] for overlap in overlaps)
    scores = np.concatenate([np.zeros(0), *(np.asarray(v.scores, dtype=np.float64).reshape(-1) for v in videos)])
    found = {}
    for threshold in thresholds:
        outcomes = [
            candidate_outcomes(v.scores, overlap, threshold, v.exhaustive)
            for v, overlap in zip(videos, overlaps, strict=True)
        ]
        found[threshold] = average_precision(scores, np.concatenate([np.zeros(0), *outcomes]), num_truths)
    return found


def _candidates(values: ArrayLike, name: str, count: int, width: int) -> NDArray[np.float64]:
    """(count, width) finite candidates."""
    array = np.asarray(values, dtype=np.float64)
    return checked_array(array.reshape(0, width) if array.size == 0 else array, name, (count, width))
