"""Fills a hole in a frame with sharp texture from beside it, bent to the colours at the hole's edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv
from dtr.traces.scene import Roi

ANGLES = 16
DISTANCES = (0.75, 1.05, 1.5)
"""Places beside the hole that are tried: directions, and distances in sides of the hole."""

SMALL = 96
"""Longer side, in pixels, of the picture on which colours are carried into the hole."""


POOR = 45.0
"""Difference of colours (of 255, summed over the edge and the inside of the hole) at which a place does not fit."""


def fill(frame: NDArray[np.uint8], roi: Roi, missing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A rectangle of a frame with its hole filled.

    Args:
        frame: (H, W, 3) uint8.
        roi: (x0, y0, x1, y1) whole pixels.
        missing: (h, w) of the rectangle: the hole.

    Returns:
        (h, w, 3) uint8: unchanged outside the hole; inside, another place of the frame whose slow changes of colour
        are replaced by those that lead from edge to edge of the hole.
    """
    cv2 = opencv()
    pixels = frame[roi[1] : roi[3], roi[0] : roi[2]]
    if not missing.any() or missing.all():
        return pixels.copy()
    smooth = pour(pixels.astype(np.float32), ~missing)
    cost, source = _best_place(frame, roi, missing, smooth)
    filled = smooth if source is None else smooth + _detail(source, pixels, missing, cost)
    soft = np.maximum(cv2.GaussianBlur(missing.astype(np.float32), (0, 0), 1.5), missing)[..., None]
    return np.clip(pixels + soft * (filled - pixels) + 0.5, 0, 255).astype(np.uint8)


def _detail(
    source: NDArray[np.uint8], pixels: NDArray[np.uint8], missing: NDArray[np.bool_], cost: float
) -> NDArray[np.float32]:
    """What the source has beyond slow changes of colour, no stronger than around the hole; (h, w, 3).

    The better the source fits, the coarser the structure that is taken from it: a poor one gives its grain only.
    """
    cv2 = opencv()
    fits = max(0.0, 1 - cost / POOR)
    sigma = max(1.5, (0.02 + 0.15 * fits) * float(np.sqrt(missing.sum())))
    size = 2 * round(2 * sigma) + 1
    own, other = (p.astype(np.float32) - cv2.blur(p, (size, size)).astype(np.float32) for p in (pixels, source))
    # By medians: the few strong edges around the hole say nothing about its texture, those of the source would be
    # seen as a thing.
    usual, there = (1.5 * float(np.median(np.abs(part))) + 0.3 for part in (own[~missing], other[missing]))
    return np.clip(other * np.float32(min(1.0, usual / there)), -2.5 * usual, 2.5 * usual)


def _best_place(
    frame: NDArray[np.uint8], roi: Roi, missing: NDArray[np.bool_], smooth: NDArray[np.float32]
) -> tuple[float, NDArray[np.uint8] | None]:
    """A rectangle of the frame, as large as `roi`, that fits best around the hole, and how badly it fits (of 255)."""
    cv2 = opencv()
    rows, cols = np.nonzero(missing)
    width = int(cols.max() - cols.min()) + 1
    height = int(rows.max() - rows.min()) + 1
    reach = max(2, round(0.08 * np.sqrt(width * height)))
    ring = (cv2.dilate(missing.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0) & ~missing
    soft = cv2.blur(frame, (3, 3)).astype(np.float32)
    around = soft[roi[1] : roi[3], roi[0] : roi[2]][ring]
    best: tuple[float, NDArray[np.uint8] | None] = (np.inf, None)
    for dx, dy in _offsets(roi, (width, height), frame.shape[1], frame.shape[0]):
        if _overlaps(missing, dx, dy):
            continue
        place = slice(roi[1] + dy, roi[3] + dy), slice(roi[0] + dx, roi[2] + dx)
        there = soft[place]
        cost = float(np.abs(there[ring] - around).mean()) + float(np.abs(there[missing] - smooth[missing]).mean())
        if cost < best[0]:
            best = cost, frame[place]
    return best


def _offsets(roi: Roi, hole: tuple[int, int], width: int, height: int) -> list[tuple[int, int]]:
    """Shifts that keep the rectangle inside the frame."""
    angles = np.arange(ANGLES) * 2 * np.pi / ANGLES
    found = []
    for distance in DISTANCES:
        for angle in angles:
            dx, dy = round(distance * hole[0] * np.cos(angle)), round(distance * hole[1] * np.sin(angle))
            if roi[0] + dx >= 0 and roi[2] + dx <= width and roi[1] + dy >= 0 and roi[3] + dy <= height:
                found.append((dx, dy))
    return found


def _overlaps(missing: NDArray[np.bool_], dx: int, dy: int) -> bool:
    """Whether the hole, shifted, meets itself in more than a hundredth."""
    height, width = missing.shape
    if abs(dx) >= width or abs(dy) >= height:
        return False
    here = missing[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    there = missing[max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)]
    return bool((here & there).sum() > 0.01 * missing.sum())


def pour(values: NDArray[np.float32], known: NDArray[np.bool_], side: int = SMALL) -> NDArray[np.float32]:
    """Values with a hole filled from its edge inwards, smoothly.

    Args:
        values: (h, w, 3) float32. known: (h, w), at least one of them True.
        side: longer side, in pixels, of the picture that this is done on.

    Returns:
        (h, w, 3) float32: without detail, also where they are known.

    Example:
        >>> middle_unknown = np.array([[True, False, True]] * 3)
        >>> pour(np.full((3, 3, 3), 7.0, np.float32), middle_unknown)[1, 1].round(3).tolist()
        [7.0, 7.0, 7.0]
    """
    cv2 = opencv()
    height, width = known.shape
    scale = min(1.0, side / max(height, width))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * known[..., None], size, interpolation=cv2.INTER_AREA)
    return cv2.resize(_poured(total, weight), (width, height), interpolation=cv2.INTER_LINEAR)


def _poured(total: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Known values carried into the rest, by halving the picture until everything is known, and back.

    Args:
        total: (h, w, 3) values times weight. weight: (h, w) share of each place that is known.

    Source: Gortler et al., The Lumigraph, 1996: pull-push.
    """
    cv2 = opencv()
    height, width = weight.shape
    values = (total / np.maximum(weight, 1e-6)[..., None]).astype(np.float32)
    if weight.min() > 0.5 or max(height, width) <= 1:
        return values
    size = (width + 1) // 2, (height + 1) // 2
    coarse = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (total, weight))
    up = cv2.resize(_poured(*coarse), (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.minimum(np.float32(1), 2 * weight)[..., None]
    return np.asarray(up + share * (values - up), dtype=np.float32)
