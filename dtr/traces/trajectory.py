"""Object Trajectory: a thing that moves leaves its path, stops and catches up, or trembles, for no reason."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import camera_px
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.opencv import opencv
from dtr.traces.paint import Stroke, move_by, pull, turn_about
from dtr.traces.regions import Prefer
from dtr.traces.relocate import moved, travel_px
from dtr.traces.scene import FloatArray
from dtr.traces.smooth import noise_in_time, smoothstep
from dtr.traces.things import clear_region
from dtr.traces.track import Track

SLOWEST = 0.12
"""Sides of its own that a thing must travel per second, against the camera, to count as moving."""

AREA = (0.008, 0.08)
"""Share of the frame that a moving thing may cover."""

PREFERRED: tuple[Prefer, ...] = ("moving", "moving", "salient")
"""Where a moving thing is looked for, in turn."""


def bend_path(stage: Stage) -> Brush | None:
    """Its path curves away, ever further, while the thing itself goes on moving as before."""
    found = _moving(stage)
    if found is None:
        return None
    track, travel = found
    progress = _progress(stage)
    turn = float(stage.rng.choice([-1.0, 1.0]) * stage.rng.uniform(0.5, 2.4))
    reach = track.side_px * (0.1 + 0.9 * stage.severity)
    curve = reach * stage.amount * (0.35 + 0.65 * progress)
    start = _free_angle(stage, track, travel, turn, reach)
    lean = turn * 0.12 * stage.severity

    def path(index: int) -> FloatArray:
        angle = start + turn * progress[index]
        shift = move_by(curve[index] * np.cos(angle), curve[index] * np.sin(angle))
        return shift @ turn_about(track.centre_px(index), lean * float(stage.amount[index]))

    return moved(stage, track, path)


def stutter(stage: Stage) -> Brush | None:
    """It stands still on its way and then catches up, again and again, as if time ran unevenly for it alone."""
    found = _moving(stage)
    if found is None:
        return None
    track, travel = found
    scene = stage.scene
    speed = _length(travel) / _lasts_s(stage, track)
    hold_s = float(np.clip(track.side_px * (0.06 + 0.5 * stage.severity) / speed, 0.12, 1.2))
    behind_s = _sawtooth(scene.times_s - scene.times_s[stage.first], hold_s, stage.rng) * stage.amount
    shown = _frame_at(scene.times_s, scene.times_s - behind_s)

    def source(index: int) -> int:
        return min(index, max(int(shown[index]), track.first))

    def path(index: int) -> FloatArray:
        return camera_px(scene, source(index), index)

    return moved(stage, track, path, source)


def jitter_path(stage: Stage) -> Brush | None:
    """It trembles against its own motion and jumps aside at times; its close surroundings are dragged along."""
    found = _moving(stage)
    if found is None:
        return None
    track, _ = found
    times_s = stage.scene.times_s
    tremble = noise_in_time(times_s, 0.09, 2, stage.rng)
    hops = noise_in_time(times_s, float(stage.rng.uniform(0.25, 0.5)), 2, stage.rng)
    hops = np.sign(hops) * smoothstep((np.abs(hops) - 0.5) / 0.2)
    reach = track.side_px * (0.015 + 0.12 * stage.severity)
    shift = reach * np.clip(0.6 * tremble + 0.8 * hops, -1.5, 1.5) * stage.amount[:, None]

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        return _dragged(track, index, rgb, shift[index])

    return brush


def _dragged(track: Track, index: int, rgb: NDArray[np.uint8], shift: FloatArray) -> Stroke | None:
    """The whole region pulled aside as one piece; around it the shift fades out over a quarter of its size."""
    patch = track.patch(index, grow=1.6) if track.first <= index <= track.last and shift.any() else None
    if patch is None:
        return None
    soft = opencv().GaussianBlur(patch.mask, (0, 0), max(1.0, 0.1 * track.side_px))
    soft = smoothstep(np.minimum(1.0, 1.25 * soft).astype(np.float64)).astype(np.float32)
    return Stroke(patch.roi, pull(patch.of(rgb), -soft[..., None] * shift.astype(np.float32)), soft)


def _moving(stage: Stage) -> tuple[Track, FloatArray] | None:
    """A thing that moves by itself, and its way against the camera; None where nothing does."""
    for prefer in PREFERRED:
        track = clear_region(stage, prefer, AREA)
        if track is None:
            continue
        travel = travel_px(stage.scene, track)
        if _length(travel) >= SLOWEST * track.side_px * _lasts_s(stage, track) > 0:
            return track, travel
    return None


def _length(path: FloatArray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _lasts_s(stage: Stage, track: Track) -> float:
    return float(stage.scene.times_s[track.last] - stage.scene.times_s[track.first])


def _progress(stage: Stage) -> FloatArray:
    """0 at the first frame of the trace, 1 at its last: (N,)."""
    t = stage.scene.times_s
    return np.clip((t - t[stage.first]) / max(t[stage.last] - t[stage.first], 1e-6), 0, 1)


def _free_angle(stage: Stage, track: Track, travel: FloatArray, turn: float, reach: float) -> float:
    """Where to bend to: aside from its own way, and rather into the frame than out of it."""
    way = travel[-1] - travel[0]
    own = float(np.arctan2(way[1], way[0]))
    size = np.array(track.size)
    ends = []
    for side in stage.rng.permutation([-1.0, 1.0]):
        angle = own + side * np.pi / 2 + float(stage.rng.uniform(-0.4, 0.4))
        end = track.centre_px(track.last) + reach * np.array([np.cos(angle + turn), np.sin(angle + turn)])
        ends.append((float(np.min(np.minimum(end, size - end) / size)), angle - turn / 2))
    return max(ends, key=lambda e: min(e[0], 0.15))[1]


def _sawtooth(since_s: FloatArray, hold_s: float, rng: np.random.Generator) -> FloatArray:
    """How far behind its time the thing is: grows second by second during a hold, then falls to 0 quickly: (N,)."""
    behind = np.zeros_like(since_s)
    start = 0.0
    while start < since_s[-1]:
        hold = hold_s * float(rng.uniform(0.7, 1.4))
        catch_up = hold * float(rng.uniform(0.15, 0.4))
        rest = hold * float(rng.uniform(0.0, 0.6))
        t = since_s - start
        inside = (t >= 0) & (t < hold + catch_up)
        behind[inside] = np.minimum(t, (hold + catch_up - t) * hold / catch_up)[inside]
        start += hold + catch_up + rest
    return behind


def _frame_at(times_s: FloatArray, wanted_s: FloatArray) -> NDArray[np.int64]:
    """The frame displayed at each time: (N,)."""
    return np.clip(np.searchsorted(times_s, wanted_s + 1e-6, side="right") - 1, 0, len(times_s) - 1)


MECHANISMS = (
    Mechanism(
        "bend_path",
        "Object Trajectory",
        bend_path,
        (
            "The moving object {where} curves away from its path although nothing pushes it.",
            "The object {where} drifts off its course in a way that does not follow from its motion.",
        ),
        rise=(0.4, 1.0),
        source="paths that ignore inertia",
    ),
    Mechanism(
        "stutter",
        "Object Trajectory",
        stutter,
        (
            "The motion of the object {where} freezes and then catches up while everything else moves on.",
            "The object {where} moves in fits and starts, as if time ran unevenly for it.",
        ),
        rise=(0.05, 0.3),
        source="motion that is interpolated between too few key poses",
    ),
    Mechanism(
        "jitter_path",
        "Object Trajectory",
        jitter_path,
        (
            "The moving object {where} trembles and jumps aside against its own motion.",
            "The object {where} shakes on its way although nothing shakes it.",
        ),
        held_out=True,
        rise=(0.1, 0.5),
        source="positions that do not agree from frame to frame",
    ),
)
