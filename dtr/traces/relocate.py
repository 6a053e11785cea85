"""Shows a followed thing at another place or time than its own, and what is behind it where it stood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dtr.traces.background import Plate, camera_px
from dtr.traces.cutout import Canvas, held, lift
from dtr.traces.mechanism import Brush, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import FloatArray, Scene
from dtr.traces.smooth import smoothstep
from dtr.traces.track import Track

OPENED_PX = 3.0
"""Way of a thing, in pixels, from which all of the place where it stood is painted over."""


def moved(
    stage: Stage, track: Track, path: Callable[[int], FloatArray], source: Callable[[int], int] | None = None
) -> Brush:
    """A brush that moves a thing and fills in where it stood; the trace is both places.

    Args:
        stage: of the trace. track: the thing.
        path: frame → (3, 3) full pixels, after the thing's own motion; identity = it stays. It grows from there with
            the stage's amount.
        source: frame → frame whose pixels of the thing are shown, moved by `path`; None = its own.
    """
    plate = Plate(stage.scene, track, grow=1.15)
    there = held(stage, track)

    def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
        look = index if source is None else source(index)
        then = path(index)
        way = way_px(track, index, track.move_px(index, look), then)
        old = plate.cover(index)
        thing = lift(rgb if look == index else stage.scene.frames[look], track, look, then)
        if there[index] <= 0 or way <= 0.05 or thing is None:
            return None
        canvas = Canvas(rgb, None if old is None else old.roi, thing.roi)
        # Below 1 only where the thing is lost: it comes on by its way, a half transparent one would be seen twice.
        fade = float(there[index] / max(stage.amount[index], 1e-6))
        if old is not None:
            opened = float(smoothstep(np.asarray(way / OPENED_PX)))
            canvas.put(old.roi, plate.at(index, old.roi), old.mask, opened * fade)
        canvas.put(thing.roi, thing.pixels, thing.mask, fade)
        return canvas.stroke()

    return brush


def way_px(track: Track, index: int, first: FloatArray, then: FloatArray) -> float:
    """How far two motions together bring the corners of a thing's box, at most, in full pixels."""
    x0, y0, x1, y1 = np.array(track.box(index)) * np.array([*track.size] * 2)
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]])
    return float(np.linalg.norm((corners @ (then @ first).T - corners)[:, :2], axis=1).max())


def travel_px(scene: Scene, track: Track) -> FloatArray:
    """Where a thing's centre goes against the camera: (frames of the track, 2) full pixels, from its first frame."""
    back, path = np.eye(3), [track.centre_px(track.first)]
    for index in range(track.first + 1, track.last + 1):
        back = back @ camera_px(scene, index, index - 1)
        path.append(back[:2, :2] @ track.centre_px(index) + back[:2, 2])
    return np.array(path) - path[0]
