"""Category figures against the torch metrics on repeated rows, scikit-learn and hand counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.errors import AnnotationError, DetectorError
from dtr.evaluation.category import (
    CATEGORY_FIGURES,
    CONFUSION_NAMES,
    category_floors,
    category_statistics,
    confusion,
    tagged_rows,
)
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.metrics.category import CategoryMetrics
from dtr.predictions import PredictedTrace, Prediction
from tests.evaluation_figures import category_figures
from tests.random_items import repeated, some_items

DISTORTION, BLURRING, TRAJECTORY = CATEGORIES[:3]


def fake(name: str, *tags: frozenset[str] | None) -> VideoAnnotation:
    traces = tuple(TraceAnnotation(categories=t) for t in tags)
    return VideoAnnotation(name, Path(name), "fake", traces=traces)


def said(video: VideoAnnotation, label: str = "fake", **scores: float) -> Item:
    categories = {name: scores[key] for key, name in zip("abc", CATEGORIES, strict=False) if key in scores}
    return Item(video, Prediction(video.video_id, label, traces=(PredictedTrace(0.5, categories=categories),)))  # type: ignore[arg-type]


def ones(items: list[Item]) -> np.ndarray:
    return np.ones((1, len(items)))


@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=8, max_size=8))
@settings(max_examples=20, deadline=None)
def test_category_statistics__are_the_torch_metrics_of_repeated_videos(seed: int, weights: list[int]) -> None:
    items = some_items(seed, 8)
    ours = category_statistics(tagged_rows(items), 0.5)
    rows = tagged_rows(repeated(items, weights))
    if not rows.said or not len(rows.target):
        return
    metric = CategoryMetrics()
    metric.update(rows.scores, rows.target)
    slow = {f"category_{name}": float(v) for name, v in metric.compute().items()}
    for name in ("category_map", "category_macro_f1", "category_micro_f1"):
        value = ours[name].statistic(np.array([weights], dtype=float))[0]
        assert value == pytest.approx(slow[name], abs=1e-6, nan_ok=True), name


def test_category_figures__agree_with_scikit_learn() -> None:
    items = some_items(5, 60)
    rows = tagged_rows(items)
    present = rows.target.any(axis=0)
    found = category_figures(items, draw_weights(60, n=100))
    assert tuple(found) == CATEGORY_FIGURES
    wanted = average_precision_score(rows.target[:, present], rows.scores[:, present], average="macro")
    assert found["category_map"].value == pytest.approx(wanted)
    called = (rows.scores >= 0.5).astype(int)
    assert found["category_macro_f1"].value == pytest.approx(
        f1_score(rows.target[:, present], called[:, present], average="macro", zero_division=0)
    )
    assert found["category_micro_f1"].value == pytest.approx(f1_score(rows.target, called, average="micro"))
    assert all(f.interval[0] <= f.value <= f.interval[1] for f in found.values())
    assert found["category_map"].n == len(rows.target) > 20


def test_category_figures__by_hand_under_both_policies() -> None:
    items = [
        said(fake("a", frozenset({DISTORTION}), frozenset({BLURRING})), a=0.9, b=0.6),
        said(fake("b", frozenset({BLURRING})), "real", a=0.2, b=0.8),
        said(fake("c", frozenset()), a=0.1),
        said(fake("d", None), a=0.9),
    ]
    oracle = category_statistics(tagged_rows(items))
    assert {n: round(float(c.statistic(ones(items))[0]), 4) for n, c in oracle.items()} == {
        "category_map": round((0.5 + (0.5 * 1.0 + 0.5 * 2 / 3)) / 2, 4),
        "category_macro_f1": round((2 / 3 + 0.8) / 2, 4),
        "category_micro_f1": round(2 * 3 / (5 + 3), 4),
        "category_top1": round(2 / 3, 4),
    }
    assert (oracle["category_map"].n, oracle["category_top1"].n) == (4, 3)
    own = category_statistics(tagged_rows(items, "own"))
    assert float(own["category_top1"].statistic(ones(items))[0]) == pytest.approx(1 / 3)
    assert float(own["category_micro_f1"].statistic(ones(items))[0]) == pytest.approx(2 * 2 / (4 + 3))


def test_category_figures__nothing_said_nothing_tagged() -> None:
    silent = category_figures([Item(fake("a", frozenset({BLURRING})), None)], draw_weights(1, n=2))
    assert {f.value for f in silent.values()} == {None}
    assert silent["category_map"].reason == "no answer has categories"
    untagged = category_figures([said(fake("a", None), a=0.5)], draw_weights(1, n=2))
    assert untagged["category_map"].reason == "no trace row has a tag of the nine categories"
    assert untagged["category_map"].n == 0
    outside = category_figures([said(fake("a", frozenset()), a=0.9)], draw_weights(1, n=2))
    assert {f.value for f in outside.values()} == {None}


def test_category_figures__refuses_what_is_no_score() -> None:
    for score in (np.nan, 1.5):
        with pytest.raises(DetectorError, match="category scores of video a"):
            tagged_rows([said(fake("a", frozenset()), a=score)])


def test_category_floors__are_prevalence_and_the_constant_f1() -> None:
    train = [fake("t", frozenset({BLURRING}), frozenset({BLURRING, DISTORTION}))]
    items = [
        said(fake("a", frozenset({DISTORTION})), "real", a=0.9),
        *(said(fake(n, frozenset({BLURRING})), a=0.9) for n in "bcd"),
    ]
    floors = {n: category_statistics(rows) for n, rows in category_floors(items, train).items()}
    values = {n: {k: float(c.statistic(ones(items))[0]) for k, c in table.items()} for n, table in floors.items()}
    assert values["most_frequent"]["category_map"] == values["all"]["category_map"] == pytest.approx((0.25 + 0.75) / 2)
    assert values["most_frequent"]["category_top1"] == 0.75
    assert values["most_frequent"]["category_macro_f1"] == pytest.approx((0 + 6 / 7) / 2)
    assert values["all"]["category_macro_f1"] == pytest.approx((2 / 5 + 6 / 7) / 2)
    own = category_statistics(category_floors(items, train, "own")["most_frequent"])
    assert float(own["category_micro_f1"].statistic(ones(items))[0]) == pytest.approx(6 / 7)
    with pytest.raises(AnnotationError, match="tagged training rows, got none in 1 videos"):
        category_floors(items, [fake("t", None)])


def test_confusion__counts_every_tag_and_what_is_outside() -> None:
    items = [
        said(fake("a", frozenset({DISTORTION, BLURRING})), b=0.6),
        said(fake("b", frozenset({TRAJECTORY})), a=0.3, b=0.3),
        said(fake("c", frozenset()), c=0.1),
        said(fake("d", frozenset({TRAJECTORY})), "real", c=0.9),
        Item(fake("e", frozenset({BLURRING})), None),
    ]
    table = confusion(tagged_rows(items))
    named = {
        (CONFUSION_NAMES[i], CONFUSION_NAMES[j]): int(table[i, j]) for i, j in zip(*np.nonzero(table), strict=True)
    }
    assert named == {
        (DISTORTION, BLURRING): 1,
        (BLURRING, BLURRING): 1,
        (TRAJECTORY, DISTORTION): 1,
        ("none", TRAJECTORY): 1,
        (TRAJECTORY, TRAJECTORY): 1,
        (BLURRING, "none"): 1,
    }
    own = confusion(tagged_rows(items, "own"))
    assert own[CATEGORIES.index(TRAJECTORY), -1] == 1
    assert table.shape == (10, 10)
    assert confusion(tagged_rows([])).sum() == 0
