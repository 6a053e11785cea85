"""Sudden Blurring: a thing loses its detail, smears into doubles of itself, or gets detail that is not its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.cutout import held
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, blend, move_by, pull
from dtr.traces.smooth import noise_in_time, smooth_field
from dtr.traces.things import clear_region
from dtr.traces.track import Patch, Track

COPIES = 6
"""Doubles that a ghost is made of."""

PLACES = 12
"""Places of a frame that are looked at for detail to swap in."""


def defocus(stage: Stage) -> Brush | None:
    """Detail fades: fine structure is flattened, then what is left gets soft; grain goes with it."""
    track = clear_region(stage, area=(0.02, 0.16))
    if track is None:
        return None
    cv2, amount = opencv(), held(stage, track)
    rows, cols = track.mask.shape
    uneven = 1 + 0.35 * smooth_field(rows, cols, 8, stage.rng, channels=1)[..., 0]
    lossy = track.part(np.clip(track.mask * uneven, 0, 1).astype(np.float32))
    width = track.side_px * (0.002 + 0.052 * stage.severity**1.3)
    flat = 3 if width < 2 else 5 if width < 5 else 7
    keeps_outline = stage.rng.random() < 0.65
    pulse = 1 + 0.2 * noise_in_time(stage.scene.times_s, 0.5, 1, stage.rng)[:, 0]

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        patch = _feathered(lossy, index, 2 * width)
        if patch is None or amount[index] <= 0:
            return None
        below = patch.of(rgb)
        sigma = max(0.3, width * pulse[index] * amount[index])
        smeared = cv2.medianBlur(np.ascontiguousarray(below), flat)
        if keeps_outline:  # nothing flows over the outline: a ball stays round but loses its pattern
            inside = np.maximum(patch.mask, 1e-3)
            smeared = cv2.GaussianBlur(smeared * inside[..., None], (0, 0), sigma)
            smeared /= np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3)[..., None]
        else:
            smeared = cv2.GaussianBlur(smeared, (0, 0), sigma)
        weight = patch.mask * min(1.0, 2 * amount[index])
        return Stroke(patch.roi, blend(below, smeared, weight), patch.mask)

    return brush


def ghosting(stage: Stage) -> Brush | None:
    """The thing is averaged over what it was a moment ago: it leaves doubles along its way, or beside itself."""
    track = clear_region(stage, "moving" if stage.rng.random() < 0.7 else "salient", (0.02, 0.14))
    if track is None:
        return None
    reach = track.side_px * (0.03 + 0.22 * stage.severity)
    lag_s = 0.08 + 0.3 * stage.severity
    angle = float(stage.rng.uniform(0, 2 * np.pi)) + 0.6 * noise_in_time(stage.scene.times_s, 0.8, 1, stage.rng)[:, 0]
    strength = 0.12 + 0.48 * stage.severity
    past, amount = _before(stage, lag_s), held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        patch = _feathered(track, index, reach + 4)
        if patch is None or amount[index] <= 0:
            return None
        total, support = patch.of(rgb).astype(np.float32), patch.mask
        weights = np.ones_like(support)
        for share, then in zip(np.linspace(0, 1, COPIES + 1)[1:], past[index], strict=True):
            aside = np.array([np.cos(angle[index]), np.sin(angle[index])]) * reach
            offset = _lag(stage, track, then, index, aside, share) * amount[index]
            copy, mask = _double(stage, track, then, index, patch, offset)
            weight = mask * np.float32(strength * (1.3 - 0.6 * share) * min(1.0, 1.5 * amount[index]))
            total += weight[..., None] * copy
            weights += weight
            support = np.maximum(support, mask)
        pixels = np.clip(total / weights[..., None] + 0.5, 0, 255).astype(np.uint8)
        return Stroke(patch.roi, pixels, support)

    return brush


def detail_swap(stage: Stage) -> Brush | None:
    """Fine detail is that of another place: sharp at a glance, mush when looked at."""
    track = clear_region(stage, area=(0.02, 0.16))
    home = None if track is None else track.patch(track.anchor)
    if track is None or home is None:
        return None
    sigma = max(1.0, track.side_px * (0.01 + 0.03 * stage.severity))
    foreign = _foreign_detail(stage, track, home, max(1.0, 0.6 * sigma))
    if foreign is None:
        return None
    share = min(1.0, 0.3 + 0.8 * stage.severity)
    cv2, amount = opencv(), held(stage, track)
    corner = move_by(*home.roi[:2])

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        patch = _feathered(track, index, 2 * sigma)
        if patch is None or amount[index] <= 0:
            return None
        x0, y0, x1, y1 = patch.roi
        move = move_by(-x0, -y0) @ track.move_px(track.anchor, index) @ corner
        carried = cv2.warpAffine(
            foreign, move[:2], (x1 - x0, y1 - y0), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        below = patch.of(rgb)
        swapped = cv2.GaussianBlur(below, (0, 0), sigma).astype(np.float32) + carried[..., None]
        pixels = blend(below, swapped, patch.mask * (share * amount[index]))
        return Stroke(patch.roi, pixels, patch.mask)

    return brush


def _feathered(track: Track, index: int, pad: float) -> Patch | None:
    """The region with a soft edge in a rectangle with room around it."""
    patch = track.patch(index)
    if patch is None:
        return None
    feather = max(1.0, 0.04 * track.side_px)
    wide = patch.padded(pad + 2 * feather, track.size)
    return Patch(wide.roi, np.clip(opencv().GaussianBlur(wide.mask, (0, 0), feather), 0, 1))


def _before(stage: Stage, lag_s: float) -> NDArray[np.int64]:
    """For every frame, the frames shown 1/n … n/n of the lag before it in the same shot: (N, COPIES)."""
    times = stage.scene.times_s
    wanted = times[:, None] - lag_s * np.linspace(0, 1, COPIES + 1)[1:]
    found = np.searchsorted(times, wanted + 1e-6, side="right") - 1
    cuts = np.array([0, *stage.scene.cuts])
    shot = cuts[np.searchsorted(cuts, np.arange(len(times)), side="right") - 1]
    return np.maximum(found, shot[:, None])


def _lag(
    stage: Stage, track: Track, then: int, now: int, aside: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Where a double lies beside the thing: back where it came from, or aside where it stood still; full pixels."""
    camera = stage.scene.camera_between(then, now)
    before, here = (track.move(i)[:2, :2] @ track.centre + track.move(i)[:2, 2] for i in (then, now))
    came = (camera[:2, :2] @ before + camera[:2, 2] - here) * track.scale
    length, most = float(np.linalg.norm(came)), float(np.linalg.norm(aside)) * share
    if length > most:
        return came * (most / length)
    return came + aside * (share * (1 - length / max(most, 1e-9)))


def _double(
    stage: Stage, track: Track, then: int, now: int, patch: Patch, offset: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The thing as it was, moved to where it is now and then aside: pixels (h, w, 3) and mask (h, w)."""
    cv2 = opencv()
    x0, y0, x1, y1 = patch.roi
    matrix = move_by(offset[0] - x0, offset[1] - y0) @ track.move_px(then, now)
    size = (x1 - x0, y1 - y0)
    pixels = cv2.warpAffine(
        stage.scene.frames[then], matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = cv2.warpAffine(patch.mask, move_by(*offset)[:2], size, flags=cv2.INTER_LINEAR)
    return pixels.astype(np.float32), mask


def _foreign_detail(stage: Stage, track: Track, home: Patch, sigma: float) -> NDArray[np.float32] | None:
    """Fine structure of another place of the anchor frame, turned round and as strong as the region's own: (h, w)."""
    frame = stage.scene.frames[track.anchor].mean(axis=2, dtype=np.float32)
    detail = frame - opencv().GaussianBlur(frame, (0, 0), sigma)
    x0, y0, x1, y1 = home.roi
    height, width = y1 - y0, x1 - x0
    tops = stage.rng.integers(0, frame.shape[0] - height + 1, PLACES)
    lefts = stage.rng.integers(0, frame.shape[1] - width + 1, PLACES)
    inside = home.mask > 0.9
    own = float(np.abs(detail[y0:y1, x0:x1][inside]).mean()) if inside.any() else 0.0
    places = [detail[t : t + height, s : s + width] for t, s in zip(tops, lefts, strict=True)]
    chosen = max(places, key=lambda place: float(np.abs(place).mean()))
    strength = float(np.abs(chosen).mean())
    if own < 0.4 or strength < 0.4:
        return None
    turned = chosen[::-1, ::-1] if stage.rng.random() < 0.5 else chosen[:, ::-1]
    # Nothing of that place may be recognised, or it would be a redundant object: lines are broken up, edges cut down.
    bent = pull(
        np.ascontiguousarray(turned), smooth_field(height, width, 9, stage.rng) * np.float32(0.12 * track.side_px)
    )
    return np.clip(bent * np.float32(min(4.0, own / strength)), -3 * own, 3 * own).astype(np.float32)


MECHANISMS = (
    Mechanism(
        "defocus",
        "Sudden Blurring",
        defocus,
        (
            "The object {where} suddenly loses its detail and turns blurry while its surroundings stay sharp.",
            "Fine structure {where} fades away all at once and leaves a smooth, soft surface.",
        ),
        rise=(0.03, 0.2),
    ),
    Mechanism(
        "ghosting",
        "Sudden Blurring",
        ghosting,
        (
            "The object {where} smears and shows faint doubles of itself.",
            "What is {where} suddenly blurs into ghost images along its way.",
        ),
        rise=(0.05, 0.3),
    ),
    Mechanism(
        "detail_swap",
        "Sudden Blurring",
        detail_swap,
        (
            "The texture {where} suddenly turns into mush that does not belong to the object.",
            "The object {where} loses its true detail; what replaces it is garbled and unclear.",
        ),
        held_out=True,
        rise=(0.03, 0.2),
    ),
)
