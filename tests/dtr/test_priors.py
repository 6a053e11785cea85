from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.boxes import box_iou
from dtr.clock import Clock
from dtr.collect import ClipResult
from dtr.model_info import ModelInfo
from dtr.pipeline import decode_outputs
from dtr.priors import MOST_BOXES, choose_weights, fit_priors
from tests.dtr.decode.test_decode import detector_outputs

TRUE_BOX, TRUE_SPAN = (0.1, 0.1, 0.45, 0.5), (1.0, 3.0)


def video(span: tuple[float, float] | None, box: tuple[float, float, float, float] | None) -> VideoAnnotation:
    return VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=4.0, traces=(TraceAnnotation(span, box),))


def answer(noise: float = 0.0) -> tuple[ModelInfo, ClipResult]:
    outputs, specs, geometry = detector_outputs()
    rng = np.random.default_rng(0)
    outputs = {name: v + noise * rng.normal(size=v.shape) for name, v in outputs.items()}
    truth = SimpleNamespace(boxes=[np.array(TRUE_BOX)], spans_s=[np.array(TRUE_SPAN)], duration_s=4.0)
    return ModelInfo("m@0", "b@0", Clock(), (), specs), ClipResult("v", outputs, geometry, truth)  # type: ignore[arg-type]


def test_fit_priors__are_shares_of_the_video_and_boxes_of_training_traces() -> None:
    videos = [video((float(i) / 25, 3.0), (0.0, 0.0, 0.1 + i / 200, 0.5)) for i in range(100) if i < 75]
    prior = fit_priors(videos)
    assert len(prior["prior_boxes"]) == MOST_BOXES
    known = [list(v.traces[0].box) for v in videos]  # type: ignore[index, arg-type]
    assert all(min(np.abs(np.subtract(box, k)).max() for k in known) < 1e-3 for box in prior["prior_boxes"])
    assert np.median(prior["prior_onsets"]) == pytest.approx(1.48 / 4, abs=0.02)
    assert set(prior["prior_offsets"]) == {0.75}


def test_fit_priors__a_moving_trace_is_the_box_around_its_way() -> None:
    moving = TraceAnnotation(boxes=((0.0, (0.1, 0.2, 0.3, 0.4)), (1.0, (0.2, 0.1, 0.5, 0.3))))
    assert fit_priors([replace(video(None, None), traces=(moving,))]) == {"prior_boxes": [[0.1, 0.1, 0.5, 0.4]]}


def test_fit_priors__unknown_places_or_times_give_none() -> None:
    assert set(fit_priors([video(None, TRUE_BOX)])) == {"prior_boxes"}
    assert set(fit_priors([video(TRUE_SPAN, None)])) == {"prior_onsets", "prior_offsets"}
    assert fit_priors([]) == {}


def test_fit_priors__a_video_without_a_duration_says_nothing_of_shares() -> None:
    unknown = replace(video((0.0, 0.5), TRUE_BOX), duration_s=None)
    prior = fit_priors([video(TRUE_SPAN, None), unknown])
    assert set(prior["prior_onsets"]) == {0.25}
    assert prior["prior_boxes"] == [list(TRUE_BOX)]


def test_choose_weights__a_sure_head_needs_no_prior() -> None:
    info, result = answer()
    wrong = {"prior_boxes": [[0.8, 0.8, 1.0, 1.0]], "prior_onsets": [0.9], "prior_offsets": [0.95]}
    chosen = choose_weights(replace(info, decoding=wrong), [result])
    best = decode_outputs(chosen, result.outputs, result.geometry).candidates[0]
    assert box_iou([best.box], [TRUE_BOX])[0, 0] > 0.9
    assert np.allclose(best.span_s, TRUE_SPAN, atol=0.15)


def test_choose_weights__a_head_of_noise_gives_way_to_the_prior() -> None:
    info, result = answer(noise=30.0)
    right = {"prior_boxes": [list(TRUE_BOX)], "prior_onsets": [0.25], "prior_offsets": [0.75]}
    chosen = choose_weights(replace(info, decoding=right), [result])
    assert chosen.decoding["box_prior"] > 0
    assert chosen.decoding["span_prior"] > 0
    best = decode_outputs(chosen, result.outputs, result.geometry).candidates[0]
    assert box_iou([best.box], [TRUE_BOX])[0, 0] > 0.6


def test_choose_weights__without_annotated_clips_the_heads_are_left_alone() -> None:
    info, _ = answer()
    chosen = choose_weights(replace(info, decoding={"prior_boxes": [list(TRUE_BOX)]}), [])
    assert chosen.decoding["box_prior"] == 0
