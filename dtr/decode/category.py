"""Kind "category": dense scores pooled inside a tube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.calibration import sigmoid
from dtr.spans import overlap_s

FloatArray = NDArray[np.floating]


def pool_categories(
    token_logits: FloatArray,
    token_mask: NDArray[np.bool_],
    cells: FloatArray,
    step_s: FloatArray,
    span_s: tuple[float, float] | None,
    box: FloatArray | None,
) -> FloatArray:
    """Mean logit inside the tube, every token weighted by cell cover × step cover, as in the head's loss.

    Args:
        token_logits: (N, P, C). token_mask: (N, P) bool. cells: (N, P, 4). step_s: (N, 2) seconds.
        span_s: (start, end) seconds; None = the whole clip.
        box: (4,) or (N, 4) xyxy; None = the whole frame.

    Returns:
        (C,) scores in [0, 1]; of the whole clip when the tube touches no token.
    """
    weight = token_mask.astype(np.float64)
    if span_s is not None:
        length = np.maximum(step_s[:, 1] - step_s[:, 0], 1e-6)
        weight = weight * (overlap_s(step_s, [span_s])[:, 0] / length)[:, None]
    if box is not None:
        weight = weight * cell_cover(cells, np.broadcast_to(box, (len(cells), 4)))
    if weight.sum() <= 1e-9:
        weight = token_mask.astype(np.float64)
    if weight.sum() <= 1e-9:
        return sigmoid(token_logits.mean(axis=(0, 1)))
    return sigmoid(np.einsum("np,npc->c", weight, token_logits) / weight.sum())


def cell_cover(cells: FloatArray, boxes: FloatArray) -> FloatArray:
    """Share of each cell that its step's box covers.

    Args:
        cells: (N, P, 4) xyxy. boxes: (N, 4) xyxy.

    Returns:
        (N, P) in [0, 1].
    """
    low = np.maximum(cells[..., :2], boxes[:, None, :2])
    high = np.minimum(cells[..., 2:], boxes[:, None, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=-1)
    size = np.clip(cells[..., 2:] - cells[..., :2], 0, None).prod(axis=-1)
    return inter / np.maximum(size, 1e-9)
