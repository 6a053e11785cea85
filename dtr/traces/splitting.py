"""Object Splitting: one thing comes apart, or stands beside itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import Plate
from dtr.traces.cutout import Canvas, Layer, as_there, gone, held, lift
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import Stroke, move_by, turn_about
from dtr.traces.scene import FloatArray
from dtr.traces.smooth import smooth_field, smoothstep
from dtr.traces.things import clear_region
from dtr.traces.track import Track


def divide(stage: Stage) -> Brush | None:
    """A thing stretches, tears along an uneven line, and its halves drift apart."""
    track = clear_region(stage, area=(0.012, 0.08))
    halves = None if track is None else _torn(track, 0.5, stage.rng)
    if track is None or halves is None:
        return None
    one, two, along = halves
    plate, amount = Plate(stage.scene, track, grow=1.15), held(stage, track)
    far = track.side_px * (0.02 + 0.42 * stage.severity**1.3)
    turns = stage.rng.uniform(-0.4, 0.4, 2) * stage.severity
    length = 2 * track.side_px

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index])
        if come <= 0:
            return None
        hole = gone(rgb, plate, index, come, only=track)
        thin = 1 - float(smoothstep(np.asarray(1.8 * come)))
        neck = lift(rgb, track, index, as_there(track, index, _stretched(track, along, 1 + 2 * far * come / length)))
        sides = [
            lift(rgb, part, index, as_there(track, index, _drift(part, along * sign * far * come, turn * come)))
            for part, sign, turn in ((one, 1, turns[0]), (two, -1, turns[1]))
        ]
        return _stacked(rgb, (hole, 1.0), (neck, thin), *((s, 1.0) for s in sides))

    return brush


def detach(stage: Stage) -> Brush | None:
    """One end of a thing comes off and drifts away, while the rest stays."""
    track = clear_region(stage, area=(0.015, 0.09))
    parts = None if track is None else _torn(track, float(stage.rng.uniform(0.58, 0.75)), stage.rng)
    if track is None or parts is None:
        return None
    end, body, along = parts
    plate, amount = Plate(stage.scene, track, grow=1.15), held(stage, track)
    way = turn_about(np.zeros(2), float(stage.rng.uniform(-0.6, 0.6)))[:2, :2] @ along
    far = track.side_px * (0.05 + 0.78 * stage.severity**1.2)
    turn = float(stage.rng.uniform(-0.9, 0.9)) * stage.severity

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index])
        if come <= 0:
            return None
        hole = gone(rgb, plate, index, come, only=end, but=body)
        piece = lift(rgb, end, index, as_there(track, index, _drift(end, way * far * come, turn * come)))
        return _stacked(rgb, (hole, 1.0), (piece, 1.0))

    return brush


def double_edge(stage: Stage) -> Brush | None:
    """A thing separates into two see-through copies beside each other, which become solid."""
    track = clear_region(stage, area=(0.012, 0.08))
    if track is None:
        return None
    plate, amount = Plate(stage.scene, track, grow=1.15), held(stage, track)
    angle = float(stage.rng.normal(0, 0.5))
    step = np.array([np.cos(angle), np.sin(angle)]) * track.side_px * (0.02 + 0.33 * stage.severity**1.3)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        come = float(amount[index])
        if come <= 0:
            return None
        solid = 0.5 + 0.5 * float(smoothstep(np.asarray((come - 0.35) / 0.6)))
        hole = gone(rgb, plate, index, 0.5 * come, only=track)
        copies = [lift(rgb, track, index, move_by(*(step * sign * come))) for sign in (-1, 1)]
        shown = float(smoothstep(np.asarray(5 * come)))
        return _stacked(rgb, (hole, 1.0), *((copy, solid * shown) for copy in copies))

    return brush


def _stacked(rgb: NDArray[np.uint8], *layers: tuple[Layer | None, float]) -> Stroke | None:
    """Layers with their opacity, the lowest first."""
    canvas = Canvas.under(rgb, *(layer for layer, _ in layers))
    for layer, opacity in layers:
        if layer is not None:
            canvas.put(layer.roi, layer.pixels, layer.mask, opacity)
    return canvas.stroke()


def _torn(track: Track, share: float, rng: np.random.Generator) -> tuple[Track, Track, FloatArray] | None:
    """A region cut in two across its longer side.

    Args:
        track: the region. share: of it that lies behind the line. rng: of the line's slope and course.

    Returns:
        The part before the line, the one behind it, and the (2,) unit vector from behind to before in full pixels.
    """
    inside = np.argwhere(track.mask > 0.5)[:, ::-1].astype(np.float64)
    if len(inside) < 24:
        return None
    long_side = np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][0] * rng.choice([-1.0, 1.0])
    along = turn_about(np.zeros(2), float(rng.uniform(-0.4, 0.4)))[:2, :2] @ long_side
    height, width = track.mask.shape
    y, x = np.mgrid[:height, :width]
    side = float(np.sqrt(len(inside)))
    uneven = smooth_field(height, width, 4 * min(height, width) / side, rng, channels=1)[..., 0]
    before = (x * along[0] + y * along[1]) - np.quantile(inside @ along, share) + 0.12 * side * uneven
    # Both reach a little over the line: no gap is seen along it while they still touch.
    parts = [track.part((track.mask * smoothstep(s * before / 2 + 1)).astype(np.float32)) for s in (1, -1)]
    if min((p.mask > 0.5).sum() for p in parts) < 8:
        return None
    return parts[0], parts[1], along


def _drift(part: Track, shift: FloatArray, angle_rad: float) -> FloatArray:
    """A turn about the part's own centre and a shift, at the anchor frame: (3, 3) full pixels."""
    return move_by(*shift) @ turn_about(part.centre_px(part.anchor), angle_rad)


def _stretched(track: Track, along: FloatArray, factor: float) -> FloatArray:
    """A stretch along a direction about the region's centre, at the anchor frame: (3, 3) full pixels."""
    matrix = np.eye(3)
    matrix[:2, :2] += (factor - 1) * np.outer(along, along)
    centre = track.centre_px(track.anchor)
    matrix[:2, 2] = centre - matrix[:2, :2] @ centre
    return matrix


MECHANISMS = (
    Mechanism(
        "divide",
        "Object Splitting",
        divide,
        (
            "The object {where} divides into two parts that drift apart.",
            "One object {where} tears in the middle and becomes two.",
        ),
        source="people, animals and things that become two while they move",
    ),
    Mechanism(
        "detach",
        "Object Splitting",
        detach,
        (
            "A part of the object {where} comes off and floats away.",
            "A piece {where} separates from the object it belongs to without a reason.",
        ),
        source="hands, heads and tools that lose their hold on the body",
    ),
    Mechanism(
        "double_edge",
        "Object Splitting",
        double_edge,
        (
            "The object {where} splits into two overlapping copies of itself.",
            "A double of the object {where} comes out of it, first see-through, then solid.",
        ),
        held_out=True,
        source="two hypotheses of a generator about where a thing is",
    ),
)
