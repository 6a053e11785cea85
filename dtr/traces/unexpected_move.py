"""Unexpected Move: a thing that should stand still slides, swings, or comes nearer by itself."""

from __future__ import annotations

import numpy as np

from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import move_by, turn_about
from dtr.traces.relocate import moved
from dtr.traces.scene import FloatArray
from dtr.traces.smooth import noise_in_time, smoothstep
from dtr.traces.things import clear_region, likeness_to_thing
from dtr.traces.track import Track

AREA = (0.012, 0.07)
"""Share of the frame that a thing which moves by itself may cover."""

CLEAR = 10.0
"""Least likeness to a thing: a patch of sky that slides over the sky is seen by nobody."""

STILL = 0.4
"""Motion against the camera, in small pixels a frame, below which a thing stands still."""

DIRECTIONS = 16
"""Ways that are tried for a slide; one that stays in the frame is taken."""


def slide(stage: Stage) -> Brush | None:
    """The thing glides along a slightly curved way and uncovers what is behind it."""
    track = _still_thing(stage)
    way = None if track is None else _way(stage, track, track.side_px * (0.02 + 0.95 * stage.severity**1.3))
    if track is None or way is None:
        return None
    aside = np.array([-way[1], way[0]]) * float(stage.rng.uniform(-0.25, 0.25))
    pace = _pace(stage)

    def path(index: int) -> FloatArray:
        done = pace[index]
        return move_by(*(way * done + aside * np.sin(np.pi * done)))

    return moved(stage, track, path)


def sway(stage: Stage) -> Brush | None:
    """The thing swings about one of its ends, as if somebody had pushed it."""
    track = _still_thing(stage)
    if track is None:
        return None
    pivot = _end(track, float(stage.rng.uniform(0, 2 * np.pi)))
    widest = float(stage.rng.choice([-1.0, 1.0])) * np.deg2rad(1.5 + 25 * stage.severity**1.2)
    turns_hz = float(stage.rng.uniform(0.5, 1.3))
    uneven = 1 + 0.2 * noise_in_time(stage.scene.times_s, 0.7, 1, stage.rng)[:, 0]

    def path(index: int) -> FloatArray:
        swing = np.sin(2 * np.pi * turns_hz * stage.seconds(index)) * uneven[index] * stage.amount[index]
        hinge = track.to_frame(index) @ np.array([*pivot, 1.0])
        return turn_about(hinge[:2], widest * float(swing))

    return moved(stage, track, path)


def creep(stage: Stage) -> Brush | None:
    """The thing comes nearer or goes away, in one go or in a few small steps."""
    track = _still_thing(stage)
    way = None if track is None else _way(stage, track, track.side_px * (0.02 + 0.33 * stage.severity))
    if track is None or way is None:
        return None
    nearer = stage.rng.random() < 0.6
    change = (0.05 + 0.67 * stage.severity) if nearer else -(0.04 + 0.44 * stage.severity)
    steps = int(stage.rng.choice([1, 2, 3]))
    pace = _in_steps(_pace(stage), steps)

    def path(index: int) -> FloatArray:
        done = pace[index]
        return move_by(*(way * done)) @ turn_about(track.centre_px(index), 0.0, 1 + change * done)

    return moved(stage, track, path)


def _still_thing(stage: Stage, tries: int = 3) -> Track | None:
    """A region with a clear outline that stays where it is, against the camera, as long as it is followed."""
    for _ in range(tries):
        track = clear_region(stage, "static", AREA)
        if track is None or likeness_to_thing(stage.scene, track.anchor, track.mask) < CLEAR:
            continue
        if _own_speed(stage, track) < STILL:
            return track
    return None


def _own_speed(stage: Stage, track: Track, looks: int = 6) -> float:
    """How fast most of a thing moves against the camera at its fastest, in small pixels a frame."""
    points = np.argwhere(track.mask > 0.5)[::3, ::-1].astype(np.float64)
    speeds = []
    for index in np.unique(np.linspace(track.first, track.last, looks).astype(int)):
        there = np.rint(points @ track.move(index)[:2, :2].T + track.move(index)[:2, 2]).astype(int)
        motion = stage.scene.own_motion(int(index))
        rows, cols = (np.clip(there[:, 1 - k], 0, motion.shape[k] - 1) for k in (0, 1))
        speeds.append(np.percentile(motion[rows, cols], 75))
    return float(max(speeds))


def _way(stage: Stage, track: Track, length: float) -> FloatArray | None:
    """A way of a length, more often level than not, that keeps the thing in the frame: (2,) full pixels, or None."""
    angles = stage.rng.vonmises(0, 2.0, DIRECTIONS) + np.pi * stage.rng.integers(0, 2, DIRECTIONS)
    size = np.array([*track.size] * 2)
    box = np.array(track.box(track.anchor))
    for angle in angles:
        way = length * np.array([np.cos(angle), np.sin(angle)])
        goal = box + np.tile(way, 2) / size
        if goal[:2].min() > -0.02 and goal[2:].max() < 1.02 and not _meets(goal, stage.taken):
            return way
    return None


def _meets(box: FloatArray, others: tuple[tuple[float, float, float, float], ...]) -> bool:
    """Whether a box overlaps any other."""
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


def _pace(stage: Stage) -> FloatArray:
    """How far along its way a thing is: (N,) in [0, 1]; still moving when the trace ends, not waiting at its goal."""
    times = stage.scene.times_s
    begin, end = times[stage.first], times[stage.last]
    share = np.clip((times - begin) / max(end - begin, 1e-9), 0, 1)
    return stage.amount * (0.45 + 0.55 * share)


def _in_steps(pace: FloatArray, steps: int) -> FloatArray:
    """A smooth way taken in short steps with rests between; 1 = as it is.

    Example:
        >>> _in_steps(np.array([0.0, 0.25, 0.3, 0.75, 1.0]), 2).round(2).tolist()
        [0.0, 0.25, 0.39, 0.75, 1.0]
    """
    if steps == 1:
        return pace
    whole = np.minimum(np.floor(pace * steps), steps - 1)
    return (whole + smoothstep((pace * steps - whole - 0.25) / 0.5)) / steps


def _end(track: Track, angle: float) -> FloatArray:
    """The outermost point of a thing in a direction: (2,) small pixels of the anchor frame."""
    inside = np.argwhere(track.mask > 0.5)[:, ::-1].astype(np.float64)
    return inside[int((inside @ np.array([np.cos(angle), np.sin(angle)])).argmax())]


MECHANISMS = (
    Mechanism(
        "slide",
        "Unexpected Move",
        slide,
        (
            "The object {where} should stand still but slides away by itself.",
            "Something that is fixed {where} glides over the background without a cause.",
        ),
        rise=(0.4, 1.0),
    ),
    Mechanism(
        "sway",
        "Unexpected Move",
        sway,
        (
            "The object {where} swings to and fro although nothing moves it.",
            "A still thing {where} sways by itself.",
        ),
        rise=(0.1, 0.4),
    ),
    Mechanism(
        "creep",
        "Unexpected Move",
        creep,
        (
            "The still object {where} comes nearer or draws back by itself.",
            "A thing {where} that should stay where it is changes its place and size in small steps.",
        ),
        held_out=True,
        rise=(0.4, 1.0),
    ),
)
