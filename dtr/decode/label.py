"""Kind "label": one logit per clip and one per step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def clip_logit(video_logit: FloatArray, window_steps: NDArray[np.int64], step_mask: NDArray[np.bool_]) -> float:
    """Mean of the windows' logits, each weighted by its unmasked steps.

    Args:
        video_logit: (W,).
        window_steps: (W, T) step index, −1 = padding.
        step_mask: (N,) bool.

    Returns:
        The clip's logit; the plain mean when every step is masked.

    Example:
        >>> steps = np.array([[0, 1], [2, -1]])
        >>> clip_logit(np.array([1.0, 4.0]), steps, np.array([True, True, True]))
        2.0
    """
    weight = ((window_steps >= 0) & step_mask[np.maximum(window_steps, 0)]).sum(axis=1).astype(np.float64)
    if weight.sum() == 0:
        weight = np.ones(len(video_logit))
    return float(np.average(np.asarray(video_logit, dtype=np.float64), weights=weight))
