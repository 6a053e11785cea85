"""Numbers that change smoothly: envelopes in time, noise in time, fields in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv

FloatArray = NDArray[np.float64]


def envelope(
    times_s: NDArray[np.floating], start_s: float, end_s: float, rise_s: float, fall_s: float | None = None
) -> FloatArray:
    """How much of a trace is there at each time: 0 outside its span, a smooth rise, 1, and a smooth fall.

    Args:
        times_s: (N,) seconds.
        start_s, end_s: of the span.
        rise_s: seconds from 0 to 1, more than 0.
        fall_s: seconds from 1 to 0 at the end; None = it stays to the end of the span.

    Returns:
        (N,) in [0, 1].

    Example:
        >>> envelope(np.arange(5.0), 0.0, 4.0, 2.0).round(2).tolist()
        [0.0, 0.5, 1.0, 1.0, 0.0]
    """
    t = np.asarray(times_s, dtype=np.float64)
    up = smoothstep((t - start_s) / rise_s)
    down = smoothstep((end_s - t) / fall_s) if fall_s else np.ones_like(t)
    return np.where((t >= start_s) & (t < end_s), np.minimum(up, down), 0.0)


def smoothstep(x: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, 3x² − 2x³ between.

    Example:
        >>> smoothstep(np.array([-1.0, 0.5, 2.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def noise_in_time(times_s: NDArray[np.floating], period_s: float, count: int, rng: np.random.Generator) -> FloatArray:
    """Random curves without jumps: values drawn every `period_s`, joined by a cosine.

    Args:
        times_s: (N,) seconds, increasing.
        period_s: time between independent values.
        count: curves.
        rng: of the draws.

    Returns:
        (N, count), mean 0, standard deviation about 1 at the knots.
    """
    t = (np.asarray(times_s, dtype=np.float64) - times_s[0]) / period_s
    knots = rng.standard_normal((int(t[-1]) + 2, count))
    low = np.floor(t).astype(np.int64)
    share = smoothstep(t - low)[:, None]
    return knots[low] * (1 - share) + knots[low + 1] * share


def smooth_field(
    height: int, width: int, cells: float, rng: np.random.Generator, channels: int = 2
) -> NDArray[np.float32]:
    """A random field without fine detail.

    Args:
        height, width: in pixels.
        cells: independent values along the shorter side.
        rng: of the draws. channels: of the field.

    Returns:
        (H, W, channels) float32, about in [−1, 1].
    """
    cv2 = opencv()
    per_cell = min(height, width) / cells
    rows, cols = max(2, round(height / per_cell) + 1), max(2, round(width / per_cell) + 1)
    coarse = rng.uniform(-1, 1, (rows, cols, channels)).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return field.reshape(height, width, channels)
