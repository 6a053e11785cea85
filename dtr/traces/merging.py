"""Object Merging: two things that are near each other become one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import Plate
from dtr.traces.cutout import Canvas, Layer, as_there, cut, gone, held, lift, with_detail
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, blend, grain_of, move_by, pull, turn_about
from dtr.traces.regions import largest_part
from dtr.traces.scene import FloatArray, Roi
from dtr.traces.smooth import noise_in_time, smooth_field, smoothstep
from dtr.traces.things import clear_region
from dtr.traces.track import Track

LONGEST = 2.4
"""Factor by which a thing is stretched at most."""


def fuse(stage: Stage) -> Brush | None:
    """Two neighbours stretch towards each other, and where they meet one dissolves into the other."""
    pair = _neighbours(stage, (0.014, 0.09))
    if pair is None:
        return None
    one, two = pair
    axis = _axis(one, two)
    amount, reach = held(stage, one, two), 0.08 + 0.92 * stage.severity**1.3

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index] * reach)
        if come <= 0:
            return None
        first = _reaching(rgb, one, index, axis, come)
        second = _reaching(rgb, two, index, axis.turned(), come)
        if first is None or second is None:
            return None
        canvas = Canvas.under(rgb, first, second)
        shown = float(smoothstep(np.asarray(6 * amount[index])))
        canvas.put(first.roi, first.pixels, first.mask, shown)
        share = axis.share(second.roi, one.move_px(index, one.anchor), come)
        canvas.put(second.roi, second.pixels, second.mask * (1 - share * first.mask_on(second.roi)), shown)
        return canvas.stroke()

    return brush


def absorb(stage: Stage) -> Brush | None:
    """The smaller of two neighbours slides into the larger one and vanishes inside of it."""
    pair = _neighbours(stage, (0.008, 0.07))
    if pair is None:
        return None
    small, large = sorted(pair, key=lambda t: t.side_px)
    scene, amount = stage.scene, held(stage, *pair)
    plate = Plate(scene, small, grow=1.15)
    far = max(0.06, stage.severity**1.5)
    shrink = float(stage.rng.uniform(0.2, 0.5)) * stage.severity

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index])
        body = cut(rgb, large, index)
        if come <= 0 or body is None:
            return None
        start = small.centre_px(index)
        way = (large.centre_px(index) - start) * far * come
        layer = lift(rgb, small, index, move_by(*way) @ turn_about(start, 0.0, 1 - shrink * come))
        hole = gone(rgb, plate, index, come * min(1.0, 2 * far))
        canvas = Canvas.under(rgb, hole, layer)
        if hole is not None:
            canvas.put(hole.roi, hole.pixels, hole.mask * (1 - body.mask_on(hole.roi)))
        if layer is not None:
            sunk = body.mask_on(layer.roi) * float(smoothstep(np.asarray(1.4 * come - 0.2)))
            left = 1 - stage.severity * float(smoothstep(np.asarray((come - 0.5) * 2)))
            canvas.put(layer.roi, layer.pixels, layer.mask * (1 - sunk * stage.severity), left * min(1.0, 8 * come))
        return canvas.stroke()

    return brush


def bleed(stage: Stage) -> Brush | None:
    """The border between a thing and what it touches dissolves: each flows into the other, along a growing stretch."""
    track = clear_region(stage, area=(0.015, 0.07))
    if track is None:
        return None
    scene, rng = stage.scene, stage.rng
    amount = held(stage, track)
    outward, near, turn = _border(track, 0.12 + 0.14 * stage.severity)
    turn = np.abs((turn - rng.uniform(-np.pi, np.pi) + np.pi) % (2 * np.pi) - np.pi)
    height, width = track.mask.shape
    tongues = smooth_field(height, width, float(rng.uniform(14, 22)), rng, channels=3)
    sway = noise_in_time(scene.times_s, 0.7, 3, rng)
    reach = track.side_px * (0.05 + 0.2 * stage.severity)
    widest = np.pi * (0.35 + 0.65 * stage.severity)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index])
        patch = track.patch(index, grow=1.8)
        if come <= 0 or patch is None:
            return None
        front = near * smoothstep((widest * come - turn) / 0.5 + 0.5) * min(1.0, 2 * come)
        which = smoothstep((tongues @ sway[index] + 0.5 * sway[index].sum()) / 1.6 + 0.5)
        field = np.concatenate([outward * (reach * front)[..., None], np.stack([which, front], axis=-1)], axis=-1)
        here = track.carried(field.astype(np.float32), index, patch.roi)
        shift = here[..., :2] @ track.move(index)[:2, :2].T.astype(np.float32)
        own = patch.of(rgb)
        mixed = blend(pull(own, shift), pull(own, -shift), here[..., 2])
        weight = np.minimum(1.0, 3 * here[..., 3])
        kept = with_detail(mixed, grain_of(own) / max(grain_of(mixed), 0.1))
        return Stroke(patch.roi, blend(own, kept, weight), weight)

    return brush


@dataclass(frozen=True)
class _Axis:
    """The line from one thing to another at their anchor frame, in full pixels.

    Attributes:
        origin: (2,) centre of the first. along: (2,) unit vector to the second.
        own: far and near end of the first along the line, from the origin. other: near and far end of the second.
    """

    origin: FloatArray
    along: FloatArray
    own: tuple[float, float]
    other: tuple[float, float]

    def end(self, come: float) -> float:
        """How far the first reaches once it is stretched."""
        far, near = self.own
        inside = self.other[0] + 0.7 * (self.other[1] - self.other[0])
        wanted = near + come * (max(inside, near + 0.5 * (near - far)) - near)
        return min(wanted, far + LONGEST * (near - far))

    def stretch(self, come: float) -> FloatArray:
        """The first stretched towards the second; its far end stays: (3, 3)."""
        far, near = self.own
        factor = (self.end(come) - far) / max(near - far, 1.0)
        matrix = np.eye(3)
        matrix[:2, :2] += (factor - 1) * np.outer(self.along, self.along)
        still = self.origin + far * self.along
        matrix[:2, 2] = still - matrix[:2, :2] @ still
        return matrix

    def turned(self) -> _Axis:
        """The same line from the second thing to the first, from the same origin."""
        return _Axis(self.origin, -self.along, (-self.other[1], -self.other[0]), (-self.own[1], -self.own[0]))

    def places(self, roi: Roi, to_anchor: FloatArray) -> NDArray[np.float32]:
        """How far along the line each pixel of a rectangle lies, from the origin: (h, w) full pixels of the anchor."""
        y, x = np.mgrid[roi[1] : roi[3], roi[0] : roi[2]].astype(np.float32)
        slope = self.along @ to_anchor[:2, :2]
        return (slope[0] * x + slope[1] * y + self.along @ (to_anchor[:2, 2] - self.origin)).astype(np.float32)

    def share(self, roi: Roi, to_anchor: FloatArray, come: float) -> NDArray[np.float32]:
        """How much a place belongs to the first: 1 on its side, 0 on the other, soft where both are: (h, w)."""
        low, high = -self.turned().end(come), self.end(come)
        middle, half = (low + high) / 2, max(high - low, 6.0) / 2
        behind = (self.places(roi, to_anchor).astype(np.float64) - middle + half) / (2 * half)
        return (1 - smoothstep(behind)).astype(np.float32)


def _reaching(rgb: NDArray[np.uint8], track: Track, index: int, axis: _Axis, come: float) -> Layer | None:
    """The first thing of an axis, drawn out towards the second; more so the nearer to it, its far end not at all."""
    own = cut(rgb, track, index)
    there = track.patch(index, then=as_there(track, index, axis.stretch(come)))
    if own is None or there is None:
        return None
    far, near = axis.own
    length = max(near - far, 1.0)
    bend = max((axis.end(come) - near) / length, 1e-3)
    after = (axis.places(there.roi, track.move_px(index, track.anchor)) - far) / length
    # Drawn out by bend · t², t = 0 at the far end and 1 at the near one; here, which t has come to a place.
    before = np.where(after > 0, (np.sqrt(1 + 4 * bend * np.maximum(after, 0)) - 1) / (2 * bend), after)
    along = track.move_px(track.anchor, index)[:2, :2] @ axis.along * length
    y, x = np.mgrid[there.roi[1] : there.roi[3], there.roi[0] : there.roi[2]].astype(np.float32)
    x, y = ((v + (before - after) * a).astype(np.float32) for v, a in zip((x, y), along, strict=True))
    cv2 = opencv()
    pixels = cv2.remap(rgb, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    mask = cv2.remap(own.mask, x - own.roi[0], y - own.roi[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return Layer(there.roi, with_detail(pixels, grain_of(own.pixels) / max(grain_of(pixels), 0.1)), mask)


def _axis(one: Track, two: Track) -> _Axis:
    origin = one.centre_px(one.anchor)
    way = two.centre_px(two.anchor) - origin
    along = way / max(float(np.linalg.norm(way)), 1e-6)
    ends = []
    for track in (one, two):
        inside = np.argwhere(track.mask > 0.5)[:, ::-1] * track.scale - origin
        low, high = np.quantile(inside @ along, [0.02, 0.98])
        ends.append((float(low), float(high)))
    return _Axis(origin, along, *ends)


def _neighbours(stage: Stage, area: tuple[float, float]) -> tuple[Track, Track] | None:
    """Two things that nearly touch; None = there are none."""
    one = clear_region(stage, area=area)
    if one is None:
        return None
    cv2 = opencv()
    side = float(np.sqrt((one.mask > 0.5).sum()))
    away = cv2.distanceTransform((one.mask < 0.3).astype(np.uint8), cv2.DIST_L2, 3)
    near = ((away > 1) * np.exp(-0.5 * (away / (0.5 * side)) ** 2)).astype(np.float32)
    for _ in range(3):
        two = clear_region(stage, area=area, near=near)
        if two is not None and (rest := _beside(two.mask, away, side)) is not None:
            return one, two.part(rest)
    return None


def _beside(mask: NDArray[np.float32], away: NDArray[np.float32], side: float) -> NDArray[np.float32] | None:
    """What of a region lies outside another one, of size `side`; None = little of it does, or it lies far off."""
    inside = (mask > 0.5).astype(np.uint8)
    rest = largest_part(inside * (away > 1))
    if rest.sum() < max(12, 0.3 * inside.sum()) or away[rest > 0].min() > 0.8 * side:
        return None
    return np.minimum(opencv().GaussianBlur(rest.astype(np.float32), (0, 0), 1.2), mask)


def _border(track: Track, width: float) -> tuple[NDArray[np.float32], NDArray[np.float32], FloatArray]:
    """Around the outline, at the small size: unit vectors outwards, nearness in [0, 1], direction from the centre.

    Args:
        track: of the thing. width: of the band, of the thing's size.
    """
    cv2 = opencv()
    inside = (track.mask > 0.5).astype(np.uint8)
    side = float(np.sqrt(inside.sum()))
    signed = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    smooth = cv2.GaussianBlur(signed, (0, 0), max(1.0, 0.1 * side))
    outward = -np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)], axis=-1)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True) + 1e-3
    near = np.exp(-0.5 * (signed / (width * side)) ** 2).astype(np.float32)
    y, x = np.mgrid[: inside.shape[0], : inside.shape[1]]
    return outward, np.maximum(near - 0.05, 0), np.arctan2(y - track.centre[1], x - track.centre[0])


MECHANISMS = (
    Mechanism(
        "fuse",
        "Object Merging",
        fuse,
        (
            "Two objects {where} stretch towards each other and grow together.",
            "The objects {where} melt into a single one where they should stay apart.",
        ),
        source="hands, bodies and things that grow together where they come close",
    ),
    Mechanism(
        "absorb",
        "Object Merging",
        absorb,
        (
            "An object {where} slides into its neighbour and vanishes inside of it.",
            "One object {where} is swallowed by another, so that two become one.",
        ),
        source="a thing that passes another one and never comes out of it again",
    ),
    Mechanism(
        "bleed",
        "Object Merging",
        bleed,
        (
            "The border between two objects {where} dissolves and they run into each other.",
            "The object {where} bleeds into what it touches, as if both were one.",
        ),
        held_out=True,
        source="outlines that are lost between things of unlike texture",
    ),
)
