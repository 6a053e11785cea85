"""Things cut out of a frame along their own edges and laid down elsewhere, as sharp as they were."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import Plate
from dtr.traces.mechanism import Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, blend, carry, grain_of, move_by
from dtr.traces.scene import FloatArray, Roi
from dtr.traces.smooth import smoothstep
from dtr.traces.track import Track

FADE_FRAMES = 5
"""Frames in which a trace goes when the thing it rides on is lost before the trace is over."""

EDGE_PX = 1.2
"""How softly a cut-out thing ends, in pixels: a lens and a codec leave no harder edge, and a probe finds one."""

DETAIL_GAIN = (0.6, 1.6)
"""How far the detail of a moved picture is weakened or strengthened to be what it was."""


@dataclass(frozen=True)
class Layer:
    """A picture with a soft outline, somewhere on a frame.

    Attributes:
        roi: (x0, y0, x1, y1) whole pixels of the frame.
        pixels: (h, w, 3) uint8. mask: (h, w) float32 in [0, 1].
    """

    roi: Roi
    pixels: NDArray[np.uint8]
    mask: NDArray[np.float32]

    def mask_on(self, roi: Roi) -> NDArray[np.float32]:
        """The mask on another rectangle; 0 beyond its own."""
        return _recut(self.mask, self.roi, roi)


class Canvas:
    """The part of a frame that layers are put on, one above the other.

    Args:
        rgb: (H, W, 3) uint8 frame; not changed.
        rois: rectangles that will be painted on; None = of a thing that is out of the frame.
    """

    def __init__(self, rgb: NDArray[np.uint8], *rois: Roi | None) -> None:
        known = np.array([r for r in rois if r is not None] or [(0, 0, 1, 1)])
        low, high = known[:, :2].min(axis=0), known[:, 2:].max(axis=0)
        self.roi: Roi = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        x0, y0, x1, y1 = self.roi
        self.pixels = rgb[y0:y1, x0:x1].copy()
        self.support = np.zeros(self.pixels.shape[:2], np.float32)

    @classmethod
    def under(cls, rgb: NDArray[np.uint8], *layers: Layer | None) -> Canvas:
        """The part of a frame on which layers lie; None = a layer that is out of the frame."""
        return cls(rgb, *(layer.roi for layer in layers if layer is not None))

    def put(self, roi: Roi, pixels: NDArray[np.uint8], mask: NDArray[np.floating], opacity: float = 1.0) -> None:
        """Lay a picture down; where it is counts as changed, however faint it is."""
        x0, y0 = roi[0] - self.roi[0], roi[1] - self.roi[1]
        place = slice(y0, y0 + mask.shape[0]), slice(x0, x0 + mask.shape[1])
        self.pixels[place] = blend(self.pixels[place], pixels, mask * np.float32(opacity))
        if opacity > 0:
            self.support[place] = np.maximum(self.support[place], mask)

    def stroke(self) -> Stroke | None:
        """What was painted; None = nothing."""
        return Stroke(self.roi, self.pixels, self.support) if self.support.any() else None


def cut(frame: NDArray[np.uint8], track: Track, index: int) -> Layer | None:
    """A followed thing where it is, along its edges; None = it is outside the frame.

    Args:
        frame: (H, W, 3) uint8: frame `index` of the track's shot. track: the thing. index: of the frame.
    """
    patch = track.patch(index)
    if patch is None:
        return None
    own = patch.of(frame)
    return Layer(patch.roi, own, matte(own, patch.mask, max(2, round(2 * max(track.scale)))))


def lift(
    frame: NDArray[np.uint8], track: Track, index: int, then: FloatArray, onto: tuple[int, int] | None = None
) -> Layer | None:
    """A followed thing, cut out of a frame and moved.

    Args:
        frame: (H, W, 3) uint8: frame `index` of the track's shot.
        track: the thing. index: of the frame.
        then: (3, 3) affine motion in full pixels.
        onto: (width, height) of the frame that it is put on; None = as large as its own.

    Returns:
        The moved thing with as much fine detail as it had; None = it is, or comes to lie, outside the frame.
    """
    here = cut(frame, track, index)
    there = (replace(track, size=onto) if onto else track).patch(index, then=then)
    if here is None or there is None:
        return None
    matrix = move_by(-there.roi[0], -there.roi[1]) @ then @ move_by(here.roi[0], here.roi[1])
    mask = opencv().warpAffine(here.mask, matrix[:2], (there.mask.shape[1], there.mask.shape[0]))
    pixels = carry(frame, then, there.roi)
    return Layer(there.roi, with_detail(pixels, grain_of(here.pixels) / max(grain_of(pixels), 0.1)), mask)


def matte(pixels: NDArray[np.uint8], mask: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """A coarse mask drawn to the edges of the picture, a little inside of them, so that no rim comes along.

    Args:
        pixels: (h, w, 3) uint8. mask: (h, w) in [0, 1]. radius: how far off its edge may be, in pixels.

    Returns:
        (h, w) float32 in [0, 1].

    Source: He, Sun, Tang, Guided Image Filtering, 2013: a local linear model of the mask in the grey value.
    """
    cv2 = opencv()
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.blur(values, window)

    grey_mean, mask_mean = mean(grey), mean(mask)
    slope = (mean(grey * mask) - grey_mean * mask_mean) / (mean(grey * grey) - grey_mean**2 + 1e-3)
    fitted = mean(slope) * grey + mean(mask_mean - slope * grey_mean)
    drawn = (smoothstep((fitted - 0.2) / 0.6) * np.minimum(1.0, mask * 4)).astype(np.float32)
    return np.minimum(cv2.GaussianBlur(drawn, (0, 0), EDGE_PX), 1)


def with_detail(pixels: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    """The finest detail of a picture made stronger or weaker, within `DETAIL_GAIN`.

    Args:
        pixels: (h, w, 3) uint8. gain: factor.

    Example:
        >>> with_detail(np.full((4, 4, 3), 90, np.uint8), 1.5).max()
        np.uint8(90)
    """
    gain = float(np.clip(gain, *DETAIL_GAIN))
    if abs(gain - 1) < 0.03:
        return pixels
    cv2 = opencv()
    return cv2.addWeighted(pixels, gain, cv2.GaussianBlur(pixels, (0, 0), 1.0), 1 - gain, 0)


def held(stage: Stage, *tracks: Track) -> FloatArray:
    """How far a trace has come, (N,) in [0, 1]: fades to 0 where one of the things it rides on is not followed."""
    frames = np.arange(stage.scene.num_frames)
    amount = np.asarray(stage.amount, dtype=np.float64).copy()
    for track in tracks:
        if track.first > stage.first:
            amount *= smoothstep((frames - track.first + 1) / FADE_FRAMES)
        if track.last < stage.last:
            amount *= smoothstep((track.last + 1 - frames) / FADE_FRAMES)
    return amount


def gone(
    rgb: NDArray[np.uint8],
    plate: Plate,
    index: int,
    come: float,
    only: Track | None = None,
    but: Track | None = None,
) -> Layer | None:
    """What is seen in place of a thing that leaves, faint while it has hardly moved.

    Args:
        rgb: (H, W, 3) uint8 frame. plate: behind the thing. index: of the frame.
        come: how far the trace has come, [0, 1].
        only: the part that leaves, or that stays close by and hides what sticks out of its mask; None = all of the
            thing, with what sticks out. but: the part that stays.

    Returns:
        Its mask reaches a little over the thing's edge; None = the thing is outside the frame.
    """
    patch = plate.cover(index) if only is None else only.patch(index, grow=1.12)
    if patch is None:
        return None
    mask = (patch.mask if only is None else np.minimum(1.0, 2 * patch.mask)) * smoothstep(np.asarray(4 * come))
    stays = None if but is None else cut(rgb, but, index)
    if stays is not None:
        mask = mask * (1 - stays.mask_on(patch.roi))
    return Layer(patch.roi, plate.at(index, patch.roi), mask.astype(np.float32))


def as_there(track: Track, index: int, move: FloatArray) -> FloatArray:
    """A motion given at the anchor frame, as the thing sees it on another frame: (3, 3) full pixels."""
    return track.move_px(track.anchor, index) @ move @ track.move_px(index, track.anchor)


def at(move: FloatArray, point: FloatArray) -> FloatArray:
    """A point after a motion: (2,).

    Example:
        >>> at(move_by(2, 3), np.array([1.0, 1.0])).tolist()
        [3.0, 4.0]
    """
    return move[:2, :2] @ point + move[:2, 2]


def _recut(values: NDArray[np.float32], roi: Roi, other: Roi) -> NDArray[np.float32]:
    """Values of one rectangle on another one; 0 where they do not meet."""
    out = np.zeros((other[3] - other[1], other[2] - other[0]), np.float32)
    x0, y0 = max(roi[0], other[0]), max(roi[1], other[1])
    x1, y1 = min(roi[2], other[2]), min(roi[3], other[3])
    if x0 < x1 and y0 < y1:
        part = values[y0 - roi[1] : y1 - roi[1], x0 - roi[0] : x1 - roi[0]]
        out[y0 - other[1] : y1 - other[1], x0 - other[0] : x1 - other[0]] = part
    return out
