"""What is behind a region: taken from frames in which it was uncovered, painted in where it never was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.fill import fill, pour
from dtr.traces.opencv import opencv
from dtr.traces.paint import blend, carry
from dtr.traces.scene import FloatArray, Roi, Scene
from dtr.traces.track import Patch, Track

LOOKS = 9
"""Frames of the shot that are asked what is behind a region."""

REACH = 1.45
"""Factor on a region's size within which its colours are looked for."""

COLOUR_SIDE = 32
"""Longer side, in pixels, of the picture on which a plate's colours are bent to those of a frame."""


class Plate:
    """A frame without a region, carried along with the camera.

    Args:
        scene: the shot. track: the region to leave out. grow: factor on its size, so that its edge goes too.
    """

    def __init__(self, scene: Scene, track: Track, grow: float = 1.25) -> None:
        self.scene, self.track, self.grow = scene, track, grow
        self.pixels = _clean_frame(scene, track, grow)
        self._own = _colours_of_its_own(scene, track)
        self._latest: tuple[int, Roi, NDArray[np.uint8]] | None = None

    def at(self, index: int, roi: Roi) -> NDArray[np.uint8]:
        """What is behind the region in a rectangle of a frame.

        Args:
            index: of the frame. roi: (x0, y0, x1, y1) full pixels.

        Returns:
            (h, w, 3) uint8; its colours are bent to agree with the frame all around the region.
        """
        if self._latest is not None and self._latest[:2] == (index, roi):  # `cover` has just asked for the same
            return self._latest[2]
        pixels = self._bent(index, roi)
        self._latest = index, roi, pixels
        return pixels

    def _bent(self, index: int, roi: Roi) -> NDArray[np.uint8]:
        """The plate in a rectangle of a frame, its slow changes of colour replaced by those around the region."""
        wide = _with_margin(Patch(roi, np.zeros((roi[3] - roi[1], roi[2] - roi[0]), np.float32)), self.scene).roi
        behind = carry(self.pixels, camera_px(self.scene, self.track.anchor, index), wide)
        patch = self.track.patch(index, grow=self.grow)
        now = self.scene.frames[index][wide[1] : wide[3], wide[0] : wide[2]]
        outside = np.ones(now.shape[:2], bool)
        if patch is not None:
            _mark(outside, wide, patch.roi, patch.mask > 0.02)
        part = slice(roi[1] - wide[1], roi[3] - wide[1]), slice(roi[0] - wide[0], roi[2] - wide[0])
        if outside.sum() < 20:
            return behind[part]
        change = pour(now.astype(np.float32) - behind, outside, side=COLOUR_SIDE)
        return np.clip(behind[part] + np.clip(change[part], -70, 70) + 0.5, 0, 255).astype(np.uint8)

    def cover(self, index: int, grow: float = 1.12) -> Patch | None:
        """Where a frame has to be painted over so that nothing of the region is left to be seen.

        Args:
            index: of the frame. grow: factor on the region's size: its soft edge has to go too.

        Returns:
            The region, with what sticks out of it in its own colours: a thing that turns or bends is more than its
            mask of another frame. None = outside the frame.
        """
        wide = self.track.patch(index, grow=REACH * grow)
        core = self.track.patch(index, grow=grow)
        if wide is None or core is None:
            return None
        cv2 = opencv()
        mask = np.zeros_like(wide.mask)
        x, y = core.roi[0] - wide.roi[0], core.roi[1] - wide.roi[1]
        mask[y : y + core.mask.shape[0], x : x + core.mask.shape[1]] = np.minimum(1, 1.5 * core.mask)
        now, behind = (_look_up(self._own, p) for p in (wide.of(self.scene.frames[index]), self.at(index, wide.roi)))
        odd = cv2.GaussianBlur(now * (1 - behind), (0, 0), max(1.5, 0.04 * self.track.side_px))
        return Patch(wide.roi, np.maximum(mask, wide.mask * np.clip(3 * odd - 0.7, 0, 1)))


def _clean_frame(scene: Scene, track: Track, grow: float) -> NDArray[np.uint8]:
    """The anchor frame without the region: (H, W, 3) uint8."""
    anchor = track.anchor
    frame = scene.frames[anchor].copy()
    hole = track.patch(anchor, grow=grow)
    if hole is None:
        return frame
    hole = _with_margin(hole, scene)
    painted, known = _seen_elsewhere(scene, track, hole.roi, grow)
    local = hole.of(frame)
    original = local.copy()
    local[:] = np.where(known[..., None], painted, local)
    filled = fill(frame, hole.roi, (hole.mask > 0.02) & ~known)
    local[:] = blend(original, filled, np.minimum(1.0, hole.mask * 2))
    return frame


def _with_margin(hole: Patch, scene: Scene) -> Patch:
    """The same hole in a larger rectangle: what is around it says how to fill it."""
    x0, y0, x1, y1 = hole.roi
    margin = 3 + round(0.1 * max(x1 - x0, y1 - y0))
    left, top = min(margin, x0), min(margin, y0)
    right, bottom = min(margin, scene.width - x1), min(margin, scene.height - y1)
    return Patch((x0 - left, y0 - top, x1 + right, y1 + bottom), np.pad(hole.mask, ((top, bottom), (left, right))))


def _seen_elsewhere(scene: Scene, track: Track, roi: Roi, grow: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours behind the region in its rectangle at the anchor frame, and where any frame showed them."""
    width, height = roi[2] - roi[0], roi[3] - roi[1]
    cuts = (0, *scene.cuts, scene.num_frames)
    first = max(c for c in cuts[:-1] if c <= track.anchor)
    last = min(c for c in cuts[1:] if c > track.anchor) - 1
    looks = sorted(
        {int(i) for i in np.linspace(max(first, track.first), min(last, track.last), LOOKS)} - {track.anchor}
    )
    stack = np.full((len(looks), height, width, 3), np.nan, np.float32)
    for layer, index in zip(stack, looks, strict=True):
        back = camera_px(scene, index, track.anchor)
        covered = np.zeros((scene.height, scene.width), np.uint8)
        patch = track.patch(index, grow=grow)
        if patch is not None:
            patch.of(covered)[:] = (patch.mask > 0.02) * np.uint8(255)
        inside = carry(255 - covered, back, roi) > 250
        layer[inside] = carry(scene.frames[index], back, roi)[inside]
    known: NDArray[np.bool_] = np.any(~np.isnan(stack[..., 0]), axis=0)
    colours = np.zeros((height, width, 3), np.uint8)
    if known.any():
        colours[known] = _nearest_to_median(stack)[known].astype(np.uint8)
    return colours, known


def _nearest_to_median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of several looks (L, h, w, 3), NaN where covered, at each place that nearest to their median: (h, w, 3).

    Not the median itself: a mean of looks that are a little off is soft and has no grain.
    """
    cv2 = opencv()
    seen = ~np.isnan(stack[..., 0])
    middle = np.maximum(seen.sum(axis=0) - 1, 0) // 2
    median = np.take_along_axis(np.sort(stack, axis=0), middle[None, ..., None], axis=0)  # NaN is sorted to the end
    away = np.where(seen, np.abs(stack - median).sum(axis=-1), 0).astype(np.float32)
    # Compared by neighbourhoods, so that a patch comes from one look and not each pixel from another.
    away = np.stack([np.where(s, cv2.blur(np.minimum(a, 300), (9, 9)), 1e4) for a, s in zip(away, seen, strict=True)])
    return np.take_along_axis(stack, away.argmin(axis=0)[None, ..., None], axis=0)[0]


def camera_px(scene: Scene, start: int, end: int) -> FloatArray:
    """The camera's motion from one frame to another: (3, 3) in full pixels."""
    up = np.diag([*scene.to_full, 1.0])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    up = np.linalg.inv(half) @ up @ half
    return up @ scene.camera_between(start, end) @ np.linalg.inv(up)


def _colours_of_its_own(scene: Scene, track: Track) -> NDArray[np.float32]:
    """How much each colour belongs to the region and not to what is around it: (8, 8, 8) float32 in [0, 1]."""
    cv2 = opencv()
    rgb = scene.small[track.anchor]
    inside = track.mask > 0.5
    near = cv2.dilate(inside.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    counts = [
        cv2.calcHist([rgb], [0, 1, 2], part.astype(np.uint8), [8] * 3, [0, 256] * 3).astype(np.float32)
        for part in (inside, near & (track.mask < 0.05))
    ]
    own, other = (_spread(c / max(float(c.sum()), 1.0)) for c in counts)
    return np.where(own > 0, own / np.maximum(own + 2 * other, 1e-9), 0).astype(np.float32)


def _spread(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Counts of colours, a part of each given to its neighbours: (8, 8, 8)."""
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        low, mid, high = (np.take(padded, range(k, k + 8), axis=axis) for k in range(3))
        counts = 0.2 * low + 0.6 * mid + 0.2 * high
    return counts


def _look_up(table: NDArray[np.float32], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The value of each pixel's colour: (h, w) float32."""
    bins = (pixels >> 5).astype(np.uint16)
    return np.take(table.ravel(), (bins[..., 0] << 6) | (bins[..., 1] << 3) | bins[..., 2])


def _mark(outside: NDArray[np.bool_], roi: Roi, other: Roi, inside: NDArray[np.bool_]) -> None:
    """Set `outside` (of `roi`) to False where `inside` (of `other`) holds."""
    x0, y0 = max(roi[0], other[0]), max(roi[1], other[1])
    x1, y1 = min(roi[2], other[2]), min(roi[3], other[3])
    if x0 < x1 and y0 < y1:
        part = inside[y0 - other[1] : y1 - other[1], x0 - other[0] : x1 - other[0]]
        outside[y0 - roi[1] : y1 - roi[1], x0 - roi[0] : x1 - roi[0]] &= ~part
