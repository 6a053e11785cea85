"""What kind of trace: the video's single answer against the tags of every tagged trace row of a generated video.

A row whose tags are all outside the nine ("none of the above") counts: whatever is called there is wrong. Only the nine
categories are scored; other names in an answer have no tag to be compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES, VideoAnnotation
from dtr.checks import checked_scores
from dtr.errors import AnnotationError
from dtr.evaluation.counted import Counted, remembered
from dtr.evaluation.figures import FloatArray, Statistic, ratio_statistic
from dtr.evaluation.items import Item
from dtr.evaluation.rows import Policy
from dtr.metrics.weighted import weighted_average_precision

CATEGORY_FIGURES = ("category_map", "category_macro_f1", "category_micro_f1", "category_top1")
"""Keys of `category_statistics`, in its order."""

CONFUSION_NAMES = (*CATEGORIES, "none")
"""Both axes of `confusion`."""


@dataclass(frozen=True)
class CategoryRows:
    """Tagged trace rows with what was said of them: R rows, C categories, V videos.

    Attributes:
        scores: (R, C) in [0, 1]; all 0 = nothing is called.
        target: (R, C) bool; a row without any = tags outside the nine.
        videos: (R,) index of the row's video; num_videos: V.
        said: some answer has categories at all.
    """

    scores: FloatArray
    target: NDArray[np.bool_]
    videos: NDArray[np.int64]
    num_videos: int
    said: bool

    def per_video(self, values: FloatArray) -> FloatArray:
        """(V, …) sums over the rows of each video of (R, …) values."""
        sums = np.zeros((self.num_videos, *values.shape[1:]))
        np.add.at(sums, self.videos, values)
        return sums


def tagged_rows(items: Sequence[Item], policy: Policy = "oracle") -> CategoryRows:
    """Every tagged row with the categories of its video's single answer.

    Args:
        items: V videos.
        policy: "own" = a video that was not called fake has no categories; "oracle" = the label is not looked at.

    Raises:
        DetectorError: a category score is not a number in [0, 1].

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import TraceAnnotation
        >>> trace = TraceAnnotation(categories=frozenset({"Sudden Blurring"}))
        >>> rows = tagged_rows([Item(VideoAnnotation("a", Path("a"), "fake", traces=(trace,)), None)])
        >>> int(rows.target.sum()), float(rows.scores.sum()), rows.said
        (1, 0.0, False)
    """
    answers = [_scores(item, policy) for item in items]
    said = any(item.prediction is not None and item.prediction.categories for item in items)
    return _rows(items, answers, said)


def category_statistics(rows: CategoryRows, threshold: float = 0.5) -> dict[str, Counted]:
    """Every figure of `CATEGORY_FIGURES`.

    Macro figures are means over the categories that a drawn row has: of the others nothing can be found, but wrong
    answers in them still lower the micro F1. The top category is right if it is one of the row's; rows outside the
    nine have none and are left out there.

    Args:
        rows: from `tagged_rows` or `category_floors`.
        threshold: a category is called if its score is at least this and above 0.

    Example:
        >>> rows = CategoryRows(np.array([[0.9, 0.8], [0.2, 0.6]]), np.eye(2, dtype=bool), np.array([0, 1]), 2, True)
        >>> [round(float(c.statistic(np.ones((1, 2)))[0]), 3) for c in category_statistics(rows).values()]
        [0.75, 0.833, 0.8, 1.0]
    """
    n = len(rows.target)
    reason = "no answer has categories" if not rows.said else "no trace row has a tag of the nine categories"
    tagged = rows.target.any(axis=1)
    top_right = _is_top(rows) & tagged
    macro, micro = _f1_statistics(rows, threshold)
    top = ratio_statistic(rows.per_video(top_right.astype(float)), rows.per_video(tagged.astype(float)))
    found = {
        "category_map": (remembered(_map_statistic(rows)), n),
        "category_macro_f1": (macro, n),
        "category_micro_f1": (micro, n),
        "category_top1": (top, int(tagged.sum())),
    }
    return {
        name: Counted(statistic if rows.said else _nothing, count, "tagged rows", reason)
        for name, (statistic, count) in found.items()
    }


def category_floors(
    items: Sequence[Item], train: Sequence[VideoAnnotation], policy: Policy = "oracle"
) -> dict[str, CategoryRows]:
    """What the same categories for every video would score; average precision of any constant is the prevalence.

    Args:
        items: to score; train: to find the most frequent category on.
        policy: "own" = only videos that the model called fake are answered.

    Returns:
        "most_frequent" (that one category always) and "all" (every category always: the stronger one for F1).

    Raises:
        AnnotationError: no training row has a category.
    """
    counts = np.array([sum(name in (t.categories or ()) for v in train for t in v.traces or ()) for name in CATEGORIES])
    if not counts.any():
        raise AnnotationError(
            f"a floor for categories needs tagged training rows, got none in {len(train)} videos; give the annotated "
            "training split"
        )
    constants = {"most_frequent": np.eye(len(CATEGORIES))[int(counts.argmax())], "all": np.ones(len(CATEGORIES))}
    return {
        name: _rows(items, [c * float(policy == "oracle" or i.called_fake) for i in items], said=True)
        for name, c in constants.items()
    }


def confusion(rows: CategoryRows) -> NDArray[np.int64]:
    """How often each category was the top one on rows with each tag; axes are `CONFUSION_NAMES`.

    A row with two tags counts in both lines; tags outside the nine count as "none". Nothing scored above 0 is "none" in
    the columns. Equal scores go to the earlier category.

    Returns:
        (C + 1, C + 1) counts, tags down, top category across.

    Example:
        >>> rows = CategoryRows(np.array([[0.9, 0.8], [0.0, 0.0]]), np.eye(2, dtype=bool), np.array([0, 1]), 2, True)
        >>> confusion(rows).tolist()
        [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    """
    count = rows.scores.shape[1]
    truth = np.concatenate([rows.target, ~rows.target.any(axis=1, keepdims=True)], axis=1)
    table = np.zeros((count + 1, count + 1), dtype=np.int64)
    row, tag = np.nonzero(truth)
    np.add.at(table, (tag, _top(rows)[row]), 1)
    return table


def _scores(item: Item, policy: Policy) -> FloatArray:
    """(C,) of the single answer; 0 where nothing is said."""
    if item.prediction is None or (policy == "own" and not item.called_fake):
        return np.zeros(len(CATEGORIES))
    said = item.prediction.categories
    if not said:
        return np.zeros(len(CATEGORIES))
    return checked_scores(
        [said.get(name, 0.0) for name in CATEGORIES], f"category scores of video {item.video.video_id}"
    )


def _rows(items: Sequence[Item], answers: Sequence[FloatArray], said: bool) -> CategoryRows:
    scores, target, videos = [], [], []
    for place, (item, answer) in enumerate(zip(items, answers, strict=True)):
        for trace in item.rows if item.is_fake else ():
            if trace.categories is not None:
                scores.append(answer)
                target.append([name in trace.categories for name in CATEGORIES])
                videos.append(place)
    shape = (-1, len(CATEGORIES))
    return CategoryRows(
        np.array(scores, dtype=np.float64).reshape(shape),
        np.array(target, dtype=np.bool_).reshape(shape),
        np.array(videos, dtype=np.int64),
        len(items),
        said,
    )


def _top(rows: CategoryRows) -> NDArray[np.int64]:
    """(R,) index of the highest score; C = nothing is above 0."""
    if not len(rows.scores):
        return np.zeros(0, dtype=np.int64)
    return np.where(rows.scores.max(axis=1) > 0, rows.scores.argmax(axis=1), rows.scores.shape[1])


def _is_top(rows: CategoryRows) -> NDArray[np.bool_]:
    with_none = np.concatenate([rows.target, np.zeros((len(rows.target), 1), dtype=np.bool_)], axis=1)
    return with_none[np.arange(len(with_none)), _top(rows)]


def _map_statistic(rows: CategoryRows) -> Statistic:
    columns = [(rows.scores[:, c], rows.target[:, c]) for c in range(rows.scores.shape[1])]

    def value(weights: FloatArray) -> FloatArray:
        of_rows = weights[:, rows.videos]
        return _mean_of_present(np.stack([weighted_average_precision(*c, of_rows) for c in columns], axis=1))

    return value


def _f1_statistics(rows: CategoryRows, threshold: float) -> tuple[Statistic, Statistic]:
    """Macro and micro F1, from counts per video."""
    called = (rows.scores >= threshold) & (rows.scores > 0)
    # F1 = 2 TP / (2 TP + FP + FN), and the called and the true ones together are 2 TP + FP + FN.
    hits = 2.0 * rows.per_video((called & rows.target).astype(float))  # (V, C)
    either = rows.per_video(called.astype(float)) + rows.per_video(rows.target.astype(float))
    true = rows.per_video(rows.target.astype(float))

    def macro(weights: FloatArray) -> FloatArray:
        below = weights @ either
        present = weights @ true > 0
        return _mean_of_present(np.divide(weights @ hits, below, out=np.full(below.shape, np.nan), where=present))

    def micro(weights: FloatArray) -> FloatArray:
        value = ratio_statistic(hits.sum(axis=1), either.sum(axis=1))(weights)
        return np.where(weights @ true.sum(axis=1) > 0, value, np.nan)

    return macro, micro


def _mean_of_present(values: FloatArray) -> FloatArray:
    """(n,) mean of (n, C) over what is not NaN; NaN where nothing is."""
    present = np.isfinite(values)
    total, count = np.where(present, values, 0.0).sum(axis=1), present.sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _nothing(weights: FloatArray) -> FloatArray:
    return np.full(len(weights), np.nan)
