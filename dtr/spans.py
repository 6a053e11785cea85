"""Spans as numpy arrays: (start, end) in seconds from the first displayed frame, start < end."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]


def span_iou(spans: ArrayLike, others: ArrayLike) -> FloatArray:
    """Temporal intersection over union (tIoU) of every span with every other one.

    Args:
        spans: (N, 2) seconds.
        others: (M, 2) seconds.

    Returns:
        (N, M) float64 in [0, 1]; 0 where both spans are empty.

    Example:
        >>> span_iou([[0, 2]], [[1, 3], [5, 6]]).round(3).tolist()
        [[0.333, 0.0]]
    """
    a = np.asarray(spans, dtype=np.float64).reshape(-1, 1, 2)
    b = np.asarray(others, dtype=np.float64).reshape(1, -1, 2)
    return paired_span_iou(a, b)


def paired_span_iou(spans: ArrayLike, others: ArrayLike) -> FloatArray:
    """Temporal intersection over union of spans one to one.

    Args:
        spans: (..., 2) seconds.
        others: (..., 2) seconds, broadcast against `spans`.

    Returns:
        (...) float64 in [0, 1]; 0 where both spans are empty.

    Example:
        >>> paired_span_iou([[0, 2], [0, 2]], [[1, 3], [5, 6]]).round(3).tolist()
        [0.333, 0.0]
    """
    a, b = np.asarray(spans, dtype=np.float64), np.asarray(others, dtype=np.float64)
    inter = np.clip(np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]), 0, None)
    length = np.clip(a[..., 1] - a[..., 0], 0, None) + np.clip(b[..., 1] - b[..., 0], 0, None)
    union = length - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def overlap_s(spans: ArrayLike, others: ArrayLike) -> FloatArray:
    """Seconds that every span shares with every other one.

    Args:
        spans: (N, 2) seconds.
        others: (M, 2) seconds.

    Returns:
        (N, M) float64, ≥ 0.

    Example:
        >>> overlap_s([[0, 2]], [[1, 3]]).tolist()
        [[1.0]]
    """
    a = np.asarray(spans, dtype=np.float64).reshape(-1, 1, 2)
    b = np.asarray(others, dtype=np.float64).reshape(1, -1, 2)
    return np.clip(np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]), 0, None)


def suppress_spans(spans: ArrayLike, scores: ArrayLike, tiou: float, *, most: int | None = None) -> NDArray[np.intp]:
    """Greedy non-maximum suppression in time.

    Args:
        spans: (N, 2) seconds.
        scores: (N,) higher is better.
        tiou: a span that overlaps a better one by more than this is dropped.
        most: stop when so many are kept; None = never.

    Returns:
        (K,) indices kept, best first; ties keep input order.

    Example:
        >>> suppress_spans([[0, 2], [0, 1.9], [3, 4]], [0.5, 0.9, 0.1], 0.5).tolist()
        [1, 2]
    """
    spans = np.asarray(spans, dtype=np.float64).reshape(-1, 2)
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    free = np.ones(len(spans), dtype=bool)
    kept: list[int] = []
    for i in order:
        if len(kept) == most:
            break
        if free[i]:
            kept.append(int(i))
            # One row at a time: all pairs of the steps of an hour of video would be tens of gigabytes.
            free &= span_iou(spans, spans[i])[:, 0] <= tiou
    return np.array(kept, dtype=np.intp)
