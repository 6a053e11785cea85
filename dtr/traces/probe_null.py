"""The control: mechanisms that paint so faintly that nothing can be seen. What still tells them is a fingerprint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.measure import measure
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import Stroke
from dtr.traces.probe_features import Mask, texture
from dtr.traces.probe_pairs import PlaceMeter, TraceFigures
from dtr.traces.scene import Scene
from dtr.video.recode import recode_rgb

FAINT = 0.03
"""How far the trace of a null edit has come, of 1."""

SEVERITY = 0.5
CODEC, LEVEL = "h264", 23
"""How both sides of a null edit are encoded."""

LOOKS = 6


@dataclass(frozen=True)
class NullEdit:
    """A null edit.

    Attributes:
        mechanism: its name.
        at_rest: mean change of the region where the trace has come 0 of 1, in steps of 1 / 255: should be 0.
        seen: it can be seen although it is so faint: then it is no null edit, and there are no figures.
        figures: of the pair; its severity is 0.
    """

    mechanism: str
    at_rest: float
    seen: bool
    figures: TraceFigures | None


def null_edit(
    scene: Scene, mechanism: Mechanism, base: str, seed: tuple[int, ...], donor: Scene | None = None
) -> NullEdit | None:
    """Paint one mechanism too faintly to be seen, encode both sides alike, and measure them.

    Args:
        scene: a shot without a trace, both sides even.
        mechanism: to paint. base: the base clip's id.
        seed: of all choices. donor: another clip's shot.

    Returns:
        None = the shot offers the mechanism nothing, or is shorter than three frames.
    """
    if scene.num_frames < 3:
        return None
    # Begun twice from one seed, so that what is at rest is the same edit as what is faint.
    still = _brush(scene, mechanism, 0.0, seed, donor)
    faint = _brush(scene, mechanism, FAINT, seed, donor)
    if still is None or faint is None:
        return None
    at_rest = _mean_change(scene, _strokes(scene, still))
    strokes = _strokes(scene, faint)
    if len(strokes) < 3:
        return None
    if measure(scene, scene.frames, strokes) is not None:
        return NullEdit(mechanism.name, at_rest, True, None)
    return NullEdit(mechanism.name, at_rest, False, _figures(scene, mechanism, base, strokes, seed))


def _brush(
    scene: Scene, mechanism: Mechanism, amount: float, seed: tuple[int, ...], donor: Scene | None
) -> Brush | None:
    amounts = np.full(scene.num_frames, amount)
    stage = Stage(scene, 0, scene.num_frames - 1, amounts, SEVERITY, np.random.default_rng(seed), (), donor)
    return mechanism.begin(stage)


def _strokes(scene: Scene, brush: Brush) -> list[tuple[int, Stroke]]:
    drawn = ((index, brush(index, scene.frames[index])) for index in range(scene.num_frames))
    return [(index, stroke) for index, stroke in drawn if stroke is not None]


def _mean_change(scene: Scene, strokes: list[tuple[int, Stroke]]) -> float:
    """Mean absolute change inside the supports; 0 where there are none."""
    changes = []
    for index, stroke in strokes:
        x0, y0, x1, y1 = stroke.roi
        delta = np.abs(stroke.pixels.astype(np.int16) - scene.frames[index, y0:y1, x0:x1]).mean(axis=-1)
        inside = stroke.support > 0.5
        changes += [float(delta[inside].mean())] if inside.any() else []
    return float(np.mean(changes)) if changes else 0.0


def _figures(
    scene: Scene, mechanism: Mechanism, base: str, strokes: list[tuple[int, Stroke]], seed: tuple[int, ...]
) -> TraceFigures:
    painted = scene.frames.copy()
    for index, stroke in strokes:
        x0, y0, x1, y1 = stroke.roi
        painted[index, y0:y1, x0:x1] = stroke.pixels
    sides = [_recoded(scene.frames), _recoded(painted)]
    meter = PlaceMeter(np.random.default_rng(seed))
    picks = np.unique(np.linspace(0, len(strokes) - 1, LOOKS + 2)[1:-1].round().astype(int))
    for index, stroke in (strokes[i] for i in picks):
        region = _region(scene, stroke)
        if region.any():
            before = max(0, index - 1)
            meter.add([texture(frames[index], frames[before]) for frames in sides], region)
    tables = {name: meter.table(name) for name in ("border", "elsewhere", "inside")}
    return TraceFigures(base, mechanism.name, mechanism.category, 0.0, 0.0, **tables)


def _region(scene: Scene, stroke: Stroke) -> Mask:
    region = np.zeros((scene.height, scene.width), bool)
    x0, y0, x1, y1 = stroke.roi
    region[y0:y1, x0:x1] = stroke.support > 0.5
    return region


def _recoded(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack(list(recode_rgb(frames, CODEC, LEVEL)))
