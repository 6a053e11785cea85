"""A region followed through a shot: one mask, and a similarity that carries it to every frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.traces.opencv import opencv
from dtr.traces.scene import FloatArray, Roi, Scene

MIN_INLIERS = 0.35
MIN_VISIBLE = 0.4
SCALES = (0.45, 2.2)


@dataclass(frozen=True)
class Patch:
    """A mask inside a rectangle of a full-size frame.

    Attributes:
        roi: (x0, y0, x1, y1) whole pixels, inside the frame, not empty.
        mask: (y1 − y0, x1 − x0) float32 in [0, 1].
    """

    roi: Roi
    mask: NDArray[np.float32]

    def of(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The rectangle's pixels (a view)."""
        x0, y0, x1, y1 = self.roi
        return frame[y0:y1, x0:x1]

    def padded(self, by: float, size: tuple[int, int]) -> Patch:
        """The same mask in a rectangle that is `by` pixels larger on every side, as far as a frame of `size` goes."""
        x0, y0, x1, y1 = self.roi
        wide = max(0, x0 - int(by)), max(0, y0 - int(by)), min(size[0], x1 + int(by)), min(size[1], y1 + int(by))
        mask = np.pad(self.mask, ((y0 - wide[1], wide[3] - y1), (x0 - wide[0], wide[2] - x1)))
        return Patch(wide, mask)


@dataclass(frozen=True)
class Track:
    """A region in frames `first` … `last` (both included).

    Attributes:
        anchor: frame that the mask belongs to.
        mask: (h, w) float32 in [0, 1], small size.
        moves: (last − first + 1, 3, 3) from the anchor frame to each frame, small pixels.
        size: (width, height) of the full frame. scale: full pixels per small pixel, along x and y.
    """

    first: int
    last: int
    anchor: int
    mask: NDArray[np.float32]
    moves: FloatArray
    size: tuple[int, int]
    scale: tuple[float, float]

    def move(self, index: int) -> FloatArray:
        """From the anchor frame to frame `index` (held beyond the ends): (3, 3) in small pixels."""
        return self.moves[int(np.clip(index, self.first, self.last)) - self.first]

    def move_px(self, start: int, end: int) -> FloatArray:
        """From frame `start` to frame `end`: (3, 3) in full pixels."""
        return self._full(self.move(end) @ np.linalg.inv(self.move(start)))

    def to_frame(self, index: int) -> FloatArray:
        """From the anchor frame in small pixels to frame `index` in full pixels: (3, 3)."""
        # Small pixel centres lie at +0.5: shifting by half a pixel on both sides keeps mask and picture aligned.
        return _shift(-0.5) @ np.diag([*self.scale, 1.0]) @ _shift(0.5) @ self.move(index)

    def carried(self, values: NDArray[np.float32], index: int, roi: Roi) -> NDArray[np.float32]:
        """Values of the anchor frame where the region's motion has brought them.

        Args:
            values: (h, w) or (h, w, 2) float32, small size; its edge is held beyond it.
            index: of the frame. roi: (x0, y0, x1, y1) full pixels of that frame.
        """
        cv2 = opencv()
        matrix = np.array([[1, 0, -roi[0]], [0, 1, -roi[1]], [0, 0, 1.0]]) @ self.to_frame(index)
        size = (roi[2] - roi[0], roi[3] - roi[1])
        return cv2.warpAffine(values, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def patch(self, index: int, *, grow: float = 1.0, then: FloatArray | None = None) -> Patch | None:
        """The mask at a frame.

        Args:
            index: of the frame.
            grow: factor on the region's size, about its centre.
            then: (3, 3) in full pixels, applied after the track's own motion.

        Returns:
            Mask and rectangle; None = outside the frame.
        """
        cv2 = opencv()
        width, height = self.size
        grown = _about(self.centre, grow)
        matrix = self.to_frame(index) @ grown
        matrix = matrix if then is None else then @ matrix
        corners = self._corners @ matrix[:2, :2].T + matrix[:2, 2]
        x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 2
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 3
        roi = max(0, int(x0)), max(0, int(y0)), min(width, int(x1)), min(height, int(y1))
        if roi[2] - roi[0] < 2 or roi[3] - roi[1] < 2:
            return None
        matrix = np.array([[1, 0, -roi[0]], [0, 1, -roi[1]], [0, 0, 1.0]]) @ matrix
        mask = cv2.warpAffine(self.mask, matrix[:2], (roi[2] - roi[0], roi[3] - roi[1]), flags=cv2.INTER_LINEAR)
        return Patch(roi, np.clip(mask, 0, 1))

    def box(self, index: int) -> Box:
        """Smallest box around the region at a frame, xyxy in [0, 1], clipped to the frame."""
        corners = self._outline @ self.move(index)[:2, :2].T + self.move(index)[:2, 2]
        # Pixels are squares of side 1: half a pixel beyond the outermost centres, and centres lie at +0.5.
        low, high = (corners.min(axis=0) * self.scale / self.size, (corners.max(axis=0) + 1) * self.scale / self.size)
        x0, y0, x1, y1 = np.clip([*low, *high], 0, 1)
        return float(x0), float(y0), float(x1), float(y1)

    @cached_property
    def _corners(self) -> FloatArray:
        return _corners(self.mask)

    @cached_property
    def centre(self) -> FloatArray:
        """Centre of mass of the mask at the anchor frame: (2,) small pixels."""
        rows, cols = np.nonzero(self.mask > 0.5)
        return np.array([cols.mean(), rows.mean()])

    def centre_px(self, index: int) -> FloatArray:
        """Centre at a frame: (2,) full pixels."""
        move = self.move(index)
        return (move[:2, :2] @ self.centre + move[:2, 2] + 0.5) * self.scale - 0.5

    @property
    def side_px(self) -> float:
        """Square root of the region's area at the anchor frame, in full pixels."""
        return float(np.sqrt((self.mask > 0.5).sum() * self.scale[0] * self.scale[1]))

    def part(self, mask: NDArray[np.float32]) -> Track:
        """The same motion with another mask of the anchor frame."""
        return replace(self, mask=mask)

    @cached_property
    def _outline(self) -> FloatArray:
        """Corners of the convex hull of the mask: (K, 2) small pixels; a turned region's box needs no other points."""
        points = np.argwhere(self.mask > 0.5)[:, ::-1].astype(np.int32)
        return opencv().convexHull(points).reshape(-1, 2).astype(np.float64)

    def _full(self, move: FloatArray) -> FloatArray:
        up = _shift(-0.5) @ np.diag([self.scale[0], self.scale[1], 1.0]) @ _shift(0.5)
        return up @ move @ np.linalg.inv(up)


def follow(scene: Scene, anchor: int, mask: NDArray[np.float32], first: int, last: int) -> Track | None:
    """Follow a region by optical flow, both ways from its anchor frame, until it is lost, leaves, or meets a cut.

    Args:
        scene: the shot.
        anchor: frame of the mask, first ≤ anchor ≤ last.
        mask: (h, w) float32, small size.
        first, last: frames that are of interest.

    Returns:
        The track; it may begin later or end earlier than asked. None = the mask is empty.
    """
    points = _points(mask)
    if len(points) < 6:
        return None
    ahead = _moves(scene, points, range(anchor, min(last, scene.num_frames - 1)), 1)
    back = _moves(scene, points, range(anchor, max(first, 0), -1), -1)
    moves = [*reversed(back), np.eye(3), *ahead]
    size = scene.width, scene.height
    return Track(anchor - len(back), anchor + len(ahead), anchor, mask, np.stack(moves), size, scene.to_full)


def follow_camera(scene: Scene, anchor: int, mask: NDArray[np.float32], first: int, last: int) -> Track:
    """A region that moves as the background does."""
    moves = np.stack([scene.camera_between(anchor, i) for i in range(first, last + 1)])
    return Track(first, last, anchor, mask, moves, (scene.width, scene.height), scene.to_full)


def _moves(scene: Scene, points: FloatArray, indices: range, step: int) -> list[FloatArray]:
    cv2 = opencv()
    found: list[FloatArray] = []
    move = np.eye(3)
    for index in indices:
        if (index + (step > 0)) in scene.cuts:
            break
        here = points @ move[:2, :2].T + move[:2, 2]
        there = here + _sample(scene.flow(index, step), here)
        fitted, inliers = cv2.estimateAffinePartial2D(points, there, ransacReprojThreshold=1.5, maxIters=100)
        if fitted is None or inliers.mean() < MIN_INLIERS:
            break
        size = float(np.sqrt(abs(np.linalg.det(fitted[:, :2]))))
        seen = (there >= 0).all(axis=1) & (there < [scene.small_width, scene.small_height]).all(axis=1)
        if not SCALES[0] <= size <= SCALES[1] or seen.mean() < MIN_VISIBLE:
            break
        move = np.vstack([fitted, [0.0, 0.0, 1.0]])
        found.append(move)
    return found


def _points(mask: NDArray[np.float32], most: int = 220) -> FloatArray:
    rows, cols = np.nonzero(mask > 0.5)
    every = max(1, len(rows) // most)
    return np.stack([cols[::every], rows[::every]], axis=1).astype(np.float64)


def _sample(flow: NDArray[np.float32], points: FloatArray) -> FloatArray:
    """Flow at points, the nearest pixel's: (K, 2)."""
    cols = np.clip(np.rint(points[:, 0]).astype(int), 0, flow.shape[1] - 1)
    rows = np.clip(np.rint(points[:, 1]).astype(int), 0, flow.shape[0] - 1)
    return flow[rows, cols].astype(np.float64)


def _corners(mask: NDArray[np.float32]) -> FloatArray:
    rows, cols = np.nonzero(mask > 0.01)
    x0, y0, x1, y1 = cols.min(), rows.min(), cols.max(), rows.max()
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


def _about(centre: FloatArray, factor: float) -> FloatArray:
    matrix = np.diag([factor, factor, 1.0])
    matrix[:2, 2] = centre * (1 - factor)
    return matrix


def _shift(by: float) -> FloatArray:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1.0]])
