"""From overlapping windows to one value per step of the clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def stitch(values: FloatArray, window_steps: NDArray[np.int64], num_steps: int) -> FloatArray:
    """Mean over the windows that contain each step. This is the one way in which windows are put together.

    Args:
        values: (W, T, …) raw output per window.
        window_steps: (W, T) step index, −1 = padding.
        num_steps: N.

    Returns:
        (N, …) float64; zeros for a step that no window contains.

    Example:
        >>> stitch(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[0, 1], [1, -1]]), 2).tolist()
        [1.0, 4.0]
    """
    used = window_steps >= 0
    total = np.zeros((num_steps, *values.shape[2:]), dtype=np.float64)
    np.add.at(total, window_steps[used], values[used].astype(np.float64))
    count = np.bincount(window_steps[used], minlength=num_steps).astype(np.float64)
    return total / np.maximum(count, 1.0).reshape(-1, *([1] * (values.ndim - 2)))


def softmax(logits: FloatArray, mask: NDArray[np.bool_] | None = None) -> FloatArray:
    """Softmax over the last axis; zero where masked, all zero where everything is masked.

    Args:
        logits: (…, L).
        mask: (…, L) bool, True = takes part.

    Returns:
        (…, L) float64.
    """
    values = np.asarray(logits, dtype=np.float64)
    keep = np.ones(values.shape, dtype=bool) if mask is None else np.broadcast_to(mask, values.shape)
    peak = np.max(np.where(keep, values, -np.inf), axis=-1, keepdims=True, initial=-1e30)
    weight = np.where(keep, np.exp(np.where(keep, values, peak) - peak), 0.0)
    total = weight.sum(axis=-1, keepdims=True)
    return weight / np.where(total > 0, total, 1.0)


def weighted_quantile(values: FloatArray, weights: FloatArray, quantile: float = 0.5) -> float:
    """Smallest value at which the weights so far reach `quantile` of their sum.

    Args:
        values: (M,).
        weights: (M,) ≥ 0, not all zero.
        quantile: in (0, 1).

    Example:
        >>> weighted_quantile(np.array([0.0, 1.0, 5.0]), np.array([0.2, 0.5, 0.3]))
        1.0
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    # The slack (of rounding in the sum) is relative: the votes for an unlikely candidate weigh less than any fixed one.
    place = int(np.searchsorted(total, (quantile - 1e-12) * total[-1]))
    return float(values[order][min(place, len(order) - 1)])
