"""What each mechanism does to the texture of its region: names those that leave a blur or a seam behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.traces.catalogue import MECHANISMS
from dtr.traces.mechanism import Mechanism
from dtr.traces.probe_features import INSIDE_COLUMNS, PATCH_COLUMNS
from dtr.traces.probe_null import NullEdit
from dtr.traces.probe_pairs import TraceFigures

FloatArray = NDArray[np.float64]

BLUR = -0.08
"""Median change of log sharpness (about −8 %) from which a mechanism counts as leaving a blur…"""

SEAM = 0.08
"""Median change of the log of the finest detail along the outline over that beside it, for a seam…"""

ONE_WAY = 0.75
"""…if at least this share of traces changes that way,"""

MIN_TRACES = 5
"""and there are at least so many."""

AT_REST = 0.5
"""Mean change, in steps of 1 / 255, that a mechanism may make where its trace has come 0 of 1."""

SOFTENERS = ("Sudden Blurring",)
"""Categories whose trace is a loss of detail."""


@dataclass(frozen=True)
class TextureChange:
    """Medians over traces of traced minus twin, of logarithms.

    Attributes:
        num: traces.
        grain: finest band inside the region over that in the ring around it.
        sharpness: finest band over the next coarser one, inside over ring.
        diagonal: finest diagonal pattern, inside over ring: what interpolation weakens first.
        softer: share of traces whose sharpness falls.
        seam: finest diagonal pattern along the outline over that beside it. seam_up: share of traces in which it rises.
    """

    num: int
    grain: float
    sharpness: float
    diagonal: float
    softer: float
    seam: float
    seam_up: float

    @property
    def flags(self) -> tuple[str, ...]:
        """ "blur" and "seam", where the change is large enough and goes one way."""
        if self.num < MIN_TRACES:
            return ()
        blurs = self.sharpness <= BLUR and self.softer >= ONE_WAY
        seams = self.seam >= SEAM and self.seam_up >= ONE_WAY
        return ("blur",) * blurs + ("seam",) * seams


@dataclass(frozen=True)
class MechanismTexture:
    """What a mechanism does to texture.

    Attributes:
        mechanism, category: of the traces.
        shown: of traces as they are. A seam there may be the edge of a thing that was put in.
        faint: of null edits, in which nothing can be seen; None = there are none.
        at_rest: mean change of null edits where the trace has come 0 of 1, in steps of 1 / 255; None = as above.
        null_seen: null edits that could be seen after all: the mechanism does not begin from nothing.
        flags: "blur" and "seam" of the traces, "null blur" and "null seam" of the null edits, "at rest" = pixels
            change before the trace has begun. A blur of a category whose trace it is has no flag.
    """

    mechanism: str
    category: str
    shown: TextureChange
    faint: TextureChange | None
    at_rest: float | None
    null_seen: int
    flags: tuple[str, ...]


def mechanism_textures(traces: Sequence[TraceFigures], nulls: Sequence[NullEdit]) -> tuple[MechanismTexture, ...]:
    """One entry for each mechanism that has traces, in the catalogue's order."""
    found = []
    for mechanism in MECHANISMS:
        own = [t for t in traces if t.mechanism == mechanism.name]
        if own:
            found.append(_texture(mechanism, own, [n for n in nulls if n.mechanism == mechanism.name]))
    return tuple(found)


def texture_change(traces: Sequence[TraceFigures]) -> TextureChange:
    """Medians over traces; 0 where nothing was measured."""
    inside = _changes([t.inside for t in traces], INSIDE_COLUMNS)
    border = _changes([t.border for t in traces], PATCH_COLUMNS)
    sharpness, seam = inside["inside_fine/middle"], border["seam_diagonal"]
    return TextureChange(
        num=len(sharpness),
        grain=_median(inside["inside_log_fine"]),
        sharpness=_median(sharpness),
        diagonal=_median(inside["inside_log_diagonal"]),
        softer=float(np.mean(sharpness < 0)) if len(sharpness) else 0.0,
        seam=_median(seam),
        seam_up=float(np.mean(seam > 0)) if len(seam) else 0.0,
    )


def _texture(mechanism: Mechanism, own: Sequence[TraceFigures], nulls: Sequence[NullEdit]) -> MechanismTexture:
    faint_figures = [null.figures for null in nulls if null.figures is not None]
    shown, faint = texture_change(own), texture_change(faint_figures) if faint_figures else None
    at_rest = float(np.mean([null.at_rest for null in nulls])) if nulls else None
    flags = [*shown.flags, *(f"null {flag}" for flag in (faint.flags if faint else ()))]
    if mechanism.category in SOFTENERS:
        flags = [flag for flag in flags if flag != "blur"]
    flags += ["at rest"] * (at_rest is not None and at_rest > AT_REST)
    seen = sum(null.seen for null in nulls)
    return MechanismTexture(mechanism.name, mechanism.category, shown, faint, at_rest, seen, tuple(flags))


def _changes(tables: Sequence[FloatArray], columns: Sequence[str]) -> dict[str, FloatArray]:
    """Traced minus twin by column, without traces where there was no room to measure."""
    values = np.stack(tables) if tables else np.zeros((0, 2, len(columns)))
    change = values[:, 1] - values[:, 0]
    return {name: column[~np.isnan(column)] for name, column in zip(columns, change.T, strict=True)}


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else 0.0
