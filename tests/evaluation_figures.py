"""Figures without floors: statistics applied to weights."""

from __future__ import annotations

from collections.abc import Sequence

from dtr.evaluation.candidates import candidate_statistics
from dtr.evaluation.category import category_statistics, tagged_rows
from dtr.evaluation.counted import figures
from dtr.evaluation.figures import Figure, FloatArray
from dtr.evaluation.items import Item
from dtr.evaluation.label import label_statistics
from dtr.evaluation.rows import Policy


def label_figures(items: Sequence[Item], weights: FloatArray) -> dict[str, Figure]:
    return figures(label_statistics(items), weights)


def category_figures(
    items: Sequence[Item], weights: FloatArray, policy: Policy = "oracle", threshold: float = 0.5
) -> dict[str, Figure]:
    return figures(category_statistics(tagged_rows(items, policy), threshold), weights)


def candidate_figures(items: Sequence[Item], weights: FloatArray, policy: Policy = "oracle") -> dict[str, Figure]:
    return figures(candidate_statistics(items)[policy], weights)
