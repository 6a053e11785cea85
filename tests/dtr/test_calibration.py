import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.metrics import brier_score_loss

from dtr.calibration import (
    MIN_SLOPE,
    PlattCalibration,
    brier,
    ece,
    fit_platt,
    sigmoid,
    threshold_for_fpr,
)
from dtr.errors import AnnotationError, ConfigError, DetectorError


def noisy(n, slope, intercept, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, n)
    return logits, (rng.random(n) < sigmoid(slope * logits + intercept)).astype(int)


def test_fit_platt__is_the_minimum_of_platts_objective():
    logits, labels = noisy(60, 0.8, 0.5)
    up, down = (labels.sum() + 1) / (labels.sum() + 2), 1 / ((1 - labels).sum() + 2)
    t = np.where(labels == 1, up, down)
    second = minimize(
        lambda w: np.sum(np.logaddexp(0, w[0] * logits + w[1]) - t * (w[0] * logits + w[1])), [1.0, 0.0], tol=1e-12
    )
    fit = fit_platt(logits, labels)
    assert [fit.slope, fit.intercept] == pytest.approx(second.x, abs=1e-4)


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, -1.0), (0.3, 2.0)])
def test_fit_platt__finds_known_parameters(slope, intercept):
    fit = fit_platt(*noisy(40_000, slope, intercept))
    assert (fit.slope, fit.intercept) == pytest.approx((slope, intercept), abs=0.08)


def test_fit_platt__does_not_depend_on_scale_and_shift_of_the_logits():
    logits, labels = noisy(50, 1.0, 0.0)
    plain, moved = fit_platt(logits, labels), fit_platt(logits * 1e4 - 3e6, labels)
    assert moved.slope >= 0
    # MIN_SLOPE must not bind here: the slope in the new unit is 1e-4 of the old one, so shrink instead of stretch.
    small = fit_platt(logits * 1e-4 + 7, labels)
    assert small.apply(logits * 1e-4 + 7) == pytest.approx(plain.apply(logits), abs=1e-6)


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.1, 1e6))
@settings(max_examples=30, deadline=None)
def test_fit_platt__is_finite_and_ordered_on_separable_data(negatives, positives, gap):
    logits = np.concatenate([-gap - np.arange(negatives), gap + np.arange(positives)])
    fit = fit_platt(logits, [0] * negatives + [1] * positives)
    scores = fit.apply(logits)
    assert math.isfinite(fit.slope)
    assert math.isfinite(fit.intercept)
    assert scores[:negatives].max() <= scores[negatives:].min()


def test_fit_platt__never_turns_a_backward_head_round():
    fit = fit_platt([3.0, 2.0, 1.0, -1.0, -2.0, -4.0], [0, 0, 0, 0, 1, 1])
    assert fit.slope == MIN_SLOPE
    assert fit.apply([-5.0, 5.0])[0] < fit.apply([-5.0, 5.0])[1]
    smoothed = (4 * (1 / 6) + 2 * (3 / 4)) / 6
    assert fit.apply([3.0, 2.0, 1.0, -1.0, -2.0, -4.0]).mean() == pytest.approx(smoothed, abs=1e-9)


def test_fit_platt__equal_logits_give_the_prior():
    fit = fit_platt([2.0] * 8, [1] * 2 + [0] * 6)
    assert float(fit.apply(2.0)) == pytest.approx((2 * 3 / 4 + 6 / 8) / 8)


def test_fit_platt__l2_flattens():
    logits, labels = noisy(40, 2.0, 0.0)
    assert fit_platt(logits, labels, l2=10.0).slope < fit_platt(logits, labels).slope


@pytest.mark.parametrize(
    ("logits", "labels", "error", "says"),
    [
        ([1.0, 2.0], [1, 1], AnnotationError, "both classes, got 2 positive and 0 negative"),
        ([], [], AnnotationError, "both classes"),
        ([1.0, np.nan], [0, 1], DetectorError, "must be finite, got nan"),
        ([1.0, 2.0], [0, 2], AnnotationError, "must be 0"),
        ([1.0, 2.0], [0], AnnotationError, "one value per score"),
    ],
)
def test_fit_platt__says_what_is_wrong(logits, labels, error, says):
    with pytest.raises(error, match=says):
        fit_platt(logits, labels)
    with pytest.raises(ConfigError, match="l2 must"):
        fit_platt([0.0, 1.0], [0, 1], l2=-1.0)


def test_platt_calibration__survives_json_and_moves_to_a_prior_and_back():
    fit = fit_platt(*noisy(100, 1.0, 0.3), target="trace")
    assert PlattCalibration.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    moved = fit.with_prior(0.01)
    assert moved.prior == 0.01
    assert float(moved.apply(0.0)) < float(fit.apply(0.0))
    odds = moved.apply([0.0, 1.0]) / (1 - moved.apply([0.0, 1.0]))
    before = fit.apply([0.0, 1.0]) / (1 - fit.apply([0.0, 1.0]))
    assert odds / before == pytest.approx((0.01 / 0.99) / (fit.prior / (1 - fit.prior)))
    assert moved.with_prior(fit.prior).intercept == pytest.approx(fit.intercept)


@pytest.mark.parametrize(
    "change",
    [
        {"slope": "steep"},
        {"slope": None},
        {"slope": -1.0},
        {"slope": math.nan},
        {"prior": 1.0},
        {"intercept": math.inf},
    ],
)
def test_platt_calibration__refuses_json_that_is_not_ours(change):
    good = PlattCalibration(1.0, 0.0, 4, 2, 0.5).to_json()
    with pytest.raises(DetectorError, match=r"calibration|prior"):
        PlattCalibration.from_json({**good, **change})
    with pytest.raises(DetectorError, match="slope"):
        PlattCalibration.from_json({"intercept": 0.0})


def test_platt_calibration__refuses_nan_logits_and_impossible_priors():
    calibration = PlattCalibration(1.0, 0.0, 4, 2, 0.5)
    with pytest.raises(DetectorError, match="got NaN"):
        calibration.apply([0.0, math.nan])
    with pytest.raises(ConfigError, match="inside"):
        calibration.with_prior(1.0)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=30), st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_threshold_for_fpr__keeps_the_rate_and_is_lowest(tenths, fpr):
    scores = np.array(tenths) / 10
    threshold = threshold_for_fpr(scores, fpr)
    assert np.mean(scores >= threshold) <= fpr + 1e-9
    assert np.mean(scores >= np.nextafter(threshold, -1)) > fpr - 1e-9


def test_threshold_for_fpr__says_what_is_wrong():
    with pytest.raises(ConfigError, match=r"\[0, 1\), got 5"):
        threshold_for_fpr([0.1], 5)
    with pytest.raises(ConfigError, match="real videos"):
        threshold_for_fpr([], 0.1)


def test_ece__agrees_with_a_loop_over_bins_and_with_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.classification import binary_calibration_error

    rng = np.random.default_rng(1)
    scores = rng.random(400)
    target = (rng.random(400) < scores**2).astype(int)
    total = 0.0
    for b in range(15):
        inside = (scores >= b / 15) & (scores < (b + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(scores[inside].mean() - target[inside].mean())
    assert ece(scores, target) == pytest.approx(total)
    theirs = binary_calibration_error(torch.tensor(scores), torch.tensor(target), n_bins=15, norm="l1")
    assert ece(scores, target) == pytest.approx(float(theirs), abs=1e-6)


def test_ece__edges():
    assert ece([1.0, 0.0], [1, 0]) == 0.0
    assert ece([1.0], [0]) == 1.0
    assert math.isnan(ece([], []))
    with pytest.raises(DetectorError, match="not logits"):
        ece([3.0], [1])
    with pytest.raises(ConfigError, match="bin"):
        ece([0.5], [1], bins=0)


def test_brier__agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    scores, target = rng.random(50), rng.integers(0, 2, 50)
    assert brier(scores, target) == pytest.approx(brier_score_loss(target, scores))
    assert math.isnan(brier([], []))
