"""Clip steps: the frames that the clock takes from a video, rendered as views. What every backbone is fed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.planted import Planted


@dataclass(frozen=True)
class ClipSteps:
    """N steps of one video on a clock.

    Attributes:
        frames: (N, V, S, S, 3) uint8 RGB; zeros where a step is masked.
        step_mask: (N,) bool; False = no new frame at this step.
        step_s: (N, 2) float32 seconds.
        frame_times_s: (N,) float64 true presentation time of the frame taken, NaN where masked.
        view_boxes: (V, 4) float32 xyxy of each view in the displayed frame.
        flipped: the views were mirrored left-right (training only).
        width, height: pixels of the displayed frame; duration_s: end of the last frame's display.
        damage: what could not be decoded, in words.
        decode_s: seconds spent decoding and scaling.
        planted: what was put into the clip (training only); None = nothing.
    """

    frames: NDArray[np.uint8]
    step_mask: NDArray[np.bool_]
    step_s: NDArray[np.float32]
    frame_times_s: NDArray[np.float64]
    view_boxes: NDArray[np.float32]
    width: int
    height: int
    duration_s: float
    flipped: bool = False
    damage: tuple[str, ...] = ()
    decode_s: float = 0.0
    planted: Planted | None = None
