"""Ranking figures in numpy, for places without torch and for thousands of bootstrap resamples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from dtr.checks import checked_array, checked_target


def auroc(scores: ArrayLike, target: ArrayLike) -> float:
    """Area under the ROC curve: how often a fake scores above a real one, ties counting half.

    Args:
        scores: (N,) any finite numbers, logits included; target: (N,) 0 or 1.

    Returns:
        [0, 1]; NaN if a class is missing.

    Source: Hanley and McNeil (1982), the Mann-Whitney form.

    Example:
        >>> auroc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
        0.875
    """
    s = checked_array(scores, "scores", (None,))
    y = checked_target(target, len(s))
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives:
        return math.nan
    _, group, count = np.unique(s, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    above = mean_rank[group][y].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))
