"""Object Distortion: a thing melts, swells, or ripples although nothing touches it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, pull
from dtr.traces.smooth import noise_in_time, smooth_field
from dtr.traces.track import Patch, Track


def melt(stage: Stage) -> Brush | None:
    """Outline and inside flow along a smooth field that grows and slowly turns into another one."""
    track = stage.region(area=(0.02, 0.16))
    if track is None:
        return None
    rows, cols = track.mask.shape
    cells = float(stage.rng.uniform(5, 10))
    fields = np.stack([smooth_field(rows, cols, cells, stage.rng) for _ in range(3)])
    times_s = stage.scene.times_s
    turn = noise_in_time(times_s, 0.9, 3, stage.rng)
    turn = np.abs(turn) + 0.3
    turn /= turn.sum(axis=1, keepdims=True)
    reach = track.side_px * (0.05 + 0.33 * stage.severity)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        field = np.tensordot(turn[index], fields, axes=1)
        return _warped(track, index, rgb, field * (reach * stage.amount[index]))

    return brush


def ripple(stage: Stage) -> Brush | None:
    """A wave with a short length runs through the thing, as through jelly."""
    track = stage.region(area=(0.02, 0.16))
    if track is None:
        return None
    rows, cols = track.mask.shape
    length = float(stage.rng.uniform(0.25, 0.5)) * track.side_px / track.scale[0]
    angle = float(stage.rng.uniform(0, np.pi))
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    along = (x * np.cos(angle) + y * np.sin(angle)) / length
    uneven = 0.6 * smooth_field(rows, cols, 6, stage.rng, channels=1)[..., 0]
    speed = float(stage.rng.uniform(0.8, 2.0))
    reach = track.side_px * (0.02 + 0.09 * stage.severity)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        wave = np.sin(2 * np.pi * (along + uneven - speed * stage.seconds(index))).astype(np.float32)
        field = np.stack([-wave * np.sin(angle), wave * np.cos(angle)], axis=-1)
        return _warped(track, index, rgb, field * (reach * stage.amount[index]))

    return brush


def swell(stage: Stage) -> Brush | None:
    """One end of the thing grows or shrinks against the rest: a hand becomes too large, a leg too long."""
    track = stage.region(area=(0.025, 0.16))
    if track is None:
        return None
    cv2 = opencv()
    inside = np.argwhere(track.mask > 0.6)[:, ::-1].astype(np.float32)
    axis = np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][0] * stage.rng.choice([-1.0, 1.0])
    along = (inside - inside.mean(axis=0)) @ axis
    centre = inside[along >= np.quantile(along, 0.6)].mean(axis=0)
    y, x = np.mgrid[: track.mask.shape[0], : track.mask.shape[1]].astype(np.float32)
    towards = np.stack([centre[0] - x, centre[1] - y], axis=-1)
    radius = 0.5 * track.side_px / track.scale[0]
    near = np.exp(-0.5 * (np.linalg.norm(towards, axis=-1) / radius) ** 2)
    strength = float(stage.rng.choice([-0.8, 1.0])) * (0.12 + 0.75 * stage.severity)
    field = (towards * near[..., None]).astype(np.float32) * np.float32(track.scale[0])
    local = track.part((track.mask * (near > 0.2)).astype(np.float32))
    local = local.part(cv2.GaussianBlur(local.mask, (0, 0), 1.5))
    if (local.mask > 0.5).sum() < 8:
        return None
    wave = 1 + 0.25 * noise_in_time(stage.scene.times_s, 0.8, 1, stage.rng)[:, 0]

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        return _warped(local, index, rgb, field * np.float32(strength * wave[index] * stage.amount[index]))

    return brush


def _warped(track: Track, index: int, rgb: NDArray[np.uint8], field: NDArray[np.floating]) -> Stroke | None:
    """Pull the region's surroundings along a field given at the anchor frame, in full pixels of the anchor frame."""
    patch = track.patch(index, grow=1.3)
    if patch is None:
        return None
    shift = _field_at(track, index, patch, field.astype(np.float32))
    cv2 = opencv()
    soft = cv2.GaussianBlur(patch.mask, (0, 0), max(1.0, 0.06 * track.side_px))
    pixels = pull(patch.of(rgb), shift * soft[..., None])
    return Stroke(patch.roi, pixels, soft)


def _field_at(track: Track, index: int, patch: Patch, field: NDArray[np.float32]) -> NDArray[np.float32]:
    """A field of the anchor frame where the region is now: (h, w, 2), turned and scaled as the region is."""
    cv2 = opencv()
    x0, y0, x1, y1 = patch.roi
    move = track.move(index)
    up = np.diag([*track.scale, 1.0])
    matrix = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]]) @ up @ move
    carried = cv2.warpAffine(
        field, matrix[:2], (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return carried @ move[:2, :2].T.astype(np.float32)


MECHANISMS = (
    Mechanism(
        "melt",
        "Object Distortion",
        melt,
        (
            "The object {where} melts and changes its outline although nothing touches it.",
            "The shape {where} flows out of form and does not keep its structure.",
        ),
    ),
    Mechanism(
        "ripple",
        "Object Distortion",
        ripple,
        (
            "The object {where} ripples like jelly while it should be rigid.",
            "The surface {where} wobbles in waves and bends the object out of shape.",
        ),
    ),
    Mechanism(
        "swell",
        "Object Distortion",
        swell,
        (
            "A part of the object {where} grows out of proportion to the rest.",
            "One end of the object {where} changes its size on its own and looks deformed.",
        ),
        held_out=True,
    ),
)
