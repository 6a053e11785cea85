"""What a chosen false-positive rate, or another share of fakes, makes of the same answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dtr.evaluation.items import Item
from dtr.evaluation.label import video_scores
from dtr.metrics.operating import OperatingPoint, operating_point, precision_at_prior, require_prior


def operating(items: Sequence[Item], fpr: float | None, prior: float | None) -> dict[str, Any] | None:
    """A threshold read off the scored videos, and the precision that the answers have at another base rate.

    The threshold is chosen on the very videos that it is measured on, so it tells what the scores could do; a threshold
    for use comes from calibration videos (`dtr detect --fpr`).

    Args:
        items: videos with answers.
        fpr: wanted false-positive rate; None = no threshold.
        prior: share of fakes to tell the precision for; None = none.

    Returns:
        Plain JSON types: "at_fpr", "prior", "precision" (of the operating point), "precision_of_labels" (of the
        answers' own labels; either is None without videos of both labels); None if nothing was asked.

    Raises:
        ConfigError: the rate cannot be measured on so few real videos, or a number is out of range.
    """
    if fpr is None and prior is None:
        return None
    found: dict[str, Any] = {"at_fpr": None, "prior": prior, "precision": None, "precision_of_labels": None}
    point = None if fpr is None else _point(items, fpr)
    if point is not None:
        found["at_fpr"] = {"wanted": fpr} | point.to_json()
    if prior is not None:
        found["precision_of_labels"] = _precision(_rate(items, True), _rate(items, False), prior)
        if point is not None:
            found["precision"] = _precision(point.tpr, point.fpr, prior)
    return found


def _point(items: Sequence[Item], fpr: float) -> OperatingPoint:
    said = video_scores(items)
    real, fake = (said.scores[said.has_score & (said.is_fake == wanted)] for wanted in (False, True))
    return operating_point(real, fake, fpr)


def _rate(items: Sequence[Item], is_fake: bool) -> float:
    """Share of the videos of one label that were called fake; NaN without any."""
    chosen = [i.called_fake for i in items if i.is_fake == is_fake]
    return sum(chosen) / len(chosen) if chosen else math.nan


def _precision(tpr: float, fpr: float, prior: float) -> float | None:
    """None where a rate is not known for lack of videos of that label, or where nothing is called fake."""
    if math.isnan(tpr) or math.isnan(fpr):
        require_prior(prior)
        return None
    value = precision_at_prior(tpr, fpr, prior)
    return value if math.isfinite(value) else None
