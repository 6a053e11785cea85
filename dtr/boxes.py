"""Boxes as numpy arrays: xyxy, normalised to [0, 1] of the displayed frame, unless a name ends in `_px`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]


def area(boxes: ArrayLike) -> FloatArray:
    """Area of each box as a share of the frame; 0 for a reversed box.

    Args:
        boxes: (..., 4) xyxy.

    Returns:
        (...) float64.

    Example:
        >>> float(area([0.0, 0.0, 0.5, 0.5]))
        0.25
    """
    b = np.asarray(boxes, dtype=np.float64)
    return np.clip(b[..., 2] - b[..., 0], 0, None) * np.clip(b[..., 3] - b[..., 1], 0, None)


def box_iou(boxes: ArrayLike, others: ArrayLike) -> FloatArray:
    """Intersection over union of every box with every other one.

    Args:
        boxes: (N, 4) xyxy.
        others: (M, 4) xyxy.

    Returns:
        (N, M) float64 in [0, 1]; 0 where both boxes are empty.

    Example:
        >>> box_iou([[0, 0, 1, 1]], [[0, 0, 0.5, 1], [2, 2, 3, 3]]).tolist()
        [[0.5, 0.0]]
    """
    a = np.asarray(boxes, dtype=np.float64).reshape(-1, 1, 4)
    b = np.asarray(others, dtype=np.float64).reshape(1, -1, 4)
    return paired_box_iou(a, b)


def paired_box_iou(boxes: ArrayLike, others: ArrayLike) -> FloatArray:
    """Intersection over union of boxes one to one.

    Args:
        boxes: (..., 4) xyxy.
        others: (..., 4) xyxy, broadcast against `boxes`.

    Returns:
        (...) float64 in [0, 1]; 0 where both boxes are empty.

    Example:
        >>> paired_box_iou([[0, 0, 1, 1], [0, 0, 1, 1]], [[0, 0, 0.5, 1], [2, 2, 3, 3]]).tolist()
        [0.5, 0.0]
    """
    a, b = np.asarray(boxes, dtype=np.float64), np.asarray(others, dtype=np.float64)
    w = np.clip(np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]), 0, None)
    h = np.clip(np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]), 0, None)
    inter = w * h
    union = area(a) + area(b) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def centre_distance(boxes: ArrayLike, others: ArrayLike) -> FloatArray:
    """Distance between box centres in ratio coordinates, divided by √2 (0 = same centre, 1 = opposite corners).

    Args:
        boxes: (..., 4) xyxy.
        others: (..., 4) xyxy, broadcast against `boxes`.

    Returns:
        (...) float64.

    Source: DeeptraceReward (arXiv 2509.22646), metric "BBox Distance".

    Example:
        >>> float(centre_distance([0, 0, 0, 0], [1, 1, 1, 1]))
        1.0
    """
    a = np.asarray(boxes, dtype=np.float64)
    b = np.asarray(others, dtype=np.float64)
    dx = (a[..., 0] + a[..., 2] - b[..., 0] - b[..., 2]) / 2
    dy = (a[..., 1] + a[..., 3] - b[..., 1] - b[..., 3]) / 2
    return np.hypot(dx, dy) / np.sqrt(2.0)


def clip_boxes(boxes: ArrayLike) -> FloatArray:
    """Boxes with every coordinate limited to the frame, shape and order kept."""
    return np.clip(np.asarray(boxes, dtype=np.float64), 0.0, 1.0)


def from_ltwh_px(ltwh_px: ArrayLike, width: float, height: float) -> FloatArray:
    """Boxes from left, top, width, height in pixels of a frame of `width` × `height`; not clipped.

    Example:
        >>> from_ltwh_px([32, 0, 32, 48], 64, 48).tolist()
        [0.5, 0.0, 1.0, 1.0]
    """
    b = np.asarray(ltwh_px, dtype=np.float64)
    x0, y0 = b[..., 0] / width, b[..., 1] / height
    return np.stack([x0, y0, x0 + b[..., 2] / width, y0 + b[..., 3] / height], axis=-1)


def to_ltwh_px(boxes: ArrayLike, width: float, height: float) -> FloatArray:
    """Inverse of `from_ltwh_px`: (..., 4) left, top, width, height in pixels."""
    b = np.asarray(boxes, dtype=np.float64)
    scale = np.array([width, height, width, height], dtype=np.float64)
    px = b * scale
    return np.concatenate([px[..., :2], px[..., 2:] - px[..., :2]], axis=-1)


def place_in_words(box: Sequence[float]) -> str:
    """Where a box lies in the frame.

    Args:
        box: xyxy in [0, 1].

    Example:
        >>> place_in_words((0.1, 0.1, 0.3, 0.2)), place_in_words((0.4, 0.3, 0.6, 0.7)), place_in_words((0, 0, 1, 1))
        ('upper left', 'centre', 'the whole frame')
    """
    width, height = box[2] - box[0], box[3] - box[1]
    if width * height > 0.9:
        return "the whole frame"
    if width * height > 0.55:
        return "most of the frame"
    row = ("upper", "", "lower")[_third((box[1] + box[3]) / 2)]
    column = ("left", "", "right")[_third((box[0] + box[2]) / 2)]
    if row and column:
        return f"{row} {column}"
    return {"upper": "top", "lower": "bottom"}.get(row) or column or "centre"


def _third(value: float) -> int:
    return min(2, max(0, int(value * 3)))
