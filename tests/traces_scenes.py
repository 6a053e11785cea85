"""Scenes for the trace tests: a textured disc that moves over a textured background, so that the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene


def texture(height: int, width: int, seed: int, low: int, high: int) -> NDArray[np.float32]:
    """(H, W, 3) float32 in low … high: soft patches of colour with grain on them."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(low, high, (max(2, height // 8), max(2, width // 8), 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 4, (height, width, 3)).astype(np.float32), low, high)


def disc_centre(index: int, *, start: tuple[float, float], step: tuple[float, float]) -> tuple[float, float]:
    """Centre of the disc on a frame, in pixels (x, y)."""
    return start[0] + index * step[0], start[1] + index * step[1]


def moving_disc_scene(
    num_frames: int = 24,
    height: int = 144,
    width: int = 192,
    *,
    start: tuple[float, float] = (60.0, 72.0),
    step: tuple[float, float] = (2.0, 0.0),
    radius: float = 22.0,
    fps: float = 12.0,
    seed: int = 0,
    back: tuple[int, int] = (20, 110),
) -> Scene:
    """A bright disc, centre `start` + number · `step`, over a dark background that stands still."""
    behind = texture(height, width, seed, *back)
    face = texture(height, width, seed + 1, 150, 250)
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for index in range(num_frames):
        x, y = disc_centre(index, start=start, step=step)
        move = np.array([[1, 0, x - start[0]], [0, 1, y - start[1]]], np.float32)
        carried = cv2.warpAffine(face, move, (width, height), borderMode=cv2.BORDER_WRAP)
        inside = np.clip(radius - np.hypot(cols - x, rows - y) + 0.5, 0, 1)[..., None]
        frames[index] = np.clip(behind * (1 - inside) + carried * inside + 0.5, 0, 255)
    times_s = np.arange(num_frames) / fps
    return Scene(frames, times_s, num_frames / fps)


def flat_scene(num_frames: int = 8, height: int = 96, width: int = 128, level: int = 128, fps: float = 8.0) -> Scene:
    """Nothing at all: the same grey everywhere."""
    frames = np.full((num_frames, height, width, 3), level, np.uint8)
    return Scene(frames, np.arange(num_frames) / fps, num_frames / fps)


def disc_mask(scene: Scene, x: float, y: float, radius: float) -> NDArray[np.float32]:
    """The disc at the scene's small size: (h, w) float32 in [0, 1]."""
    rows, cols = np.mgrid[: scene.small_height, : scene.small_width].astype(np.float32)
    across, down = scene.to_full
    far = np.hypot((cols + 0.5) * across - 0.5 - x, (rows + 0.5) * down - 0.5 - y)
    return np.clip((radius - far) / max(across, down) + 0.5, 0, 1).astype(np.float32)


def ramp_stage(scene: Scene, severity: float = 1.0, seed: int = 0, quiet: int = 2, donor: Scene | None = None) -> Stage:
    """A stage over the whole scene whose amount is 0 for `quiet` frames, then rises to 1 in the middle and stays."""
    n = scene.num_frames
    amount = np.clip((np.arange(n) - quiet + 1) / max(1, n // 2 - quiet), 0, 1)
    return Stage(scene, 0, n - 1, amount, severity, np.random.default_rng(seed), donor=donor)


def painted(stage: Stage, begin: Callable[[Stage], Brush | None]) -> dict[int, Stroke]:
    """Every stroke that a mechanism makes on the untouched frames; empty where it finds nothing to do."""
    brush = begin(stage)
    if brush is None:
        return {}
    strokes = {i: brush(i, stage.scene.frames[i]) for i in range(stage.first, stage.last + 1)}
    return {i: stroke for i, stroke in strokes.items() if stroke is not None}


def change(scene: Scene, index: int, stroke: Stroke) -> NDArray[np.float32]:
    """Largest change of any colour at each pixel of the stroke: (h, w) of 255."""
    x0, y0, x1, y1 = stroke.roi
    return np.abs(stroke.pixels.astype(np.float32) - scene.frames[index, y0:y1, x0:x1]).max(axis=-1)
