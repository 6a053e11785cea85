"""From decoded outputs to a verdict, by hand-made numbers and by a detector without torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.annotation import CATEGORIES
from dtr.calibration import PlattCalibration
from dtr.clock import Clock
from dtr.decision import decide
from dtr.decode.assemble import Candidate, ClipDecoding, ClipGeometry
from dtr.errors import ConfigError, DetectorError, VideoError
from dtr.export.runtime import load_model
from dtr.model_info import ModelInfo
from dtr.pipeline import apply_calibration, decode_outputs, judge, trace_logit
from dtr.spec import HeadSpec, TensorSpec
from dtr.views import ViewSpec
from tests.tiny_detector import write_tiny_detector

Clip = Callable[..., Path]


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def info_of(**changes: Any) -> ModelInfo:
    return ModelInfo("toy@1", "net@2", Clock(), (ViewSpec(size=32),), {}, **changes)


def platt(target: str, slope: float, intercept: float) -> dict[str, Any]:
    return PlattCalibration(slope, intercept, 10, 5, 0.5, target).to_json()


def candidate(raw_score: float, categories: list[float] | None = None) -> Candidate:
    box = np.array([0.1, 0.2, 0.5, 0.6])
    return Candidate(
        raw_score,
        {"box": raw_score},
        (0.5, 1.5),
        box,
        np.array([0.5, 1.0]),
        np.stack([box, box]),
        np.array(categories or []),
    )


def decoding(logit: float, *raw_scores: float) -> ClipDecoding:
    return ClipDecoding(logit, np.array([logit, 0.0]), [candidate(s) for s in raw_scores])


def test_apply_calibration__a_real_label_empties_traces_and_keeps_candidates() -> None:
    fake = apply_calibration(info_of(), decoding(2.0, 0.9, 0.6, 0.2))
    assert (fake.label, fake.score) == ("fake", pytest.approx(sigmoid(2.0)))
    assert [t.score for t in fake.traces] == pytest.approx([0.9, 0.6])
    assert [t.score for t in fake.candidates] == pytest.approx([0.2])
    real = apply_calibration(info_of(), decoding(-2.0, 0.9, 0.6, 0.2))
    assert (real.label, real.traces) == ("real", ())
    assert [t.score for t in real.candidates] == pytest.approx([0.9, 0.6, 0.2])


def test_apply_calibration__thresholds_are_the_detectors() -> None:
    info = info_of(thresholds={"label": 0.9, "trace": 0.1})
    assert apply_calibration(info, decoding(2.0, 0.9)).label == "real"  # sigmoid(2) = 0.88
    found = apply_calibration(info, decoding(3.0, 0.9, 0.2, 0.05))
    assert (found.label, len(found.traces), len(found.candidates)) == ("fake", 2, 1)
    exact = info_of(thresholds={"label": 0.5, "trace": 0.6})
    assert apply_calibration(exact, decoding(0.0, 0.6)).label == "fake"  # a score at the threshold is above it
    assert len(apply_calibration(exact, decoding(0.0, 0.6)).traces) == 1


@pytest.mark.parametrize(("logit", "abstains"), [(-0.5, False), (-0.3, True), (0.3, True), (0.5, False)])
def test_apply_calibration__abstains_inside_the_band(logit: float, abstains: bool) -> None:
    judgement = apply_calibration(info_of(thresholds={"abstain": [0.4, 0.6]}), decoding(logit))
    assert judgement.abstain is abstains
    assert apply_calibration(info_of(), decoding(logit)).abstain is False


def test_apply_calibration__label_traces_and_categories_are_calibrated_apart() -> None:
    info = info_of(
        calibration={
            "label": platt("label", 0.5, -1.0),
            "trace": platt("trace", 2.0, 0.25),
            "category": platt("category", 1.5, -0.5),
        }
    )
    raw = [0.1 * (i + 0.5) for i in range(9)]
    found = apply_calibration(info, ClipDecoding(4.0, np.array([4.0, 0.0]), [candidate(0.7, raw)]))
    assert found.score == pytest.approx(sigmoid(0.5 * 4 - 1))
    assert found.frame_scores.tolist() == pytest.approx([sigmoid(1.0), sigmoid(-1.0)])
    (trace,) = found.traces
    assert trace.score == pytest.approx(sigmoid(2 * trace_logit(0.7) + 0.25))
    assert list(trace.categories) == list(CATEGORIES)
    expected = [sigmoid(1.5 * trace_logit(s) - 0.5) for s in raw]
    assert list(trace.categories.values()) == pytest.approx(expected)


CALIBRATED = {"label": platt("label", 1.0, 0.0)}
OPERATING = {"real_logits": [-3.0, -2.0, -1.0, 1.0, 3.0], "fake_logits": [0.0, 2.0, 4.0]}


def test_apply_calibration__an_operating_point_decides_label_and_traces() -> None:
    info = info_of(calibration=CALIBRATED, operating=OPERATING)
    own = apply_calibration(info, decoding(2.0, 0.9, 0.2))
    strict = apply_calibration(info, decoding(2.0, 0.9, 0.2), decide(info, fpr=0.2))  # no real clip may reach it
    assert (own.label, strict.label) == ("fake", "real")
    assert strict.score == own.score
    assert (len(own.traces), strict.traces, len(strict.candidates)) == (1, (), 2)
    lax = apply_calibration(info, decoding(2.0, 0.9, 0.2), decide(info, fpr=0.4))  # one may: the threshold is at 1.0
    assert (lax.label, len(lax.traces)) == ("fake", 1)
    assert lax.frame_scores.tolist() == own.frame_scores.tolist()


def test_apply_calibration__another_prior_moves_scores_frames_and_traces_alike() -> None:
    info = info_of(calibration=CALIBRATED)
    own = apply_calibration(info, decoding(2.0, 0.9, 0.2))
    rare = apply_calibration(info, decoding(2.0, 0.9, 0.2), decide(info, prior=0.3))
    shift = np.log(0.3 / 0.7)
    assert rare.score == pytest.approx(sigmoid(2.0 + shift))
    assert rare.frame_scores.tolist() == pytest.approx([sigmoid(2.0 + shift), sigmoid(shift)])
    scaled = rare.score / own.score
    assert [t.score for t in rare.traces + rare.candidates] == pytest.approx([0.9 * scaled, 0.2 * scaled])
    assert rare.label == "fake"
    assert apply_calibration(info, decoding(2.0, 0.9), decide(info, prior=0.01)).label == "real"
    common = apply_calibration(info, decoding(-2.0, 0.9), decide(info, prior=0.99))
    assert (common.label, common.traces[0].score) == ("fake", 1.0)  # 0.9 × 0.93 / 0.12, but no chance is above 1


def test_apply_calibration__with_both_the_labels_and_traces_are_those_of_the_operating_point() -> None:
    info = info_of(calibration=CALIBRATED, operating=OPERATING)
    for logit in (-2.0, 0.9, 1.1, 4.0):
        plain = apply_calibration(info, decoding(logit, 0.9, 0.2), decide(info, fpr=0.4))
        both = apply_calibration(info, decoding(logit, 0.9, 0.2), decide(info, fpr=0.4, prior=0.01))
        assert (both.label, len(both.traces), both.abstain) == (plain.label, len(plain.traces), plain.abstain)
        assert both.score < plain.score


def test_judge__the_decision_is_in_the_provenance(grey_clip: Clip, tmp_path: Path) -> None:
    path = write_tiny_detector(
        tmp_path / "m.onnx",
        calibration=CALIBRATED,
        thresholds={"label": 0.5, "trace": 0.5, "abstain": [0.4, 0.6]},
        operating=OPERATING,
    )
    model, clip = load_model(path), grey_clip("a.mp4", 250)
    own = judge(clip, model).provenance["decision"]
    assert own == {"threshold": 0.5, "abstain": [0.4, 0.6], "prior": 0.5, "operating_point": None}
    found = judge(clip, model, fpr=0.2, prior=0.01)
    record = found.provenance["decision"]
    assert record["operating_point"]["asked_fpr"] == 0.2
    assert (record["operating_point"]["n_real"], record["prior"]) == (5, 0.01)
    assert (found.label == "fake") is (found.score >= record["threshold"])
    with pytest.raises(ConfigError, match="at least 10 real videos"):
        judge(clip, model, fpr=0.1)


def test_trace_logit__is_finite_at_both_ends() -> None:
    assert trace_logit(0.5) == 0.0
    assert np.isfinite(trace_logit(1.0))
    assert trace_logit(0.0) == pytest.approx(-trace_logit(1.0))


GRID = np.array([[0, 0, 0.5, 1], [0.5, 0, 1, 1]], dtype=np.float32)
OUTPUTS = {
    "label": {"video_logit": ("B",), "step_logits": ("B", "T")},
    "box": {"heat_logits": ("B", "T", "P"), "boxes": ("B", "T", "P", 4)},
}


def outputs_of(kinds: tuple[str, ...], steps: int = 4) -> tuple[ModelInfo, dict[str, np.ndarray], ClipGeometry]:
    """Zeros of one window for heads that are called as their kind, and boxes that are the cells."""
    specs = {k: HeadSpec(k, 1, tuple(TensorSpec(n, a) for n, a in OUTPUTS[k].items()), "net@2") for k in kinds}  # type: ignore[arg-type]
    sizes = {"B": 1, "T": steps, "P": 2}
    outputs = {
        f"{k}.{name}": np.zeros([sizes.get(a, a) for a in axes])  # type: ignore[call-overload, misc]
        for k in kinds
        for name, axes in OUTPUTS[k].items()
    }
    if "box" in kinds:
        outputs["box.boxes"] = np.broadcast_to(GRID, (1, steps, 2, 4)).copy()
    start = np.arange(steps) / 6
    geometry = ClipGeometry(
        np.arange(steps)[None],
        np.stack([start, start + 1 / 6], axis=1),
        np.ones((steps, 2), bool),
        np.broadcast_to(GRID, (steps, 2, 4)),
        steps / 6,
    )
    return replace(info_of(), heads=specs), outputs, geometry


def test_decode_outputs__the_calibrated_label_is_a_factor_of_every_candidate() -> None:
    info, outputs, geometry = outputs_of(("label", "box"))
    outputs["box.heat_logits"][..., 0] = 3.0
    plain = decode_outputs(info, outputs, geometry)
    lowered = replace(info, calibration={"label": platt("label", 1.0, -2.0)})
    found = decode_outputs(lowered, outputs, geometry)
    ratio = [a.raw_score / b.raw_score for a, b in zip(found.candidates, plain.candidates, strict=True)]
    assert ratio == pytest.approx([sigmoid(-2.0) / 0.5] * len(ratio))
    assert found.label_logit == plain.label_logit  # calibration never moves the logit itself


def test_decode_outputs__without_a_label_head_is_refused() -> None:
    info, outputs, geometry = outputs_of(("box",))
    with pytest.raises(DetectorError, match=r"tells real from fake, got only box; train configs/head/binary\.yaml"):
        decode_outputs(info, outputs, geometry)


@pytest.mark.parametrize("name", ["label.video_logit", "label.step_logits", "box.heat_logits", "box.boxes"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_decode_outputs__numbers_that_are_not_finite_are_an_error(name: str, value: float) -> None:
    info, outputs, geometry = outputs_of(("label", "box"))
    outputs[name].reshape(-1)[-1] = value
    head, _, output = name.partition(".")
    with pytest.raises(DetectorError, match=rf"head '{head}': output '{output}' must be finite"):
        decode_outputs(info, outputs, geometry)


def test_decode_outputs__a_head_without_what_its_kind_needs_is_an_error() -> None:
    info, outputs, geometry = outputs_of(("label", "box"))
    del outputs["label.step_logits"]
    with pytest.raises(DetectorError, match="kind 'label' needs an output 'step_logits'"):
        decode_outputs(info, outputs, geometry)


def test_judge__two_runs_differ_in_their_times_only(tiny_model: Path, grey_clip: Clip) -> None:
    clip = grey_clip("a.mp4", 250, frames=30)
    first, second = (judge(clip, load_model(tiny_model)).to_json() for _ in range(2))
    assert set(first.pop("timing_s")) == set(second.pop("timing_s")) == {"decode", "infer"}
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert first["provenance"]["steps"] == len(first["frames"]["times_s"]) == len(first["frames"]["scores"]) == 23
    assert first["provenance"]["masked_steps"] == 0


def test_judge__slow_sources_have_scores_only_where_a_frame_is_new(tiny_model: Path, make_video: Clip) -> None:
    verdict = judge(make_video(num_frames=4, fps=2.0), load_model(tiny_model))
    assert verdict.frame_times_s == (0.0, 0.5, 1.0, 1.5)
    assert len(verdict.frame_scores) == 4
    assert (verdict.provenance["steps"], verdict.provenance["masked_steps"]) == (12, 8)


def test_judge__damage_is_in_the_verdict_or_an_error(tiny_model: Path, make_video: Clip) -> None:
    clip = make_video("cut.webm", codec="libvpx-vp9", num_frames=60, options={"deadline": "realtime"})
    assert judge(clip, load_model(tiny_model)).damage == ()
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    verdict = judge(clip, load_model(tiny_model))
    assert any("ends early" in words for words in verdict.damage)
    assert verdict.to_json()["damage"] == list(verdict.damage)
    with pytest.raises(VideoError, match="--strict"):
        judge(clip, load_model(tiny_model), strict=True)


def test_judge__a_fake_prediction_has_its_best_candidate_below_the_threshold_too(
    grey_clip: Clip, tmp_path: Path
) -> None:
    shy = write_tiny_detector(tmp_path / "shy.onnx", thresholds={"label": 0.5, "trace": 1.1})
    verdict = judge(grey_clip("a.mp4", 250, width=80, height=40), load_model(shy))
    assert (verdict.label, verdict.traces) == ("fake", ())
    row = verdict.to_prediction()
    best = verdict.candidates[0]
    assert (row["predicted_label"], row["fake_probability"]) == ("FAKE", pytest.approx(verdict.score, abs=1e-6))
    assert (row["start_time"], row["end_time"]) == pytest.approx(best.span_s)
    assert list(row["bbox"].values()) == pytest.approx([0, 0, 40, 20], abs=1.0)
    real = judge(grey_clip("b.mp4", 10), load_model(shy)).to_prediction()
    assert (real["predicted_label"], real["bbox"], real["start_time"]) == ("REAL", None, None)


def test_judge__names_the_video_as_told(tiny_model: Path, grey_clip: Clip) -> None:
    clip = grey_clip("night.mp4", 10)
    assert judge(clip, load_model(tiny_model)).video_id == "night"
    assert judge(clip, load_model(tiny_model), video_id="row-7").video_id == "row-7"
