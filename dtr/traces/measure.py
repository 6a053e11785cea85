"""What of a painted trace can be seen: first and last frame, and a box on every frame between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene

VISIBLE = 7.0
"""Change (of 255, nine tenths of the region below it) from which a frame of a trace counts as visible."""

CHANGED = 4.0
"""Change (of 255) from which a pixel belongs to the box."""

SUPPORT = 0.3
"""Weight of a brush from which a pixel may belong to the box."""

SMALLEST = 0.002
"""Share of the frame that the median box must cover."""


@dataclass(frozen=True)
class Seen:
    """The visible part of a trace.

    Attributes:
        first, last: frames, both included.
        boxes: (last − first + 1, 4) xyxy in [0, 1].
        visible: mean change inside the support, of 1 = black to white.
    """

    first: int
    last: int
    boxes: NDArray[np.float64]
    visible: float


def measure(scene: Scene, frames: NDArray[np.uint8], strokes: Sequence[tuple[int, Stroke]]) -> Seen | None:
    """Compare every stroke with the frame it would change.

    Args:
        scene: the shot. frames: (N, H, W, 3) uint8 before the strokes.
        strokes: (frame number, stroke) in order.

    Returns:
        What can be seen; None = fewer than three frames of it, or too small a place.
    """
    change: dict[int, float] = {}
    boxes: dict[int, NDArray[np.float64]] = {}
    means = []
    size = np.array([scene.width, scene.height] * 2, dtype=np.float64)
    for index, stroke in strokes:
        x0, y0, x1, y1 = stroke.roi
        # A warp or a swap changes single pixels at random: judged on a slightly blurred difference.
        delta = np.abs(stroke.pixels.astype(np.int16) - frames[index, y0:y1, x0:x1]).max(axis=-1).astype(np.float32)
        delta = opencv().GaussianBlur(delta, (0, 0), max(0.8, 0.004 * min(scene.width, scene.height)))
        inside = stroke.support > SUPPORT
        if not inside.any():
            continue
        change[index] = float(np.percentile(delta[inside], 90))
        box = _box(delta, inside)
        if box is not None and change[index] >= VISIBLE:
            boxes[index] = (box + np.array([x0, y0, x0, y0])) / size
            means.append(float(delta[inside].mean()) / 255)
    if len(boxes) < 3:
        return None
    first, last = min(boxes), max(boxes)
    every = _filled(boxes, first, last)
    area = np.median((every[:, 2] - every[:, 0]) * (every[:, 3] - every[:, 1]))
    return None if area < SMALLEST else Seen(first, last, every, float(np.mean(means)))


def _box(delta: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Box of the changed pixels inside the support, without the outermost per cent on each side."""
    rows, cols = np.nonzero(inside & (delta >= CHANGED))
    if len(rows) < 9:
        return None
    x0, x1 = np.percentile(cols, [1, 99])
    y0, y1 = np.percentile(rows, [1, 99])
    return np.array([x0, y0, x1 + 1, y1 + 1], dtype=np.float64)


def _filled(boxes: dict[int, NDArray[np.float64]], first: int, last: int) -> NDArray[np.float64]:
    """A box on every frame: gaps are joined by straight lines, then sides are smoothed over five frames."""
    known = sorted(boxes)
    sides = np.array([boxes[i] for i in known])
    frames = np.arange(first, last + 1)
    every = np.stack([np.interp(frames, known, sides[:, k]) for k in range(4)], axis=1)
    padded = np.pad(every, ((2, 2), (0, 0)), mode="edge")
    weights = np.array([1, 2, 3, 2, 1]) / 9
    return np.clip(np.stack([np.convolve(padded[:, k], weights, "valid") for k in range(4)], axis=1), 0, 1)
