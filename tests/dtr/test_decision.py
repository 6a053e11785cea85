from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.calibration import PlattCalibration
from dtr.decision import ABSTAIN_SHARE, Decision, decide, fit_band, operating_data
from dtr.errors import ConfigError, DetectorError
from dtr.metrics.operating import log_odds
from dtr.model_info import ModelInfo
from tests.handmade import EchoLabel, info_of

LABEL = PlattCalibration(0.5, -0.25, 40, 20, 0.5)
REAL = [-3.0 + 0.2 * i for i in range(20)]  # -3.0 to 0.8
FAKE = [-1.0 + 0.2 * i for i in range(20)]  # -1.0 to 2.8


def detector(**changes: Any) -> ModelInfo:
    facts: dict[str, Any] = {
        "calibration": {"label": LABEL.to_json()},
        "thresholds": {"label": 0.5, "abstain": [0.45, 0.55]},
        "operating": operating_data([*REAL, *FAKE], [0] * 20 + [1] * 20),
    } | changes
    return info_of({"is": EchoLabel()}, **facts)


def test_decide__nothing_asked_is_the_detectors_own() -> None:
    decision = decide(detector())
    assert (decision.threshold, decision.abstain, decision.point) == (0.5, (0.45, 0.55), None)
    assert float(decision.score(1.0)) == pytest.approx(float(LABEL.apply(1.0)))
    assert [decision.unsure(s) for s in (0.44, 0.45, 0.5, 0.55)] == [False, True, True, False]
    assert decision.trace_factor(1.0) == 1.0
    assert decision.to_json() == {"threshold": 0.5, "abstain": [0.45, 0.55], "prior": 0.5, "operating_point": None}


def test_decide__an_uncalibrated_detector_without_anything_still_decides() -> None:
    decision = decide(detector(calibration={}, thresholds={}, operating={}))
    assert (decision.threshold, decision.abstain) == (0.5, None)
    assert float(decision.score(0.0)) == 0.5
    assert not decision.unsure(0.5)
    assert decision.to_json()["prior"] is None


@pytest.mark.parametrize(("fpr", "alarms"), [(0.05, 0), (0.1, 1), (0.25, 4)])
def test_decide__a_false_positive_rate_is_one_for_new_videos(fpr: float, alarms: int) -> None:
    decision = decide(detector(), fpr=fpr)
    called = int((decision.score(REAL) >= decision.threshold).sum())
    assert called == alarms
    assert (called + 1) / 21 <= fpr < (called + 2) / 21
    assert decision.point is not None
    assert (decision.point.fpr, decision.point.n_real, decision.point.n_fake) == (alarms / 20, 20, 20)
    record = json.loads(json.dumps(decision.to_json(), allow_nan=False))
    assert record["operating_point"]["asked_fpr"] == fpr
    assert record["operating_point"]["expected_fpr"] == pytest.approx((alarms + 1) / 21, abs=1e-6)


@pytest.mark.parametrize("fpr", [0.05, 0.1, 0.5])
def test_decide__the_abstain_band_goes_with_the_threshold(fpr: float) -> None:
    def held(decision: Decision) -> float:
        return float(np.mean([[decision.unsure(float(s)) for s in decision.score(clips)] for clips in (REAL, FAKE)]))

    own, moved = decide(detector()), decide(detector(), fpr=fpr)
    assert moved.unsure(moved.threshold)
    assert held(own) <= held(moved) <= held(own) + 0.051  # as many clips, or one of either class more
    rare = decide(detector(), fpr=fpr, prior=0.001)
    assert held(rare) == pytest.approx(held(moved))
    assert rare.unsure(rare.threshold)


def test_decide__without_fakes_the_band_is_shifted_as_it_is() -> None:
    operating = operating_data(REAL, [0] * 20)
    moved = decide(detector(operating=operating), fpr=0.1)
    assert moved.abstain is not None
    np.testing.assert_allclose(log_odds(moved.abstain) - log_odds(moved.threshold), log_odds([0.45, 0.55]))
    assert decide(detector(operating=operating, thresholds={}), fpr=0.1).abstain is None


def test_decide__where_nothing_can_be_called_fake_nothing_is_too_close_either() -> None:
    certain = detector(calibration={}, operating={"real_logits": [0.0, 900.0], "fake_logits": [900.0]})
    decision = decide(certain, fpr=0.5)
    assert decision.threshold > 1
    assert decision.abstain is None


def test_decide__another_prior_keeps_the_threshold_and_moves_the_scores() -> None:
    rare = decide(detector(), prior=0.1)
    assert (rare.threshold, rare.abstain) == (0.5, (0.45, 0.55))
    odds = log_odds(rare.score(FAKE)) - log_odds(LABEL.apply(FAKE))
    np.testing.assert_allclose(odds, np.log(0.1 / 0.9))
    assert rare.to_json()["prior"] == 0.1
    # A trace exists in a fake only: its chance shrinks as that of a fake does.
    assert rare.trace_factor(1.0) == pytest.approx(float(rare.score(1.0) / LABEL.apply(1.0)))


@given(
    st.lists(st.floats(-8, 8), min_size=5, max_size=40),
    st.lists(st.floats(-8, 8), max_size=20),
    st.sampled_from([0.2, 0.25, 0.5]),
    st.floats(0.001, 0.999),
)
@settings(max_examples=60, deadline=None)
def test_decide__with_both_the_same_videos_stay_above_the_threshold(
    real: list[float], fake: list[float], fpr: float, prior: float
) -> None:
    info = detector(operating=operating_data([*real, *fake], [0.0] * len(real) + [1.0] * len(fake)))
    plain, moved = decide(info, fpr=fpr), decide(info, fpr=fpr, prior=prior)
    for logits in (real, fake):
        np.testing.assert_array_equal(plain.score(logits) >= plain.threshold, moved.score(logits) >= moved.threshold)
    assert (plain.score(real) >= plain.threshold).mean() <= fpr  # rounding of the stored logits never adds an alarm


def test_decide__refuses_what_the_detector_cannot_support() -> None:
    with pytest.raises(ConfigError, match=r"at least 100 real videos.*got 20; the smallest rate they support is 0\.05"):
        decide(detector(), fpr=0.01)
    for old in ({}, {"real_logits": [], "fake_logits": [1.0]}):
        with pytest.raises(ConfigError, match=r"hand@1: .*carries none; make it again"):
            decide(detector(operating=old), fpr=0.1)
    with pytest.raises(ConfigError, match="not calibrated"):
        decide(detector(calibration={}), prior=0.1)
    for prior in (0.0, 1.0, 2.0, float("nan")):
        with pytest.raises(ConfigError, match="prior"):
            decide(detector(), prior=prior)
    for fpr in (0.0, 1.0, float("nan")):
        with pytest.raises(ConfigError, match="inside"):
            decide(detector(), fpr=fpr)


@pytest.mark.parametrize("logits", [["a"], [None, 1.0], "abc", [[1.0]], {"a": 1}])
def test_decide__damaged_operating_data_are_an_error(logits: Any) -> None:
    with pytest.raises(DetectorError, match="hand@1"):
        decide(detector(operating={"real_logits": logits, "fake_logits": []}), fpr=0.2)


def test_operating_data__is_sorted_and_rounded_so_that_it_never_flatters() -> None:
    logits = [0.30005, -0.12345678, 2.0, 1.0]
    found = operating_data(logits, [0, 0, 1, 1])
    assert found["fake_logits"] == [1.0, 2.0]
    assert found["real_logits"] == [-0.1234, 0.3001]
    assert operating_data([], []) == {"real_logits": [], "fake_logits": []}


def test_fit_band__holds_its_share_of_the_calibration_clips() -> None:
    operating = operating_data([*REAL, *FAKE], [0] * 20 + [1] * 20)
    low, high = fit_band(LABEL, operating, 0.5)["abstain"]
    inside = [np.mean([low <= float(LABEL.apply(x)) < high for x in clips]) for clips in (REAL, FAKE)]
    assert ABSTAIN_SHARE <= np.mean(inside) <= ABSTAIN_SHARE + 0.05
    assert fit_band(LABEL, operating_data([1.0], [1]), 0.5) == {}
