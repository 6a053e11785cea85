"""A shot in memory, and what its motion says: optical flow, the camera's part in it, and cuts; at a small size."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv

FloatArray = NDArray[np.float64]
Roi = tuple[int, int, int, int]

SMALL_SIDE = 144
"""Shorter side, in pixels, of the frames that motion and regions are found on."""

CUT_LEVEL = 28.0
"""Mean difference (of 255) between a frame and its motion-compensated predecessor above which there may be a cut."""

CUT_LIKENESS = 0.7
"""Correlation of two frames, compensated or not, from which there is none: a flash keeps the picture."""


class Scene:
    """Frames of one shot with lazily computed motion; read-only, and the same for the same frames.

    Args:
        frames: (N, H, W, 3) uint8 RGB, N ≥ 1.
        times_s: (N,) presentation times in seconds, increasing.
        duration_s: end of the last frame's display.
    """

    def __init__(self, frames: NDArray[np.uint8], times_s: NDArray[np.floating], duration_s: float) -> None:
        self.frames, self.times_s, self.duration_s = frames, np.asarray(times_s, dtype=np.float64), duration_s
        self.num_frames, self.height, self.width = frames.shape[:3]
        self.scale = min(1.0, SMALL_SIDE / min(self.height, self.width))
        self.small_width = max(16, round(self.width * self.scale))
        self.small_height = max(16, round(self.height * self.scale))
        self._flows: dict[int, NDArray[np.float32]] = {}
        self._cameras: dict[int, FloatArray] = {}
        self.interests: dict[tuple[int, str], NDArray[np.float32]] = {}
        """Kept by `dtr.traces.regions.interest`: many regions are tried on one frame."""

    @cached_property
    def small(self) -> NDArray[np.uint8]:
        """(N, h, w, 3) uint8 frames at the small size."""
        cv2 = opencv()
        size = (self.small_width, self.small_height)
        return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in self.frames])

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        """(N, h, w) uint8 grey frames at the small size."""
        cv2 = opencv()
        return np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in self.small])

    @property
    def to_full(self) -> tuple[float, float]:
        """Full pixels per small pixel, along x and y."""
        return self.width / self.small_width, self.height / self.small_height

    def flow(self, index: int, step: int = 1) -> NDArray[np.float32]:
        """Optical flow from frame `index` to its neighbour, in small pixels.

        Args:
            index: of the frame. step: 1 = to the next frame, −1 = to the one before.

        Returns:
            (h, w, 2) float32, x then y.
        """
        key = 2 * index + (step < 0)
        if key not in self._flows:
            cv2 = opencv()
            # The faster preset, one octave finer: the other one smooths the flow of small things into the background's
            # (on a moving disc it finds 0.6 to 0.9 of the way, this one 0.97).
            finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
            finder.setFinestScale(1)
            self._flows[key] = finder.calc(self.grey[index], self.grey[index + step], None)
        return self._flows[key]

    def camera(self, index: int) -> FloatArray:
        """The camera's motion from frame `index` to the next: the similarity that most of the flow agrees with.

        Returns:
            (3, 3) in small pixels; identity where there is none to be found.
        """
        if index not in self._cameras:
            self._cameras[index] = _main_motion(self.flow(index))
        return self._cameras[index]

    def camera_between(self, start: int, end: int) -> FloatArray:
        """The camera's motion from frame `start` to frame `end`, either way: (3, 3) in small pixels."""
        total: FloatArray = np.eye(3)
        for index in range(min(start, end), max(start, end)):
            total = self.camera(index) @ total
        return total if end >= start else np.asarray(np.linalg.inv(total), np.float64)

    def own_motion(self, index: int) -> NDArray[np.float32]:
        """How fast each place moves against the camera: (h, w) float32, small pixels a frame."""
        last = min(index, self.num_frames - 2)
        if last < 0:
            return np.zeros((self.small_height, self.small_width), np.float32)
        flow = self.flow(last)
        grid = _grid(flow.shape[0], flow.shape[1])
        moved = grid @ self.camera(last)[:2, :2].T + self.camera(last)[:2, 2]
        return np.linalg.norm(flow - (moved - grid), axis=-1).astype(np.float32)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Frames that begin another shot: what came before cannot be followed into them."""
        cv2 = opencv()
        found = []
        grid = _grid(self.small_height, self.small_width).astype(np.float32)
        for index in range(1, self.num_frames):
            jump = np.abs(self.grey[index].astype(np.int16) - self.grey[index - 1]).mean()
            if jump > CUT_LEVEL / 2:
                back = grid + self.flow(index, -1)
                before = cv2.remap(self.grey[index - 1], back[..., 0], back[..., 1], cv2.INTER_LINEAR)
                if np.abs(self.grey[index].astype(np.int16) - before).mean() > CUT_LEVEL:
                    likeness = max(_correlation(self.grey[index], b) for b in (before, self.grey[index - 1]))
                    if likeness < CUT_LIKENESS:
                        found.append(index)
        return tuple(found)


def _main_motion(flow: NDArray[np.float32]) -> FloatArray:
    cv2 = opencv()
    step = 8
    height, width = flow.shape[:2]
    points = _grid(height, width)[step // 2 :: step, step // 2 :: step].reshape(-1, 2)
    moved = points + flow[step // 2 :: step, step // 2 :: step].reshape(-1, 2)
    found, inliers = cv2.estimateAffinePartial2D(points, moved, ransacReprojThreshold=0.7, maxIters=200)
    if found is None or inliers.mean() < 0.3:
        shift = np.median(moved - points, axis=0)
        found = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    return np.vstack([found, [0.0, 0.0, 1.0]])


def _correlation(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Pearson's, of the pixels; 0 where one of them is even."""
    if min(picture.std(), other.std()) < 1:
        return 0.0
    return float(np.corrcoef(picture.ravel(), other.ravel())[0, 1])


def _grid(height: int, width: int) -> FloatArray:
    """(h, w, 2) coordinates of every pixel, x then y."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)), axis=-1)
