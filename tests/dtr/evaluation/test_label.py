"""Label figures against scikit-learn, the plain metrics and hand counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from dtr.annotation import Label, VideoAnnotation
from dtr.calibration import brier, ece
from dtr.errors import DetectorError
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.evaluation.label import LABEL_FIGURES, label_statistics
from dtr.metrics.bootstrap import bootstrap_by_video
from dtr.metrics.ranking import auroc
from dtr.predictions import Prediction
from tests.evaluation_figures import label_figures
from tests.random_items import repeated, some_items


def item(truth: Label, said: Label | None, score: float | None = None, *, abstain: bool = False) -> Item:
    return Item(VideoAnnotation("v", Path("v.mp4"), truth), Prediction("v", said, score, abstain=abstain))


def missing(truth: Label) -> Item:
    return Item(VideoAnnotation("v", Path("v.mp4"), truth), None)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=12, max_size=12))
@settings(max_examples=30, deadline=None)
def test_label_statistics__weights_are_repeated_videos(seed: int, weights: list[int]) -> None:
    items = some_items(seed, 12)
    many = repeated(items, weights)
    for name, counted in label_statistics(items).items():
        if name.startswith("tpr"):  # the reason depends on how many real videos there are
            continue
        ours = counted.statistic(np.array([weights], dtype=float))[0]
        plain = label_statistics(many)[name].statistic(np.ones((1, len(many))))[0] if many else np.nan
        if name == "ap" and np.isnan(plain):
            continue  # without any real video the plain figure is not told
        assert ours == pytest.approx(plain, abs=1e-12, nan_ok=True), name


def test_label_figures__agree_with_the_plain_metrics_and_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    target, scores = rng.integers(0, 2, 300), rng.integers(0, 40, 300) / 40
    items = [
        item("fake" if y else "real", "fake" if s >= 0.5 else "real", s) for y, s in zip(target, scores, strict=True)
    ]
    found = label_figures(items, draw_weights(300, n=400))
    assert tuple(found) == LABEL_FIGURES
    assert found["auroc"].value == auroc(scores, target) == pytest.approx(roc_auc_score(target, scores))
    assert found["ap"].value == pytest.approx(average_precision_score(target, scores))
    assert found["ece"].value == pytest.approx(ece(scores, target))
    assert found["brier"].value == pytest.approx(brier(scores, target))
    assert found["accuracy"].value == pytest.approx(((scores >= 0.5) == target).mean())
    rows = [[(s, y)] for s, y in zip(scores, target, strict=True)]
    slow = bootstrap_by_video(rows, lambda r: auroc(r[:, 0], r[:, 1]), n=400, seed=1)
    assert found["auroc"].interval == pytest.approx(slow, abs=0.02)


def test_label_figures__low_rates_need_enough_real_videos() -> None:
    fakes = [item("fake", "fake", 0.6)] * 3
    few = label_figures([*fakes, *[item("real", "real", 0.1)] * 99], draw_weights(102, n=2))
    assert few["tpr_at_fpr_0.01"].value is None
    assert few["tpr_at_fpr_0.01"].reason == "a rate of 0.01 needs 100 real videos, got 99"
    enough = [*fakes, *[item("real", "real", 0.1)] * 99, item("real", "fake", 0.9)]
    found = label_figures(enough, draw_weights(103, n=2))
    assert found["tpr_at_fpr_0.01"].value == 1.0  # one real above all fakes is within one in a hundred
    assert found["tpr_at_fpr_0.001"].reason == "a rate of 0.001 needs 1000 real videos, got 100"
    worse = label_figures([*enough, item("real", "fake", 0.95)], draw_weights(104, n=2))
    assert worse["tpr_at_fpr_0.01"].value == 0.0


def test_label_figures__missing_answers_invalid_labels_and_silence_by_hand() -> None:
    items = [
        item("fake", "fake", 0.9),
        item("fake", "real", 0.4, abstain=True),
        item("fake", None),
        missing("fake"),
        item("real", "fake", None),
        item("real", "real", 0.2),
        missing("real"),
    ]
    found = label_figures(items, draw_weights(len(items), n=5))
    assert {name: found[name].value for name in ("fake_accuracy", "real_accuracy", "false_alarm_rate")} == {
        "fake_accuracy": 0.25,
        "real_accuracy": pytest.approx(1 / 3),
        "false_alarm_rate": pytest.approx(1 / 3),
    }
    assert found["accuracy"].value == pytest.approx(2 / 7)
    assert (found["auroc"].value, found["auroc"].n) == (1.0, 3)
    assert (found["abstain"].value, found["abstain"].n) == (0.2, 5)
    assert (found["accuracy_answered"].value, found["accuracy_answered"].n) == (pytest.approx(2 / 3), 3)


def test_label_figures__no_scores_one_class_one_video() -> None:
    without = label_figures([item("fake", "fake"), item("real", "real")], draw_weights(2, n=3))
    assert without["auroc"].reason == without["brier"].reason == "no answer has a score of fake"
    assert without["accuracy"].value == 1.0
    one = label_figures([item("fake", "fake", 0.75)], draw_weights(1, n=3))
    assert one["auroc"].reason == one["ap"].reason == "a ranking needs scores of both classes, got 1 fake and 0 real"
    assert one["brier"].value == 0.0625
    assert one["brier"].interval == (0.0625, 0.0625)
    assert one["real_accuracy"].reason == "there are no real videos"
    assert all(figure.value is not None or figure.reason for figure in (one | without).values())


def test_label_figures__refuses_scores_that_are_no_chances() -> None:
    for score in (np.nan, 2.0):
        with pytest.raises(DetectorError, match="scores must"):
            label_figures([item("fake", "fake", score), item("real", "real", 0.5)], draw_weights(2, n=2))
