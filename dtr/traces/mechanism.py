"""What a mechanism is: one way in which a trace of one category comes about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.traces.paint import Stroke
from dtr.traces.regions import Prefer, pick_region
from dtr.traces.scene import FloatArray, Scene
from dtr.traces.track import Track, follow

Brush = Callable[[int, NDArray[np.uint8]], Stroke | None]
"""Paints a trace on one frame: (frame number in the scene, the frame so far) → what changes; None = nothing there."""


@dataclass(frozen=True)
class Stage:
    """All that a mechanism is given.

    Attributes:
        scene: the untouched shot.
        first, last: frames that the trace may change, both included.
        amount: (N,) in [0, 1] over all frames of the scene: how far the trace has come; 0 outside first … last.
        severity: (0, 1]: 1 = nobody can miss it, 0.15 = barely visible.
        rng: of all choices.
        taken: boxes that other traces use at about that time; keep off them.
        donor: another clip's shot, for traces that bring something in; None = there is none.
    """

    scene: Scene
    first: int
    last: int
    amount: FloatArray
    severity: float
    rng: np.random.Generator
    taken: tuple[Box, ...] = ()
    donor: Scene | None = None

    @property
    def anchor(self) -> int:
        """The frame to choose a region on: where the trace begins to be seen."""
        rising = np.flatnonzero(self.amount > 0.3)
        return int(rising[0]) if len(rising) else self.first

    def region(
        self, prefer: Prefer = "salient", area: tuple[float, float] = (0.015, 0.14), avoid: tuple[Box, ...] = ()
    ) -> Track | None:
        """A region of the anchor frame, followed over all frames of the trace.

        Args:
            prefer, area: see `dtr.traces.regions.pick_region`. avoid: boxes beside `taken`.

        Returns:
            Its track; None = no region is left, or it is lost before most of the trace is over.
        """
        for _ in range(4):
            mask = pick_region(self.scene, self.anchor, self.rng, prefer=prefer, area=area, avoid=(*self.taken, *avoid))
            track = None if mask is None else follow(self.scene, self.anchor, mask, self.first, self.last)
            if track is not None and track.last - track.first >= 0.7 * (self.last - self.first):
                return track
        return None

    def seconds(self, index: int) -> float:
        """Time since the trace's first frame."""
        return float(self.scene.times_s[index] - self.scene.times_s[self.first])


@dataclass(frozen=True)
class Mechanism:
    """One way in which a trace comes about.

    Attributes:
        name: unique, for example "melt".
        category: one of `dtr.annotation.CATEGORIES`.
        begin: chooses regions and parameters for a stage; gives the brush, or None where the scene offers nothing.
        sentences: what a person would write; "{where}" is replaced by a place such as "in the upper left".
        held_out: never used for training, so that what was learnt of a category can be told from what was learnt of
            the mechanisms.
        rise: shortest and longest share of the trace's span in which it comes on; small = sudden.
        source: what it imitates.
    """

    name: str
    category: str
    begin: Callable[[Stage], Brush | None]
    sentences: tuple[str, ...]
    held_out: bool = False
    rise: tuple[float, float] = (0.2, 0.7)
    source: str = field(default="", repr=False)
