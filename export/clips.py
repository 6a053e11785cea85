"""Clips drawn with numpy, to prove parity on: moving pictures with something that goes wrong in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.model_info import ModelInfo
from dtr.steps import ClipSteps
from dtr.views import view_boxes

WIDTH, HEIGHT = 640, 360
_STEPS = (1, 10, 23, 34)
"""Lengths: a single frame, less than a window, a padded second window, several windows."""


def synthetic_clips(info: ModelInfo, seed: int = 0) -> list[ClipSteps]:
    """Four short clips on a model's clock and views: a panned texture with a disc that flickers from some time on.

    Args:
        info: of the model.
        seed: of texture, motion and flicker.

    Returns:
        Clips of 1, 10, 23 and 34 steps; the third lacks every other frame, like a slow source.
    """
    return [_draw(info, steps, seed + i, slow=i == 2) for i, steps in enumerate(_STEPS)]


def _draw(info: ModelInfo, num_steps: int, seed: int, *, slow: bool) -> ClipSteps:
    rng = np.random.default_rng(seed)
    boxes = view_boxes(info.views, WIDTH, HEIGHT)
    duration_s = num_steps / info.clock.rate_hz
    times = np.arange(num_steps) / info.clock.rate_hz
    mask = np.arange(num_steps) % 2 == 0 if slow else np.ones(num_steps, dtype=np.bool_)
    waves = rng.normal(size=(6, 3)) * (9.0, 9.0, 2.0)  # (K, 3): cycles across, down, per second
    disc = rng.uniform(0.25, 0.75, size=2)
    jump = np.where(times > duration_s / 3, rng.normal(scale=0.04, size=(2, num_steps)), 0.0)
    size = info.views[0].size
    frames = np.zeros((num_steps, len(boxes), size, size, 3), dtype=np.uint8)
    for step in np.flatnonzero(mask):
        centre = disc + 0.05 * times[step] + jump[:, step]
        for view, box in enumerate(boxes):
            frames[step, view] = _picture(box, size, float(times[step]), waves, centre)
    shown = np.where(mask, times, np.nan)
    spans = info.clock.step_spans(shown, duration_s)
    return ClipSteps(frames, mask, spans, shown, boxes, WIDTH, HEIGHT, duration_s)


def _picture(
    box: NDArray[np.floating], size: int, time_s: float, waves: NDArray[np.floating], centre: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """One view, computed at its own pixels, so that nothing has to be resized: (size, size, 3)."""
    grid = (np.arange(size) + 0.5) / size
    x = (box[0] + (box[2] - box[0]) * grid)[None, :]
    y = (box[1] + (box[3] - box[1]) * grid)[:, None]
    phase = [2 * np.pi * (fx * x + fy * y + ft * time_s) for fx, fy, ft in waves]
    rgb = np.stack([np.sin(phase[c]) + np.sin(phase[c + 3]) for c in range(3)], axis=-1)
    inside = 1 / (1 + np.exp(200 * (np.hypot(x - centre[0], (y - centre[1]) * HEIGHT / WIDTH) - 0.08)))
    rgb = rgb * (1 - inside[..., None]) + inside[..., None] * np.array([1.5, -0.5, 0.2])
    return np.clip(128 + 55 * rgb, 0, 255).astype(np.uint8)
