from __future__ import annotations

import numpy as np
import pytest

from dtr.annotation import CATEGORIES, TraceAnnotation
from dtr.calibration import PlattCalibration, brier, sigmoid
from dtr.collect import ClipResult, calibrate_head, run_heads
from dtr.detector_calibration import (
    ABSTAIN,
    best_f,
    calibrate_detector,
    calibration_quality,
    matches,
    with_operating_data,
)
from dtr.model_info import ModelInfo
from tests.handmade import BACKBONE, EchoLabel, HandmadeHead, OneBox, OneCategory, batch_of, fake, info_of, real, unseen

HERE = (0.0, 0.0, 0.5, 0.5)
FOUND = TraceAnnotation(span_s=(0.0, 2.0), box=HERE, categories=frozenset({CATEGORIES[0]}))
MISSED = TraceAnnotation(span_s=(0.0, 2.0), box=(0.5, 0.5, 1.0, 1.0), categories=frozenset({CATEGORIES[3]}))
HEADS: dict[str, HandmadeHead] = {"is": EchoLabel(), "where": OneBox(HERE), "what": OneCategory(0, 3.0)}
VALUES = [3.0, 2.0, -0.5, 0.5, -2.0, -3.0]


def clips(heads: dict[str, HandmadeHead] | None = None) -> list[ClipResult]:
    """Two fakes whose trace is found, one whose is not, and three real clips."""
    videos = [fake(FOUND, name="a"), fake(FOUND, name="b"), fake(MISSED, name="c"), real("d"), real("e"), real("f")]
    return list(run_heads(heads or HEADS, [batch_of(*videos, values=VALUES)], BACKBONE))


def calibrated(heads: dict[str, HandmadeHead] | None = None) -> ModelInfo:
    heads = heads or HEADS
    found = {}
    for name, head in heads.items():
        found |= {target: c.to_json() for target, c in calibrate_head(name, head.spec(), clips(heads)).items()}
    return calibrate_detector(info_of(heads, calibration=found), clips(heads))


def test_calibrate_detector__label_trace_and_category_are_fitted_apart() -> None:
    info = calibrated()
    assert set(info.calibration) == {"label", "trace", "category"}
    assert {target: (c["n"], c["n_positive"]) for target, c in info.calibration.items()} == {
        "label": (6, 3),
        "trace": (6, 2),
        "category": (27, 3),
    }
    assert info.operating == {"real_logits": [-2.9999, -1.9999, 0.5001], "fake_logits": [-0.5, 2.0, 3.0]}
    low, high = info.thresholds["abstain"]
    assert low < 0.5 < high
    # The clips nearest to even odds are those of the logits -0.5 and 0.5, a third of either class.
    scores = PlattCalibration.from_json(info.calibration["label"]).apply(VALUES)
    assert [low <= s < high for s in scores].count(True) in (1, 2)


def test_calibrate_detector__one_class_only_keeps_the_conventional_band() -> None:
    results = list(run_heads(HEADS, [batch_of(fake(FOUND), fake(FOUND), values=[1.0, 2.0])], BACKBONE))
    info = calibrate_detector(info_of(HEADS), results)
    assert info.thresholds["abstain"] == list(ABSTAIN)
    assert info.operating == {"real_logits": [], "fake_logits": [1.0, 2.0]}
    assert info.calibration == {}


def test_with_operating_data__only_a_label_head_gives_any() -> None:
    heads: dict[str, HandmadeHead] = {"where": OneBox(HERE)}
    info = info_of(heads)
    assert with_operating_data(info, clips(heads)) is info


def test_calibration_quality__before_and_after_on_other_clips() -> None:
    info = calibrated()
    videos = [fake(FOUND, name="g"), fake(MISSED, name="h"), fake(MISSED, name="i"), real("j")]
    others = list(run_heads(HEADS, [batch_of(*videos, values=[1.5, 0.1, 1.0, -1.0])], BACKBONE))
    quality = calibration_quality(info, others)
    assert list(quality["scores"]) == ["label", "trace", "category"]
    label = quality["scores"]["label"]
    assert (label["n"], label["n_positive"]) == (4, 3)
    logits, target = np.array([1.5, 0.1, 1.0, -1.0]), [1, 1, 1, 0]
    # Three fakes in four clips: both sets of scores are shifted by the log-odds of 3/4.
    assert label["brier_before"] == pytest.approx(brier(sigmoid(logits + np.log(3)), target))
    fitted = PlattCalibration.from_json(info.calibration["label"])
    after = sigmoid(fitted.slope * logits + fitted.intercept + np.log(3))
    assert label["brier_after"] == pytest.approx(brier(after, target))
    assert quality["scores"]["trace"]["n"] == 4
    assert quality["scores"]["trace"]["n_positive"] == 1
    assert quality["scores"]["category"]["n"] == 27
    band = quality["abstain"]
    low, high = info.thresholds["abstain"]
    scores = fitted.apply(logits)
    unsure = (low <= scores) & (scores < high)
    assert (band["n"], band["share"]) == (4, pytest.approx(unsure.mean()))
    wrong = (scores >= 0.5) != (np.array(target) == 1)
    assert band["error_answered"] == pytest.approx(wrong[~unsure].mean())


def test_calibration_quality__what_is_not_there_is_left_out() -> None:
    assert calibration_quality(info_of(HEADS), clips()) == {"scores": {}, "abstain": {}}
    assert calibration_quality(calibrated(), []) == {"scores": {}, "abstain": {}}
    one_class = list(run_heads(HEADS, [batch_of(real("x"))], BACKBONE))
    assert set(calibration_quality(calibrated(), one_class)["scores"]) == {"trace"}


def test_matches__half_an_annotation_judges_no_candidate() -> None:
    here, elsewhere = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
    whole = TraceAnnotation(span_s=(0.0, 2.0), box=here)
    # As many boxes as spans, of different traces: they are no pair.
    halves = TraceAnnotation(span_s=(0.0, 2.0)), TraceAnnotation(box=here)
    heads = {"is": EchoLabel(), "where": OneBox(here)}
    clips = [fake(whole), fake(TraceAnnotation(span_s=(0.0, 2.0), box=elsewhere)), real(), fake(*halves), unseen()]
    results = list(run_heads(heads, [batch_of(*clips)], BACKBONE))
    assert [r.truth.paired for r in results] == [True, True, True, False, True]
    raw, found, num_traces = matches(info_of(heads), results)
    assert len(raw) == len(found)
    assert found == [1, 0, 0]
    assert num_traces == 2


def test_matches__a_generated_clip_without_a_trace_is_no_negative() -> None:
    heads = {"is": EchoLabel(), "where": OneBox((0.0, 0.0, 0.5, 0.5))}
    results = list(run_heads(heads, [batch_of(fake(), real())], BACKBONE))
    assert results[0].truth.annotated
    raw, found, num_traces = matches(info_of(heads), results)
    assert (len(raw), found, num_traces) == (1, [0], 0)


def test_best_f__counts_what_was_never_found() -> None:
    assert best_f([0.9, 0.5, 0.4], [1, 0, 1]) == 0.4
    assert best_f([0.9, 0.5, 0.4], [1, 0, 1], 40) == 0.4
    assert best_f([0.9, 0.5, 0.4, 0.3, 0.2], [1, 0, 0, 0, 1]) == 0.9
    assert best_f([0.9, 0.5, 0.4, 0.3, 0.2], [1, 0, 0, 0, 1], 40) == 0.2
    assert best_f([0.9, 0.5, 0.4], [1, 0, 1], beta=0.5) == 0.9
