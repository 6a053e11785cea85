import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from dtr.calibration import ece, sigmoid
from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.intervals import clopper_pearson
from dtr.metrics.operating import (
    abstain_band,
    log_odds,
    min_fpr,
    operating_point,
    precision_at_prior,
    reliability,
    require_fpr,
    reweight_scores,
    risk_coverage,
    roc_curve,
)

TIED = st.integers(0, 10).map(lambda i: i / 10)  # few values, so that ties are common
PRIORS = st.floats(0.01, 0.99)
RATES = st.floats(0, 1, allow_subnormal=False)
quick = settings(max_examples=60, deadline=None)


@given(st.lists(TIED, min_size=2, max_size=30), st.lists(TIED, max_size=20), st.floats(0.01, 0.99))
@quick
def test_operating_point__is_the_best_of_all_thresholds_within_the_rate(real, fake, fpr):
    real, fake = np.array(real), np.array(fake)
    if fpr < 1 / len(real):
        with pytest.raises(ConfigError):
            operating_point(real, fake, fpr)
        return
    point = operating_point(real, fake, fpr)
    assert point.fpr == (real >= point.threshold).mean() <= fpr
    tried = [t for t in np.unique([*real, *fake, 2.0]) if (real >= t).mean() <= fpr]
    assert (point.n_real, point.n_fake) == (len(real), len(fake))
    if len(fake):
        assert point.tpr == (fake >= point.threshold).mean() == max((fake >= t).mean() for t in tried)
        assert point.tpr_interval == clopper_pearson(int((fake >= point.threshold).sum()), len(fake))
    else:
        assert math.isnan(point.tpr)
        assert point.to_json()["tpr"] is None


def test_operating_point__with_ties_it_never_passes_the_rate():
    point = operating_point([0.9, 0.9, 0.9, 0.1], [0.9, 0.95], 0.5)
    assert (point.fpr, point.tpr) == (0.0, 0.5)
    assert point.fpr_interval == clopper_pearson(0, 4)
    top = operating_point([1.0, 0.2], [1.0], 0.5)
    assert (top.fpr, top.tpr) == (0.5, 1.0)
    assert operating_point([1.0, 1.0], [1.0], 0.5).threshold > 1  # nothing can be called fake


@pytest.mark.parametrize("fpr", [0.05, 0.1, 0.3])
def test_operating_point__new_videos_keep_the_rate_on_average(fpr):
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(1500):  # scores are uniform, so that the true rate is 1 - threshold
        point = operating_point(rng.random(25), [], fpr, new_videos=True)
        rates.append(1 - point.threshold)
        assert point.expected_fpr <= fpr + 1e-9
    assert np.mean(rates) == pytest.approx(point.expected_fpr, abs=0.006)
    plain = [1 - operating_point(rng.random(25), [], fpr).threshold for _ in range(1500)]
    assert np.mean(plain) > np.mean(rates)  # and above `fpr` where fpr * 25 is a whole number of videos


def test_min_fpr__one_of_the_real_videos():
    assert min_fpr(28) == 1 / 28
    assert operating_point(np.linspace(0, 1, 28), [], 1 / 28).fpr == 1 / 28
    with pytest.raises(ConfigError, match="got 0"):
        min_fpr(0)


def test_require_fpr__names_what_is_needed_and_what_is_there():
    message = r"0\.001 needs at least 1000 real videos.*got 28; the smallest rate they support is 0\.0358"
    with pytest.raises(ConfigError, match=message):
        require_fpr(0.001, 28)
    require_fpr(0.0358, 28)
    with pytest.raises(ConfigError, match="at least 100 real"):
        require_fpr(0.01, 99)
    require_fpr(0.01, 100)


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_require_fpr__a_rate_is_inside_0_and_1(fpr):
    with pytest.raises(ConfigError, match="inside"):
        require_fpr(fpr, 1000)


@given(st.lists(st.tuples(TIED, st.booleans()), min_size=1, max_size=40))
@quick
@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
def test_roc_curve__agrees_with_scikit_learn(rows):
    scores, target = [s for s, _ in rows], [int(y) for _, y in rows]
    curve = roc_curve(scores, target)
    fpr, tpr, thresholds = sklearn.metrics.roc_curve(target, scores, pos_label=1, drop_intermediate=False)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    for ours, theirs, present in ((curve.fpr, fpr, 0 in target), (curve.tpr, tpr, 1 in target)):
        assert np.isnan(ours).all() if not present else np.allclose(ours, theirs)


def test_risk_coverage__by_hand():
    curve = risk_coverage([3.0, 2.0, 1.0], [1, 0, 1])
    assert curve.coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert curve.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3])
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    tied = risk_coverage([1.0, 1.0, 1.0, 1.0], [1, 0, 0, 1])
    assert tied.risk.tolist() == [0.5] * 4  # nothing is known of an order among them
    assert math.isnan(risk_coverage([], []).area)


@given(st.lists(st.tuples(TIED, st.booleans()), min_size=1, max_size=6), st.randoms())
@quick
def test_risk_coverage__is_the_mean_over_all_orders_of_ties(rows, random):
    confidence, correct = np.array([c for c, _ in rows]), np.array([float(y) for _, y in rows])
    curve = risk_coverage(confidence, correct)
    drawn = []
    rng = np.random.default_rng(random.randint(0, 10**6))
    for _ in range(400):
        order = np.lexsort((rng.random(len(rows)), -confidence))
        drawn.append(np.cumsum(1 - correct[order]) / np.arange(1, len(rows) + 1))
    np.testing.assert_allclose(curve.risk, np.mean(drawn, axis=0), atol=0.15)
    shuffled = rng.permutation(len(rows))
    np.testing.assert_allclose(risk_coverage(confidence[shuffled], correct[shuffled]).risk, curve.risk)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_reliability__agrees_with_scikit_learn_and_with_the_calibration_error(bins):
    rng = np.random.default_rng(bins)
    scores = rng.random(200) * 0.8  # leaves bins empty
    target = (rng.random(200) < scores).astype(int)
    found = reliability(scores, target, bins)
    filled = found.n > 0
    share, mean = calibration_curve(target, scores, n_bins=bins)
    np.testing.assert_allclose(found.fake_share[filled], share)
    np.testing.assert_allclose(found.mean_score[filled], mean)
    assert np.isnan(found.mean_score[~filled]).all()
    assert np.isnan(found.low[~filled]).all()
    assert found.n.sum() == 200
    assert ((found.low <= found.fake_share) & (found.fake_share <= found.high))[filled].all()
    gap = np.abs(found.fake_share - found.mean_score)[filled]
    assert (gap * found.n[filled]).sum() / 200 == pytest.approx(ece(scores, target, bins))


def test_reliability__without_videos_every_bin_is_empty():
    found = reliability([], [], 3)
    assert found.n.tolist() == [0, 0, 0]
    assert np.isnan(found.fake_share).all()
    assert reliability([0.0, 1.0], [0, 1], 2).n.tolist() == [1, 1]
    with pytest.raises(ConfigError, match="bin"):
        reliability([0.5], [1], 0)


@given(RATES, RATES, PRIORS)
@quick
def test_precision_at_prior__counts_a_population(tpr, fpr, prior):
    fakes, reals = 1000 * prior * tpr, 1000 * (1 - prior) * fpr
    found = precision_at_prior(tpr, fpr, prior)
    assert math.isnan(found) if fakes + reals == 0 else found == pytest.approx(fakes / (fakes + reals))


@given(st.lists(st.floats(0, 1), max_size=10), PRIORS, PRIORS)
@quick
def test_reweight_scores__is_a_shift_of_the_log_odds_and_goes_back(scores, old, new):
    moved = reweight_scores(scores, old, new)
    shift = log_odds(new) - log_odds(old)
    np.testing.assert_allclose(moved, sigmoid(log_odds(scores) + shift), atol=1e-12)
    np.testing.assert_allclose(reweight_scores(moved, new, old), scores, atol=1e-9)


def test_reweight_scores__by_bayes_rule_on_a_population():
    # A score of 0.8 among as many fakes as reals: four fakes for each real. With nine reals to a fake there: 4 to 9.
    assert reweight_scores([0.8], 0.5, 0.1).tolist() == pytest.approx([4 / 13])


def test_abstain_band__holds_a_score_a_hair_below_a_step():
    close = 0.9899999999999999
    for threshold in (close, 0.99):
        low, high = abstain_band([0.0], [close], threshold=threshold, share=0.2)
        assert low <= close < high
        assert low <= threshold <= high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15), st.lists(st.floats(0, 1), min_size=1, max_size=15), PRIORS)
@quick
def test_abstain_band__is_the_narrowest_that_holds_the_share(real, fake, threshold):
    low, high = abstain_band(real, fake, threshold=threshold, share=0.2)
    assert low <= threshold <= high

    def held(inside):
        return (np.mean([inside(s) for s in real]) + np.mean([inside(s) for s in fake])) / 2

    assert held(lambda s: low <= s < high or s == 1.0) >= 0.2 - 1e-9
    reach = min(log_odds(threshold) - log_odds(low + 1e-4), log_odds(high - 1e-4) - log_odds(threshold))
    narrower = held(lambda s: abs(log_odds(s) - log_odds(threshold)) < reach - 1e-6)
    assert narrower < 0.2 + 1e-9


def test_abstain_band__counts_each_class_for_half():
    # One real clip close by is half of the videos, whatever the number of fakes.
    assert abstain_band([0.45], [0.9] * 99, share=0.5) == (0.45, 0.5501)
    low, high = abstain_band([0.45], [0.9] * 99, share=0.6)
    assert (low, high) == pytest.approx((0.1, 0.9), abs=2e-4)
    assert abstain_band([0.4], [0.6], threshold=0.3, share=0) == (0.3, 0.3)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"threshold": 1.0}, "threshold"), ({"share": 1.0}, "share"), ({"share": -0.1}, "share")],
)
def test_abstain_band__refuses_what_is_out_of_range(change, words):
    with pytest.raises(ConfigError, match=words):
        abstain_band([0.1], [0.9], **change)
    with pytest.raises(ConfigError, match="both classes, got 0 real and 1 generated"):
        abstain_band([], [0.9])


@pytest.mark.parametrize("scores", [[math.nan, 0.5], [1.5, 0.5], [-0.1, 0.5]])
def test_scores__that_are_none_are_refused_everywhere(scores):
    for call in (
        lambda: operating_point(scores, [0.5], 0.5),
        lambda: operating_point([0.5, 0.5], scores, 0.5),
        lambda: reliability(scores, [0, 1]),
        lambda: reweight_scores(scores, 0.5, 0.1),
        lambda: abstain_band(scores, [0.5]),
    ):
        with pytest.raises(DetectorError):
            call()


def test_arguments__that_do_not_fit_are_refused():
    with pytest.raises(DetectorError, match="finite"):
        roc_curve([math.nan], [1])
    with pytest.raises(DetectorError, match="finite"):
        risk_coverage([math.inf], [1])
    for call in (roc_curve, risk_coverage, reliability):
        with pytest.raises(AnnotationError, match="pair"):
            call([0.5, 0.5], [1])
    for prior in (0.0, 1.0, math.nan):
        with pytest.raises(ConfigError, match="prior"):
            reweight_scores([0.5], 0.5, prior)
        with pytest.raises(ConfigError, match="prior"):
            precision_at_prior(0.5, 0.5, prior)
    with pytest.raises(ConfigError, match="rates"):
        precision_at_prior(1.5, 0.5, 0.5)
