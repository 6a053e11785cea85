"""Background Distortion: what lies behind bends, swims or leans, while the things that move before it do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.cutout import held
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, pull
from dtr.traces.regions import interest
from dtr.traces.scene import Scene
from dtr.traces.smooth import noise_in_time, smooth_field, smoothstep
from dtr.traces.track import Track, follow

FloatMap = NDArray[np.float32]

SLOW = 0.25
"""Motion against the background, in small pixels a frame, that flow shows where there is none."""

PLAIN = 2.5
"""Mean fine structure (of 255) below which nobody would see a background bend: clear sky, a bare wall."""

MOST_SUBJECT = 0.6
"""Share of the frame above which what differs from its border is no subject: the picture is all background."""

LOOK_EVERY = 4
"""Frames between two looks at what moves before the background; in between it is interpolated."""


@dataclass(frozen=True)
class Backdrop:
    """A large part of the background, riding on its own motion.

    Attributes:
        track: of the part; its mask is soft.
        looks: frames at which `movers` were found, increasing.
        movers: (len(looks), h, w) float32 in [0, 1], small size: what moves before the background there.
    """

    track: Track
    looks: NDArray[np.int64]
    movers: FloatMap

    def mover(self, index: int) -> FloatMap:
        """What moves before the background at a frame: (h, w) float32 in [0, 1], small size."""
        after = int(np.searchsorted(self.looks, index))
        if after == 0 or after == len(self.looks):
            return self.movers[min(after, len(self.looks) - 1)]
        share = np.float32((index - self.looks[after - 1]) / (self.looks[after] - self.looks[after - 1]))
        return self.movers[after - 1] * (1 - share) + self.movers[after] * share


def bend(stage: Stage) -> Brush | None:
    """Walls, floors and horizons bow along a field without detail that grows and slowly drifts."""
    reach = min(stage.scene.height, stage.scene.width) * (0.015 + 0.12 * stage.severity)
    fields = _fields(stage.scene, float(stage.rng.uniform(1.8, 3.2)), 3, stage.rng)
    turn = 0.35 + np.abs(noise_in_time(stage.scene.times_s, 1.6, 3, stage.rng))
    turn /= np.linalg.norm(turn, axis=1, keepdims=True)
    return _pulled(stage, reach, lambda index: np.tensordot(turn[index].astype(np.float32), fields, axes=1))


def swim(stage: Stage) -> Brush | None:
    """Texture crawls and boils: many small bends that change many times a second, so that straight lines wobble."""
    reach = min(stage.scene.height, stage.scene.width) * (0.004 + 0.022 * stage.severity)
    fields = _fields(stage.scene, float(stage.rng.uniform(9, 16)), 5, stage.rng)
    turn = noise_in_time(stage.scene.times_s, float(stage.rng.uniform(0.16, 0.32)), 5, stage.rng)
    turn /= np.maximum(np.linalg.norm(turn, axis=1, keepdims=True), 0.5)
    return _pulled(stage, reach, lambda index: np.tensordot(turn[index].astype(np.float32), fields, axes=1))


def shear(stage: Stage) -> Brush | None:
    """All that lies beyond a line leans over or is drawn out, as if the perspective there were another one."""
    scene = stage.scene
    reach = min(scene.height, scene.width) * (0.03 + 0.17 * stage.severity)
    backdrop = _backdrop(stage, reach)
    if backdrop is None:
        return None
    angle = float(stage.rng.choice([0, 0.5, 1, 1.5]) * np.pi + stage.rng.uniform(-0.25, 0.25))
    normal = np.array([np.cos(angle), np.sin(angle)], np.float32)
    along = np.array([-normal[1], normal[0]], np.float32) * stage.rng.choice([-1.0, 1.0])
    lean = float(stage.rng.uniform(0.4, 1.0))
    rows, cols = np.mgrid[: scene.small_height, : scene.small_width].astype(np.float32)
    radius = np.sqrt((backdrop.track.mask > 0.5).sum())
    beyond = ((cols - backdrop.track.centre[0]) * normal[0] + (rows - backdrop.track.centre[1]) * normal[1]) / radius
    ramp = np.sqrt(np.maximum(beyond + 0.4, 0) ** 2 + 0.01).astype(np.float32) - np.float32(0.1)
    # Drawn out = colours come from nearer the line; the other way round there would be nothing to take at the edge.
    field = ramp[..., None] * (lean * along - (1 - 0.6 * lean) * normal).astype(np.float32)
    return _pulled(stage, reach, lambda _: field, backdrop)


def _pulled(
    stage: Stage, reach: float, field: Callable[[int], FloatMap], backdrop: Backdrop | None = None
) -> Brush | None:
    """A brush that pulls a part of the background along a field.

    Args:
        stage: of the trace. reach: full pixels for a field of length 1.
        field: frame → (h, w, 2) at the anchor frame's small size. backdrop: the part; None = one is chosen.
    """
    backdrop = backdrop or _backdrop(stage, reach)
    if backdrop is None:
        return None
    track, (width, height) = backdrop.track, backdrop.track.size
    amount = held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        patch = track.patch(index)
        if patch is None or amount[index] <= 0:
            return None
        patch = patch.padded(reach, track.size)
        x0, y0, x1, y1 = patch.roi
        movers = opencv().resize(backdrop.mover(index), (width, height), interpolation=opencv().INTER_LINEAR)
        weight = patch.mask * np.clip(1 - movers[y0:y1, x0:x1], 0, 1)
        shift = track.carried(field(index), index, patch.roi) * weight[..., None]
        shift *= np.float32(reach * amount[index])
        return Stroke(patch.roi, pull(patch.of(rgb), _kept_inside(shift, reach)), weight)

    return brush


def _kept_inside(shift: FloatMap, reach: float) -> FloatMap:
    """A field that takes nothing from beyond its rectangle: it fades across the edges, not along them."""
    for axis, size in enumerate((shift.shape[1], shift.shape[0])):
        room = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32) / np.float32(reach)
        fade = np.minimum(1, room)
        shift[..., axis] *= fade if axis == 0 else fade[:, None]
    return shift


def _fields(scene: Scene, cells: float, count: int, rng: np.random.Generator) -> FloatMap:
    """Independent smooth fields: (count, h, w, 2), small size."""
    return np.stack([smooth_field(scene.small_height, scene.small_width, cells, rng) for _ in range(count)])


def _backdrop(stage: Stage, reach: float) -> Backdrop | None:
    """A large part of the background that has structure; None = it is lost early, or too little of it is free."""
    scene, anchor = stage.scene, stage.anchor
    mask = _large_part(stage)
    track = None if mask is None else follow(scene, anchor, mask, stage.first, stage.last)
    if mask is None or track is None or track.last - track.first < 0.7 * (stage.last - stage.first):
        return None
    looks = np.unique(np.append(np.arange(track.first, track.last + 1, LOOK_EVERY), track.last))
    backdrop = Backdrop(track, looks, np.stack([_movers(scene, track, int(i), reach) for i in looks]))
    left = mask * (1 - backdrop.mover(anchor))
    return backdrop if left.sum() >= 0.4 * mask.sum() else None


def _large_part(stage: Stage) -> FloatMap | None:
    """A soft blob over a tenth to half of the anchor frame, drawn to where the background has structure."""
    scene, rng = stage.scene, stage.rng
    height, width = scene.small_height, scene.small_width
    free = 1 - _subject(scene, stage.anchor, rng)
    for x0, y0, x1, y1 in stage.taken:
        free[int(y0 * height) : int(np.ceil(y1 * height)), int(x0 * width) : int(np.ceil(x1 * width))] = 0
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    outwards = np.maximum(np.abs(2 * rows / height - 1), np.abs(2 * cols / width - 1))
    chance = ((interest(scene, stage.anchor, "static") + 0.02) * outwards * free).astype(np.float64)
    if chance.sum() <= 0:
        return None
    row, col = divmod(int(rng.choice(chance.size, p=(chance / chance.sum()).ravel())), width)
    share = float(np.exp(rng.uniform(np.log(0.15), np.log(0.6))))
    stretch = float(np.exp(rng.uniform(-0.4, 0.4)))
    radius = np.sqrt(share * height * width / np.pi)
    distance = np.hypot((cols - col) / (radius * stretch), (rows - row) * stretch / radius)
    distance += 0.25 * smooth_field(height, width, 4, rng, channels=1)[..., 0]
    mask = smoothstep(((1.3 - distance) / 0.7).astype(np.float64)) * opencv().GaussianBlur(free, (0, 0), 3)
    grey = scene.grey[stage.anchor].astype(np.float32)
    structure = np.abs(grey - opencv().GaussianBlur(grey, (0, 0), 4))[mask > 0.5]
    if structure.size < 0.05 * mask.size or structure.mean() < PLAIN:
        return None
    return mask.astype(np.float32)


def _subject(scene: Scene, index: int, rng: np.random.Generator) -> FloatMap:
    """What differs in colour from the frame's border, as a rule the clip's subject, moving or not: 0 or 1, (h, w)."""
    cv2 = opencv()
    small = scene.small[index]
    height, width = small.shape[:2]
    half = cv2.resize(small, (max(16, width // 2), max(16, height // 2)), interpolation=cv2.INTER_AREA)
    labels = np.zeros(half.shape[:2], np.uint8)
    if half.std() <= 1:
        return np.zeros((height, width), np.float32)
    rows, cols = half.shape[:2]
    inner = (cols // 7, rows // 9, cols - 2 * (cols // 7), rows - rows // 9)
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    cv2.grabCut(half, labels, inner, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_RECT)
    found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.dilate(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.ones((5, 5), np.uint8))
    if found.mean() > MOST_SUBJECT:
        found[:] = 0
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.float32)


def _movers(scene: Scene, track: Track, index: int, reach: float) -> FloatMap:
    """What moves against the background around a frame, with room for the pull: (h, w) in [0, 1], small size."""
    cv2 = opencv()
    height, width = scene.small_height, scene.small_width
    points = np.stack(np.meshgrid(np.arange(0, width, 2), np.arange(0, height, 2)), axis=-1).astype(np.float32)
    speed = np.zeros(points.shape[:2], np.float32)
    pairs = sorted({int(np.clip(i, track.first, track.last - 1)) for i in (index - 2, index, index + 1)})
    for pair in pairs:
        step = (track.move(pair + 1) @ np.linalg.inv(track.move(pair)) - np.eye(3)).astype(np.float32)
        along = points @ step[:2, :2].T + step[:2, 2]
        speed += np.linalg.norm(scene.flow(pair)[::2, ::2] - along, axis=-1) / len(pairs)
    speed = cv2.resize(cv2.GaussianBlur(speed, (0, 0), 1.5), (width, height), interpolation=cv2.INTER_LINEAR)
    # Depth alone makes the parts of a background move apart: what moves must do so faster than that.
    low = SLOW + 1.5 * float(np.quantile(speed[_inside(track, index, speed.shape)], 0.35))
    moving = smoothstep(((speed - low) / low).astype(np.float64)).astype(np.float32)
    side = 2 * max(2, round(0.4 * reach * scene.scale)) + 1
    grown = cv2.dilate(moving, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return cv2.GaussianBlur(grown, (0, 0), side / 3)


def _inside(track: Track, index: int, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of a part's places on a frame, every few, small size; those beyond the frame are at its edge."""
    rows, cols = np.nonzero(track.mask > 0.5)
    points = np.stack([cols[::7], rows[::7]], axis=1).astype(np.float64)
    there = np.rint(points @ track.move(index)[:2, :2].T + track.move(index)[:2, 2]).astype(np.int64)
    return np.clip(there[:, 1], 0, shape[0] - 1), np.clip(there[:, 0], 0, shape[1] - 1)


MECHANISMS = (
    Mechanism(
        "bend",
        "Background Distortion",
        bend,
        (
            "The background {where} bends and bows although it should be rigid.",
            "Straight parts of the background {where} warp slowly out of shape.",
        ),
        rise=(0.3, 0.9),
    ),
    Mechanism(
        "swim",
        "Background Distortion",
        swim,
        (
            "The background {where} swims and ripples as if under water.",
            "The texture of the background {where} crawls and does not hold still.",
        ),
        rise=(0.1, 0.4),
    ),
    Mechanism(
        "shear",
        "Background Distortion",
        shear,
        (
            "The background {where} leans over as if its perspective were wrong.",
            "A part of the background {where} is drawn out of proportion to the rest.",
        ),
        held_out=True,
        rise=(0.3, 0.9),
    ),
)
