"""The clock: fixed-rate steps and overlapping windows, the same for files, streams and training.

Step k stands for the time k / rate_hz. It takes the frame that is displayed at that time. A frame is never taken twice:
where the source is slower than the clock, the step is masked (a repeated frame would give zero differences, and those
would name the label: many generated clips run below 8 fps, hardly any real one).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import ConfigError


@dataclass(frozen=True)
class Clock:
    """Rate and windowing of steps; recorded in caches, detectors and ONNX metadata.

    Attributes:
        rate_hz: steps per second, > 0.
        window: steps in a window, ≥ 1.
        hop: steps from one window to the next, 1 ≤ hop ≤ window.
    """

    rate_hz: float = 6.0
    window: int = 16
    hop: int = 8

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ConfigError(f"clock.rate_hz must be a finite number above 0, got {self.rate_hz}")
        if not 1 <= self.hop <= self.window:
            raise ConfigError(f"clock needs 1 <= hop <= window, got hop {self.hop}, window {self.window}")

    def num_steps(self, duration_s: float) -> int:
        """Number of steps of a video: every k with k / rate_hz < duration_s, at least one.

        Example:
            >>> Clock().num_steps(1.0), Clock().num_steps(0.0)
            (6, 1)
        """
        return max(1, math.ceil(duration_s * self.rate_hz - 1e-6))

    def window_starts(self, num_steps: int) -> list[int]:
        """First step of each window; the last window may reach past the end and is padded with masked steps.

        Example:
            >>> Clock().window_starts(16), Clock().window_starts(30)
            ([0], [0, 8, 16])
        """
        count = max(0, math.ceil((num_steps - self.window) / self.hop)) + 1
        return [i * self.hop for i in range(count)]

    def window_steps(self, num_steps: int) -> NDArray[np.int64]:
        """Step index of every place of every window.

        Returns:
            (W, window) int64; −1 = padding past the end.
        """
        steps = np.array(self.window_starts(num_steps))[:, None] + np.arange(self.window)
        return np.where(steps < num_steps, steps, -1).astype(np.int64)

    def pick_frames(self, times_s: ArrayLike, duration_s: float) -> NDArray[np.int64]:
        """Frame index that each step takes.

        Args:
            times_s: (F,) presentation times in seconds, increasing, the first one 0.
            duration_s: end of the last frame's display.

        Returns:
            (N,) int64 index into `times_s`; −1 = masked (the displayed frame was taken by an earlier step).

        Example:
            >>> Clock(rate_hz=4).pick_frames([0.0, 0.5], 1.0).tolist()  # a 2 fps source
            [0, -1, 1, -1]
        """
        # Half a microsecond of slack: 1/6 s in binary must still find a frame stamped 0.166667.
        ticks = np.arange(self.num_steps(duration_s)) / self.rate_hz + 5e-7
        shown = np.searchsorted(np.asarray(times_s, dtype=np.float64), ticks, side="right") - 1
        fresh = np.diff(shown, prepend=-1) > 0
        return np.where(fresh, shown, -1).astype(np.int64)

    def step_spans(self, frame_times_s: ArrayLike, duration_s: float) -> NDArray[np.float32]:
        """The time each step covers, without gaps: from its frame's presentation time to the next step's start.

        Args:
            frame_times_s: (N,) presentation time of each step's frame; NaN = masked step (its nominal time is used).
            duration_s: end of the last frame's display.

        Returns:
            (N, 2) float32 seconds.

        Example:
            >>> Clock(rate_hz=4).step_spans([0.0, float("nan"), 0.5, float("nan")], 1.0)[:, 0].tolist()
            [0.0, 0.25, 0.5, 0.75]
        """
        times = np.asarray(frame_times_s, dtype=np.float64)
        nominal = np.arange(len(times)) / self.rate_hz
        start = np.where(np.isnan(times), nominal, times)
        last = max(start[-1] + 1e-3, min(start[-1] + 1 / self.rate_hz, duration_s)) if len(start) else 0.0
        return np.stack([start, np.append(start[1:], last)], axis=1).astype(np.float32)
