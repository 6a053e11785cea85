"""Object Disappearance: a thing dissolves, is eaten away or shrinks to nothing, and the background closes over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import Plate
from dtr.traces.cutout import Canvas, held, lift
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, blend
from dtr.traces.scene import FloatArray, Scene
from dtr.traces.smooth import smooth_field, smoothstep
from dtr.traces.things import clear_masks, likeness_to_thing
from dtr.traces.track import Track, follow

CALM = 15.0
"""Unevenness of the surroundings (standard deviation, of 255) that makes a thing half as fit to vanish."""

LEAST_CLEAR = 4.0
"""Regions below this are parts of the background, which cannot vanish."""


def fade_out(stage: Stage) -> Brush | None:
    """It grows thin and dissolves into what is behind it, a little unevenly."""
    track = _lonely_thing(stage)
    if track is None:
        return None
    uneven = 0.5 + 0.5 * smooth_field(track.mask.shape[0], track.mask.shape[1], 8, stage.rng, channels=1)[..., 0]
    most = 0.12 + 0.88 * stage.severity

    def gone(amount: float) -> NDArray[np.float32]:
        return np.clip(1.6 * most * amount - 0.6 * most * uneven, 0, most).astype(np.float32)

    return _vanishing(stage, track, gone)


def erode(stage: Stage) -> Brush | None:
    """It is swallowed from one side, or from its edge inwards, along an uneven soft front."""
    track = _lonely_thing(stage)
    if track is None:
        return None
    order = _order(track, stage.rng)
    soft = float(stage.rng.uniform(0.1, 0.2))
    most = 0.15 + 0.85 * stage.severity

    def gone(amount: float) -> NDArray[np.float32]:
        front = most * amount * (1 + 2 * soft) - soft
        return smoothstep((front - order) / (2 * soft) + 0.5).astype(np.float32)

    return _vanishing(stage, track, gone)


def shrink_away(stage: Stage) -> Brush | None:
    """It shrinks or thins into nothing, about its middle or down to where it stands."""
    track = _lonely_thing(stage)
    if track is None:
        return None
    thin = np.array([(1.0, 1.0), (1.0, 0.3), (0.3, 1.0)][int(stage.rng.integers(3))])
    sinks = bool(stage.rng.random() < 0.4)
    plate = Plate(stage.scene, track, grow=1.15)
    size = 1 - (0.08 + 0.9 * stage.severity) * held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        old = plate.cover(index) if size[index] < 1 else None
        if old is None:
            return None
        sides = size[index] ** thin
        thing = lift(rgb, track, index, _scaled(track, index, sides, sinks))
        canvas = Canvas(rgb, old.roi, None if thing is None else thing.roi)
        opened = float(smoothstep(np.asarray((1 - size[index]) / 0.06)))
        canvas.put(old.roi, plate.at(index, old.roi), old.mask, opened)
        if thing is not None:
            canvas.put(thing.roi, thing.pixels, thing.mask, float(smoothstep(np.asarray(size[index] / 0.3))))
        return canvas.stroke()

    return brush


def _lonely_thing(stage: Stage) -> Track | None:
    """Of a few regions, the one that stands out most before the calmest surroundings."""
    scene, anchor = stage.scene, stage.anchor
    area = 0.006, 0.025 + 0.05 * stage.severity
    masks = clear_masks(scene, anchor, stage.rng, "salient", area, stage.taken)
    ranked = sorted(((_loneliness(scene, anchor, mask), i) for i, mask in enumerate(masks)), reverse=True)
    for score, number in ranked[:2]:
        track = None if score < LEAST_CLEAR else follow(scene, anchor, masks[number], stage.first, stage.last)
        if track is not None and track.last - track.first >= 0.7 * (stage.last - stage.first):
            return track
    return None


def _loneliness(scene: Scene, index: int, mask: NDArray[np.float32]) -> float:
    """How clearly a region is a thing, less where its surroundings are uneven."""
    cv2 = opencv()
    inside = (mask > 0.3).astype(np.uint8)
    ring = (cv2.dilate(inside, np.ones((11, 11), np.uint8)) > 0) & (cv2.dilate(inside, np.ones((3, 3), np.uint8)) == 0)
    uneven = float(scene.small[index][ring].std(axis=0).mean()) if ring.any() else 255.0
    return likeness_to_thing(scene, index, mask) * CALM / (CALM + uneven)


def _vanishing(stage: Stage, track: Track, gone: Callable[[float], NDArray[np.float32]]) -> Brush:
    """A brush that shows the background through a thing.

    Args:
        stage: of the trace. track: the thing.
        gone: how far the trace has come → (h, w) in [0, 1] at the small size: how much of each place has vanished.
    """
    plate = Plate(stage.scene, track, grow=1.15)
    amount = held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        old = plate.cover(index) if amount[index] > 0 else None
        if old is None:
            return None
        share = track.carried(gone(float(amount[index])), index, old.roi)
        return Stroke(old.roi, blend(old.of(rgb), plate.at(index, old.roi), old.mask * share), old.mask)

    return brush


def _order(track: Track, rng: np.random.Generator) -> FloatArray:
    """When each place of the region goes, 0 = first and 1 = last: (h, w) at the anchor frame's small size."""
    inside = track.mask > 0.3
    height, width = track.mask.shape
    if rng.random() < 0.6:
        rows, cols = np.mgrid[:height, :width]
        angle = float(rng.uniform(0, 2 * np.pi))
        order = cols * np.cos(angle) + rows * np.sin(angle)
    else:
        cv2 = opencv()
        order = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3).astype(np.float64)
    coarse, fine = (smooth_field(height, width, cells, rng, channels=1)[..., 0] for cells in (9, 22))
    return _to_unit(_to_unit(order, inside) + 0.22 * coarse + 0.11 * fine, inside)


def _to_unit(values: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Values brought to [0, 1] by the range that they have inside, without its outermost per cents."""
    low, high = np.percentile(values[inside], [1, 99])
    return np.clip((values - low) / max(float(high - low), 1e-3), 0, 1)


def _scaled(track: Track, index: int, sides: FloatArray, sinks: bool) -> FloatArray:
    """The region made smaller about its middle, or about its lowest point: (3, 3) in full pixels."""
    centre = track.centre_px(index)
    if sinks:
        centre[1] = track.box(index)[3] * track.size[1]
    matrix = np.diag([sides[0], sides[1], 1.0])
    matrix[:2, 2] = centre * (1 - sides)
    return matrix


MECHANISMS = (
    Mechanism(
        "fade_out",
        "Object Disappearance",
        fade_out,
        (
            "The object {where} dissolves into the background and is gone.",
            "The thing {where} turns transparent and vanishes although nothing covers it.",
        ),
        rise=(0.1, 0.6),
        source="things that a model forgets",
    ),
    Mechanism(
        "erode",
        "Object Disappearance",
        erode,
        (
            "The object {where} disappears bit by bit, as if the background swallowed it.",
            "Parts of the object {where} vanish one after the other until it is gone.",
        ),
        rise=(0.15, 0.7),
        source="things that are eaten by what is behind or beside them",
    ),
    Mechanism(
        "shrink_away",
        "Object Disappearance",
        shrink_away,
        (
            "The object {where} shrinks into nothing.",
            "The thing {where} becomes thinner and smaller until it has disappeared.",
        ),
        held_out=True,
        rise=(0.2, 0.8),
        source="limbs and small things that retract and are lost",
    ),
)
