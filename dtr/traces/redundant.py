"""Redundant Object: a thing or a part of one is there twice, or one comes that does not belong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.boxes import box_iou
from dtr.traces.background import camera_px
from dtr.traces.cutout import Canvas, Layer, at, cut, held, lift
from dtr.traces.guest import Look, guest_from, to_and_fro
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, move_by, turn_about
from dtr.traces.scene import FloatArray
from dtr.traces.smooth import smoothstep
from dtr.traces.things import clear_region
from dtr.traces.track import Track

MIN_CONTRAST = 10.0
"""Difference (of 255) to what is there already that a second thing must have, or nobody would see it."""


def twin_copy(stage: Stage) -> Brush | None:
    """A thing is there twice, each moving: the second grows, fades in, or comes out from behind the first."""
    track = clear_region(stage, area=(0.008, 0.03 + 0.05 * stage.severity))
    if track is None:
        return None
    scene, rng = stage.scene, stage.rng
    mirrored, rides, entry = rng.random() < 0.5, rng.random() < 0.5, str(rng.choice(["grow", "fade", "slide"]))
    offset = _free_place(stage, track)
    if offset is None:
        return None
    full, opacity, amount = 0.65 + 0.35 * stage.severity, min(1.0, 0.3 + 1.1 * stage.severity), held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = amount[index]
        if come <= 0:
            return None
        size = full * (0.35 + 0.65 * come if entry == "grow" else 1.0)
        flip = np.diag([size * (-1 if mirrored else 1), size, 1.0])
        way = offset * (come if entry == "slide" else 1.0)
        start = track.centre_px(index)
        end = start + way if rides else at(camera_px(scene, track.anchor, index), track.centre_px(track.anchor)) + way
        twin = lift(scene.frames[index], track, index, move_by(*end) @ flip @ move_by(*-start))
        shown = opacity * float(smoothstep(np.asarray(come * (3 if entry != "fade" else 1))))
        own = cut(scene.frames[index], track, index) if entry == "slide" else None
        return _laid(rgb, twin, shown, behind=own)

    return brush


def extra_part(stage: Stage) -> Brush | None:
    """A limb-like part of a thing unfolds out of itself and moves along with it, a moment late."""
    track = clear_region(stage, area=(0.03, 0.13))
    limb = None if track is None else _limb(track, stage.rng)
    if track is None or limb is None:
        return None
    part, pivot, sign = limb
    scene = stage.scene
    angle = sign * float(stage.rng.uniform(0.6, 1.2)) * (0.4 + 0.6 * stage.severity)
    lag = int(stage.rng.integers(2, 9))
    opacity, amount = min(1.0, 0.3 + 1.1 * stage.severity), held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = amount[index]
        if come <= 0:
            return None
        source = int(np.clip(index - lag, track.first, index))
        hinge = at(track.move_px(track.anchor, source), pivot)
        then = track.move_px(source, index) @ turn_about(hinge, angle * come)
        shown = opacity * float(smoothstep(np.asarray(2.5 * come)))
        return _laid(rgb, lift(scene.frames[source], part, source, then), shown)

    return brush


def visitor(stage: Stage) -> Brush | None:
    """A thing of another clip comes in and stays where the camera's motion carries it."""
    donor, scene, rng = stage.donor, stage.scene, stage.rng
    guest = None if donor is None else guest_from(donor, rng)
    if donor is None or guest is None:
        return None
    side = np.sqrt((0.01 + 0.07 * stage.severity * rng.uniform(0.6, 1.0)) * scene.width * scene.height)
    size = float(side / guest.side_px)
    place = _free_spot(stage, guest, size)
    frame = scene.frames[stage.anchor]
    look = Look(donor.frames[guest.anchor], frame, size, rng)
    shown, amount = min(1.0, 0.3 + 1.1 * stage.severity), held(stage)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = amount[index]
        if come <= 0:
            return None
        source = to_and_fro(guest.first, guest.last, guest.anchor + index - stage.first)
        home = move_by(*place) @ np.diag([size, size, 1.0]) @ move_by(*-guest.centre_px(guest.anchor))
        then = camera_px(scene, stage.anchor, index) @ home @ guest.move_px(source, guest.anchor)
        layer = lift(donor.frames[source], guest, source, then, onto=(scene.width, scene.height))
        dressed = None if layer is None else replace(layer, pixels=look.on(layer.pixels, index))
        return _laid(rgb, dressed, shown * float(smoothstep(np.asarray(1.6 * come))))

    return brush


def _laid(rgb: NDArray[np.uint8], layer: Layer | None, opacity: float, behind: Layer | None = None) -> Stroke | None:
    """One layer on a frame, hidden where something is in front of it."""
    if layer is None:
        return None
    mask = layer.mask if behind is None else layer.mask * (1 - behind.mask_on(layer.roi))
    canvas = Canvas.under(rgb, layer)
    canvas.put(layer.roi, layer.pixels, mask, opacity)
    return canvas.stroke()


def _free_place(stage: Stage, track: Track) -> FloatArray | None:
    """A shift, in full pixels, to a place where a second one fits into the frame and can be seen: (2,)."""
    scene, rng = stage.scene, stage.rng
    frame = scene.frames[track.anchor]
    box = np.array(track.box(track.anchor))
    width, height = (box[2:] - box[:2]).tolist()
    picture = _picture(frame)
    for _ in range(16):
        if rng.random() < 0.6:
            shift = np.array([rng.choice([-1, 1]) * rng.uniform(0.7, 1.3) * width, rng.uniform(-0.2, 0.2) * height])
        else:
            shift = rng.uniform(0.02 - box[:2], 0.98 - box[2:]) * [1, 0.6]
        moved = box + np.tile(shift, 2)
        if _fits(moved, picture, stage.taken) and box_iou(moved[None], box[None])[0, 0] < 0.25:
            offset = shift * [scene.width, scene.height]
            twin = lift(frame, track, track.anchor, move_by(*offset))
            if twin is not None and _contrast(twin, frame) > MIN_CONTRAST:
                return offset
    return None


def _free_spot(stage: Stage, guest: Track, size: float) -> FloatArray:
    """Where the centre of a guest goes, in full pixels, off other traces where that can be had: (2,)."""
    scene = stage.scene
    x0, y0, x1, y1 = guest.box(guest.anchor)
    half = np.array([x1 - x0, y1 - y0]) * guest.size * size / 2 / [scene.width, scene.height]
    picture = _picture(scene.frames[stage.anchor])
    spot = np.array([0.5, 0.5])
    for _ in range(16):
        spot = stage.rng.uniform(np.minimum(half + 0.02, 0.5), np.maximum(0.98 - half, 0.5))
        if _fits(np.concatenate([spot - half, spot + half]), picture, stage.taken):
            break
    return spot * [scene.width, scene.height]


def _fits(box: NDArray[np.floating], picture: FloatArray, taken: tuple[Box, ...]) -> bool:
    """Whether a box lies in the picture, off all others."""
    inside = (box[:2] >= picture[:2] - 0.01).all() and (box[2:] <= picture[2:] + 0.01).all()
    return bool(inside and all(box_iou(box[None], np.array([t]))[0, 0] < 0.02 for t in taken))


def _picture(frame: NDArray[np.uint8]) -> FloatArray:
    """The frame without black bars: (4,) xyxy in [0, 1]."""
    lit = frame[::4, ::4].max(axis=-1) > 24
    rows, cols = np.flatnonzero(lit.mean(axis=1) > 0.02), np.flatnonzero(lit.mean(axis=0) > 0.02)
    if not len(rows) or not len(cols):
        return np.array([0.0, 0.0, 1.0, 1.0])
    return np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1]) / np.tile(lit.shape[::-1], 2)


def _contrast(layer: Layer, frame: NDArray[np.uint8]) -> float:
    """Mean difference between a layer and what it would cover, 0 … 255."""
    x0, y0, x1, y1 = layer.roi
    delta = np.abs(layer.pixels.astype(np.int16) - frame[y0:y1, x0:x1])[layer.mask > 0.5]
    return float(delta.mean()) if delta.size else 0.0


def _limb(track: Track, rng: np.random.Generator) -> tuple[Track, FloatArray, float] | None:
    """An elongated part that ends at the outline: its track, its hinge in full pixels, and the side it can turn to."""
    inside = np.argwhere(track.mask > 0.5)[:, ::-1].astype(np.float64)
    if len(inside) < 30:
        return None
    centre = inside.mean(axis=0)
    far = np.linalg.norm(inside - centre, axis=1)
    tips = inside[far >= np.quantile(far, 0.9)]
    best: tuple[float, Track, FloatArray, float] | None = None
    for tip in tips[rng.integers(len(tips), size=6)]:
        hinge = centre + rng.uniform(-0.1, 0.3) * (tip - centre)
        part = track.part(track.mask * _capsule(track.mask.shape, hinge, tip, float(rng.uniform(0.3, 0.5))))
        for sign in (-1.0, 1.0):
            free = _outside(part.mask, track.mask, hinge, sign)
            if (part.mask > 0.5).sum() >= 12 and (best is None or free > best[0]):
                best = free, part, hinge, sign
    if best is None or best[0] < 0.2:
        return None
    _, part, hinge, sign = best
    return part, (hinge + 0.5) * track.scale - 0.5, sign


def _capsule(shape: tuple[int, ...], hinge: FloatArray, tip: FloatArray, width: float) -> NDArray[np.float32]:
    """A strip from a hinge past a tip, soft at the hinge; `width` = half of it, of its length: (h, w) in [0, 1]."""
    length = max(float(np.linalg.norm(tip - hinge)), 1.0)
    along_way = (tip - hinge) / length
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    along = (x - hinge[0]) * along_way[0] + (y - hinge[1]) * along_way[1]
    across = np.abs((y - hinge[1]) * along_way[0] - (x - hinge[0]) * along_way[1])
    return (smoothstep(2.5 * along / length) * smoothstep((width * length - across) / 2 + 0.5)).astype(np.float32)


def _outside(part: NDArray[np.float32], whole: NDArray[np.float32], hinge: FloatArray, sign: float) -> float:
    """Share of a part that would lie outside of the whole if it were turned."""
    turned = opencv().warpAffine(part, turn_about(hinge, 0.8 * sign)[:2], (part.shape[1], part.shape[0]))
    return float((turned * (1 - whole)).sum() / max(turned.sum(), 1e-6))


MECHANISMS = (
    Mechanism(
        "twin_copy",
        "Redundant Object",
        twin_copy,
        (
            "A second copy of an object appears {where} although there was only one.",
            "An extra object that looks like one already there comes up {where}.",
        ),
        rise=(0.1, 0.5),
        source="a generator repeats a person or a thing that it has drawn once",
    ),
    Mechanism(
        "extra_part",
        "Redundant Object",
        extra_part,
        (
            "An additional part, like a third arm, grows out of the object {where}.",
            "The object {where} suddenly has one limb too many, which moves along with it.",
        ),
        source="extra arms, legs and fingers",
    ),
    Mechanism(
        "visitor",
        "Redundant Object",
        visitor,
        (
            "An object that does not belong to the scene appears {where}.",
            "Something that was not there before comes up {where} out of nothing.",
        ),
        held_out=True,
        rise=(0.05, 0.4),
        source="a generator invents a thing in the middle of a shot",
    ),
)
