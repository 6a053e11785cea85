"""Place and time, compared with the floors twice: under the model's own labels and under oracle labels.

Under its own labels a detector that calls few videos fake scores badly whatever its boxes are like, and a floor that
answers every video would look better than it is. So there the floors answer only where the model said FAKE too; under
oracle labels both answer for every generated video.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dtr.evaluation.compared import Compared, compare
from dtr.evaluation.counted import Counted
from dtr.evaluation.figures import FloatArray, mean_statistic
from dtr.evaluation.items import Item
from dtr.evaluation.rows import (
    BOX_METRICS,
    ROW_METRICS,
    TIME_METRICS,
    Answer,
    Policy,
    answer_rows,
    floor_answers,
    floor_name,
    model_answer,
)
from dtr.floors import Floors

RECALL_AT = (0.3, 0.5, 0.7)
LOWER_IS_BETTER = frozenset({"box_distance", "time_distance", "onset_error_s"})
POLICIES: tuple[Policy, ...] = ("own", "oracle")
GROUNDING_METRICS = (*ROW_METRICS, *(f"recall_at_tiou_{t:g}" for t in RECALL_AT))
"""Columns of the row table, and the share of rows whose answer reaches a tIoU."""

COLUMNS = {"box": BOX_METRICS, "span": TIME_METRICS, "tube": ("viou",)}
"""What a constant can be scored on: a box says nothing of time, nor a span of place; vIoU needs both."""


def grounding_figures(
    items: Sequence[Item], floors: Floors | None, weights: FloatArray
) -> dict[Policy, dict[str, Compared]]:
    """Every figure of place and time under both policies, beside constant answers.

    Args:
        items: V videos.
        floors: fitted on training rows; None = there are none.
        weights: (n + 1, V).

    Returns:
        By policy, by name of `GROUNDING_METRICS`; all in [0, 1] but `onset_error_s` (seconds).

    Raises:
        AnnotationError: a video with annotated times states no duration.
    """
    constants = floor_answers(items, floors) if floors is not None else {}
    # A constant is the same under both policies but for the videos that are not answered: one table, masked.
    tables = {
        name: _with_recalls(answer_rows(items, a, COLUMNS[name.partition("/")[0]])) for name, a in constants.items()
    }
    nothing = _with_recalls(answer_rows(items, [Answer()] * len(items)))
    found: dict[Policy, dict[str, Compared]] = {}
    for policy in POLICIES:
        model = _with_recalls(answer_rows(items, [model_answer(item, policy) for item in items]))
        found[policy] = {}
        for metric in GROUNDING_METRICS:
            rows = {name: t[metric] for name, t in tables.items() if metric in t}
            if policy == "own":
                rows = {name: _masked(items, r, nothing[metric]) for name, r in rows.items()}
            found[policy][metric] = _compared(metric, model[metric], rows, weights)
    return found


def _compared(
    metric: str, rows: list[FloatArray], floors: Mapping[str, list[FloatArray]], weights: FloatArray
) -> Compared:
    counted = Counted(mean_statistic(rows), sum(map(len, rows)), "rows", _reason(metric))
    statistics = {floor_name(metric, name.partition("/")[2]): mean_statistic(r) for name, r in floors.items()}
    return compare(counted, statistics, weights, lower=metric in LOWER_IS_BETTER)


def _with_recalls(table: dict[str, list[FloatArray]]) -> dict[str, list[FloatArray]]:
    if "tiou" not in table:
        return table
    reached = {f"recall_at_tiou_{t:g}": [(rows >= t).astype(float) for rows in table["tiou"]] for t in RECALL_AT}
    return table | reached


def _masked(items: Sequence[Item], rows: list[FloatArray], nothing: list[FloatArray]) -> list[FloatArray]:
    return [r if item.called_fake else worst for item, r, worst in zip(items, rows, nothing, strict=True)]


def _reason(metric: str) -> str:
    if metric == "viou":
        return "no trace row has both a box and a time"
    return "no trace row has a box" if metric.startswith("box") else "no trace row has a time"
