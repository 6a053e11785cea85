"""The main figures of a set of answers as plain numbers: for tables that compare many sets (folds, transforms)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dtr.evaluation.candidates import KEYS, match_candidates, precision_statistics
from dtr.evaluation.category import category_statistics, tagged_rows
from dtr.evaluation.figures import FloatArray, Statistic, mean_statistic
from dtr.evaluation.items import Item
from dtr.evaluation.label import label_statistics
from dtr.evaluation.rows import ROW_METRICS, answer_rows, model_answer

LOWER_IS_BETTER = frozenset({"box_distance", "time_distance", "onset_error_s"})
LABEL_MEASURES = ("auroc", "accuracy", "fake_accuracy", "real_accuracy")
MEASURES = (*LABEL_MEASURES, *ROW_METRICS, "category_map", KEYS["both"])
"""Keys of `measure`, in the order of every table."""


def measure(items: Sequence[Item]) -> dict[str, float]:
    """Label figures per video; place, time and kind per trace row under oracle labels (every fake is answered).

    Args:
        items: videos with answers; one without an answer counts as wrong.

    Returns:
        By name of `MEASURES`; NaN where the videos do not define it. All in [0, 1] but `onset_error_s` (seconds).
        `category_map` is the mean average precision of categories over tagged rows, `map_both` that of candidates that
        overlap a trace in place and in time.

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> from dtr.predictions import Prediction
        >>> clips = [VideoAnnotation(v, Path(v), label) for v, label in (("a", "fake"), ("b", "real"))]
        >>> said = (Prediction("a", "fake", 0.9), Prediction("b", "fake", 0.6))
        >>> found = measure([Item(clip, answer) for clip, answer in zip(clips, said, strict=True)])
        >>> found["auroc"], found["accuracy"], found["real_accuracy"]
        (1.0, 0.5, 0.0)
    """
    if not items:
        return dict.fromkeys(MEASURES, math.nan)
    ones = np.ones((1, len(items)))
    return {name: float(statistic(ones)[0]) for name, statistic in measure_statistics(items).items()}


def measure_statistics(
    items: Sequence[Item], rows: Mapping[str, list[FloatArray]] | None = None
) -> dict[str, Statistic]:
    """The figures of `measure` as functions of video weights: one call gives a table of folds, slices or resamples.

    Args:
        items: V videos.
        rows: their `answer_rows` under oracle labels, if they are known already.

    Raises:
        AnnotationError: a video with annotated times states no duration.
        DetectorError: a score or a candidate is not a finite number in its range.
    """
    if rows is None:
        rows = answer_rows(items, [model_answer(item, "oracle") for item in items])
    label, category = label_statistics(items), category_statistics(tagged_rows(items))
    both = precision_statistics(match_candidates(items, "both"), "both")
    found = {name: label[name].statistic for name in LABEL_MEASURES}
    found |= {name: mean_statistic(rows[name]) for name in ROW_METRICS}
    return found | {"category_map": category["category_map"].statistic, KEYS["both"]: both[KEYS["both"]].statistic}
