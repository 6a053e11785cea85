"""Kinds of trace and all candidates beside their floors, in the form of the figures of place and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dtr.annotation import VideoAnnotation
from dtr.evaluation.candidate_floors import candidate_floor_statistics
from dtr.evaluation.candidates import candidate_statistics
from dtr.evaluation.category import category_floors, category_statistics, tagged_rows
from dtr.evaluation.compared import Compared, compare
from dtr.evaluation.counted import Counted
from dtr.evaluation.figures import FloatArray, Statistic
from dtr.evaluation.items import Item
from dtr.evaluation.rows import Policy
from dtr.floors import Floors

POLICIES: tuple[Policy, ...] = ("own", "oracle")


def category_compared(
    items: Sequence[Item], train: Sequence[VideoAnnotation] | None, weights: FloatArray, threshold: float = 0.5
) -> dict[Policy, dict[str, Compared]]:
    """Figures of `CATEGORY_FIGURES` under both policies, beside constant categories.

    Args:
        items: V videos; weights: (n + 1, V).
        train: tagged training videos for the floors; None = no floors.
        threshold: a category is called if its score is at least this.

    Raises:
        AnnotationError: no training row has a category.
        DetectorError: a category score is not a number in [0, 1].
    """
    found: dict[Policy, dict[str, Compared]] = {}
    for policy in POLICIES:
        model = category_statistics(tagged_rows(items, policy), threshold)
        constants = {} if train is None else category_floors(items, train, policy)
        floors = {name: category_statistics(rows, threshold) for name, rows in constants.items()}
        by_figure = {key: {name: table[key].statistic for name, table in floors.items()} for key in model}
        found[policy] = _all_compared(model, by_figure, weights)
    return found


def candidate_compared(
    items: Sequence[Item], floors: Floors | None, weights: FloatArray
) -> dict[Policy, dict[str, Compared]]:
    """Figures of `CANDIDATE_FIGURES` and "trace_ece" under both policies, beside constant places and times.

    Args:
        items: V videos; weights: (n + 1, V).
        floors: fitted on training rows; None = no floors.

    Raises:
        DetectorError: a candidate is not finite.
        AnnotationError: a trace is not finite.
    """
    found: dict[Policy, dict[str, Compared]] = {}
    for policy, model in candidate_statistics(items).items():
        constants = {} if floors is None else candidate_floor_statistics(items, floors, policy)
        found[policy] = _all_compared(model, constants, weights)
    return found


def _all_compared(
    model: Mapping[str, Counted], floors: Mapping[str, Mapping[str, Statistic]], weights: FloatArray
) -> dict[str, Compared]:
    """Each figure beside its floors; an error (…_ece) is better where it is lower."""
    return {name: compare(c, floors.get(name, {}), weights, lower=name.endswith("_ece")) for name, c in model.items()}
