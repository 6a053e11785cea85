"""A figure with what answering without looking scores on the same rows, and the gain over the best of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dtr.evaluation.counted import Counted
from dtr.evaluation.figures import Figure, FloatArray, Statistic, difference, figure


@dataclass(frozen=True)
class Compared:
    """A model's figure beside its floors.

    Attributes:
        model: the figure.
        floors: value by name of every floor that is defined on the same rows.
        best: name of the best floor; None = there is none.
        gain: over the best floor, positive = the model is better; paired by video. None = there is no floor.
        lower_is_better: of the figure.
    """

    model: Figure
    floors: Mapping[str, float] = field(default_factory=dict)
    best: str | None = None
    gain: Figure | None = None
    lower_is_better: bool = False

    @property
    def floor(self) -> float | None:
        """Value of the best floor."""
        return None if self.best is None else self.floors[self.best]

    def floor_json(self) -> dict[str, Any]:
        """The floors as plain JSON types."""
        return {
            "best": self.best,
            "value": self.floor,
            "gain": None if self.gain is None else self.gain.value,
            "gain_interval": None if self.gain is None or self.gain.interval is None else list(self.gain.interval),
            "all": dict(self.floors),
        }


def compare(counted: Counted, floors: Mapping[str, Statistic], weights: FloatArray, *, lower: bool = False) -> Compared:
    """A model's figure beside floors that are counted on the same rows.

    The best floor is the best on the scored videos themselves, so it is, if anything, a little too good.

    Args:
        counted: the model's statistic.
        floors: statistics by name.
        weights: (n + 1, V), the first row ones.
        lower: lower is better.

    Example:
        >>> from dtr.evaluation.figures import draw_weights, mean_statistic
        >>> ours, floor = (mean_statistic([np.array([v])] * 2) for v in (0.5, 0.2))
        >>> found = compare(Counted(ours, 2), {"constant": floor}, draw_weights(2))
        >>> found.best, round(found.gain.value, 6)
        ('constant', 0.3)
    """
    model = counted.figure(weights)
    values = {name: float(s(weights[:1])[0]) for name, s in floors.items()}
    values = {name: v for name, v in values.items() if np.isfinite(v)}
    best = _best(values, lower)
    if best is None or model.value is None:
        return Compared(model, values, best, None, lower)
    gain = difference(counted.statistic, floors[best], lower_is_better=lower)
    return Compared(model, values, best, figure(gain, weights, model.n, model.unit), lower)


def _best(values: Mapping[str, float], lower: bool) -> str | None:
    return (min if lower else max)(values, key=lambda name: values[name]) if values else None
