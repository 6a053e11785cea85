"""Every weighted figure against the plain one on a list in which examples are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from dtr.calibration import brier, ece, threshold_for_fpr
from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.ranking import auroc
from dtr.metrics.weighted import (
    weighted_auroc,
    weighted_average_precision,
    weighted_brier,
    weighted_ece,
    weighted_tpr_at_fpr,
)

rows = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


def pulled_apart(found: list[tuple[int, bool, int]]) -> tuple[Any, Any, Any, Any, Any]:
    """Scores, target and (1, V) weights; and scores and target repeated."""
    scores = np.array([s for s, _, _ in found]) / 6
    target = np.array([y for _, y, _ in found]).astype(int)
    weights = np.array([w for _, _, w in found])
    return scores, target, weights[None].astype(float), np.repeat(scores, weights), np.repeat(target, weights)


@given(rows)
@settings(max_examples=40, deadline=None)
def test_weighted_ranking__is_the_plain_one_of_repeated_examples(found: list[tuple[int, bool, int]]) -> None:
    scores, target, weights, many, truth = pulled_apart(found)
    both = len(set(truth.tolist())) == 2
    area, ap = weighted_auroc(scores, target, weights)[0], weighted_average_precision(scores, target, weights)[0]
    assert area == (auroc(many, truth) if both else pytest.approx(np.nan, nan_ok=True))
    if both:
        assert area == pytest.approx(roc_auc_score(truth, many), abs=1e-12)
    wanted = average_precision_score(truth, many) if truth.any() else np.nan
    assert ap == pytest.approx(wanted, abs=1e-12, nan_ok=True)


@given(rows, st.sampled_from([0.0, 0.05, 0.25, 0.5, 0.9]))
@settings(max_examples=40, deadline=None)
def test_weighted_tpr_at_fpr__is_the_highest_of_the_roc_curve(found: list[tuple[int, bool, int]], limit: float) -> None:
    scores, target, weights, many, truth = pulled_apart(found)
    ours = weighted_tpr_at_fpr(scores, target, weights, limit)[0]
    if len(set(truth.tolist())) < 2:
        assert np.isnan(ours)
        return
    fpr, tpr, _ = roc_curve(truth, many, drop_intermediate=False)
    assert ours == pytest.approx(tpr[fpr <= limit + 1e-9].max(), abs=1e-12)
    threshold = threshold_for_fpr(many[truth == 0], limit)
    assert ours == pytest.approx((many[truth == 1] >= threshold).mean(), abs=1e-12)


@given(rows, st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_weighted_calibration__is_the_plain_one_of_repeated_examples(
    found: list[tuple[int, bool, int]], bins: int
) -> None:
    scores, target, weights, many, truth = pulled_apart(found)
    assert weighted_ece(scores, target, weights, bins)[0] == pytest.approx(ece(many, truth, bins), nan_ok=True)
    assert weighted_brier(scores, target, weights)[0] == pytest.approx(brier(many, truth), nan_ok=True)
    if len(many):
        ours = weighted_brier(scores, target, weights)[0]
        assert ours == pytest.approx(brier_score_loss(truth, many, pos_label=1))


def test_weighted__many_weightings_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(0)
    scores, target = rng.integers(0, 9, 60) / 9, rng.integers(0, 2, 60)
    weights = rng.integers(0, 3, (20, 60)).astype(float)
    for figure in (weighted_auroc, weighted_average_precision, weighted_ece, weighted_brier):
        one_by_one = [figure(scores, target, w[None])[0] for w in weights]
        np.testing.assert_allclose(figure(scores, target, weights), one_by_one, rtol=1e-12)


def test_weighted__weights_that_are_no_whole_numbers() -> None:
    rng = np.random.default_rng(1)
    scores, target, weights = rng.random(40), rng.integers(0, 2, 40), rng.random(40)
    assert weighted_auroc(scores, target, weights[None])[0] == pytest.approx(
        roc_auc_score(target, scores, sample_weight=weights)
    )
    assert weighted_average_precision(scores, target, weights[None])[0] == pytest.approx(
        average_precision_score(target, scores, sample_weight=weights)
    )


def test_weighted__nothing_one_example_and_one_class() -> None:
    for figure in (weighted_auroc, weighted_average_precision, weighted_ece, weighted_brier):
        assert np.isnan(figure([], [], np.ones((3, 0)))).tolist() == [True] * 3
    assert np.isnan(weighted_tpr_at_fpr([], [], np.ones((3, 0)), 0.01)).all()
    assert np.isnan(weighted_auroc([0.5], [1], [[2.0]])[0])
    assert weighted_average_precision([0.5], [1], [[2.0]]).tolist() == [1.0]
    assert weighted_brier([0.5], [1], [[2.0], [0.0]])[0] == 0.25
    assert np.isnan(weighted_brier([0.5], [1], [[2.0], [0.0]])[1])


@pytest.mark.parametrize(
    ("scores", "target", "weights", "error", "says"),
    [
        ([np.nan], [1], [[1.0]], DetectorError, "finite"),
        ([0.5], [3], [[1.0]], AnnotationError, r"0 \(real\) or 1"),
        ([0.5, 0.2], [1], [[1.0, 1.0]], AnnotationError, "one value per score"),
        ([0.5], [1], [1.0], ConfigError, r"shape \(n, 1\)"),
        ([0.5], [1], [[1.0, 1.0]], ConfigError, r"shape \(n, 1\), one per example, got \(1, 2\)"),
        ([0.5], [1], [[-1.0]], ConfigError, "at least 0"),
        ([0.5], [1], [[np.nan]], ConfigError, "finite"),
    ],
)
def test_weighted__says_what_is_wrong(scores: Any, target: Any, weights: Any, error: Any, says: str) -> None:
    for figure in (weighted_auroc, weighted_average_precision, weighted_brier, weighted_ece):
        with pytest.raises(error, match=says):
            figure(scores, target, weights)


def test_weighted__limits_of_options() -> None:
    with pytest.raises(ConfigError, match=r"\[0, 1\)"):
        weighted_tpr_at_fpr([0.5], [1], [[1.0]], 1.0)
    with pytest.raises(ConfigError, match="at least 1 bin"):
        weighted_ece([0.5], [1], [[1.0]], 0)
    with pytest.raises(DetectorError, match=r"\[0, 1\]"):
        weighted_ece([5.0], [1], [[1.0]])
