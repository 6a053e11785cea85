"""Hard negatives: what really happens in camera footage and in editing, looks sudden or soft, and is no trace.

They are put on a clip before any trace, in the same way on clips that get traces and clips that get none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError
from dtr.traces import camera_events, edit_events

Frames = NDArray[np.uint8]
Change = Callable[[Frames, NDArray[np.floating], np.random.Generator, Frames | None], Frames]
"""(frames (N, H, W, 3), times_s (N,), rng, donor frames or None) → new frames of the same shape."""

SECOND_P = 0.3
"""Chance that a clip with one hard negative gets another kind as well."""


@dataclass(frozen=True)
class Negative:
    """One kind of hard negative.

    Attributes:
        name: unique, for example "cut".
        apply: makes it; never changes the frames that it is given.
        retimes: pictures are shown at other times or sizes than before, so that what was annotated on the clip no
            longer holds.
    """

    name: str
    apply: Change
    retimes: bool = False


NEGATIVES: tuple[Negative, ...] = (
    Negative("motion-blur", camera_events.motion_blur),
    Negative("shake", camera_events.shake),
    Negative("flash", camera_events.flash),
    Negative("exposure", camera_events.exposure),
    Negative("refocus", camera_events.refocus),
    Negative("occlusion", camera_events.occlusion),
    Negative("cut", edit_events.cut, retimes=True),
    Negative("dissolve", edit_events.dissolve, retimes=True),
    Negative("fade", edit_events.fade),
    Negative("caption", edit_events.caption),
    Negative("logo", edit_events.logo),
    Negative("compression", edit_events.compression),
)

RETIMING: frozenset[str] = frozenset(n.name for n in NEGATIVES if n.retimes)
"""Names of those after which earlier annotations of the clip no longer hold."""


def apply_negatives(
    frames: Frames,
    times_s: NDArray[np.floating],
    rng: np.random.Generator,
    chance: float = 1.0,
    donor: Frames | None = None,
) -> tuple[Frames, tuple[str, ...]]:
    """A clip with one or two kinds of hard negatives, or none by chance.

    Args:
        frames: (N, H, W, 3) uint8 RGB; not changed.
        times_s: (N,) seconds, increasing.
        rng: of all choices; the same frames and state give the same bytes.
        chance: of getting any, in [0, 1].
        donor: (M, h, w, 3) uint8 frames of another clip, of any size; for cuts.

    Returns:
        (N, H, W, 3) uint8 frames, and the names of what was done to them, in order.

    Raises:
        ConfigError: the chance lies outside [0, 1].

    Example:
        >>> clip = np.zeros((2, 32, 32, 3), np.uint8)
        >>> apply_negatives(clip, np.array([0.0, 0.1]), np.random.default_rng(0), chance=0.0)[1]
        ()
    """
    if not 0 <= chance <= 1:
        raise ConfigError(f"the chance of hard negatives must lie in [0, 1], got {chance}")
    any_draw, second_draw = rng.random(2)
    if any_draw >= chance or len(frames) < 2:
        return frames, ()
    picked = rng.choice(len(NEGATIVES), size=2 if second_draw < SECOND_P else 1, replace=False)
    chosen = [NEGATIVES[i] for i in sorted(picked)]
    for negative in chosen:
        frames = negative.apply(frames, times_s, rng, donor)
    return frames, tuple(n.name for n in chosen)
