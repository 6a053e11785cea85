"""Metrics of hand-made outputs, worked out by hand for each kind of head."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.batch import collate, make_sample
from dtr.clock import Clock
from dtr.errors import DetectorError
from dtr.head import Batch
from dtr.spec import HeadSpec, TensorSpec
from dtr.validation import ClipTruth, HeadEvaluator, clip_geometry_of, clip_outputs
from tests.handmade import BT, batch_of, clip, fake, real, unseen

BINS = [0.0, 0.25, 0.5]
SPECS = {
    "label": HeadSpec("label", 1, (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", BT))),
    "category": HeadSpec("category", 1, (TensorSpec("token_logits", (*BT, "P", 9)),)),
    "box": HeadSpec("box", 1, (TensorSpec("heat_logits", (*BT, "P")), TensorSpec("boxes", (*BT, "P", 4)))),
    "boundary": HeadSpec(
        "boundary",
        1,
        (
            TensorSpec("action_logits", BT),
            TensorSpec("start_logits", (*BT, 3)),
            TensorSpec("end_logits", (*BT, 3)),
        ),
        params={"bins_s": BINS},
    ),
}


def measure(kind: str, batch: Batch, **fields: torch.Tensor) -> dict[str, float]:
    names = [o.name for o in SPECS[kind].outputs]
    output = namedtuple("Output", names)(**fields)
    evaluator = HeadEvaluator("head", SPECS[kind])
    evaluator.update(output, batch)
    return {name: float(value) for name, value in evaluator.compute().items()}


def test_label__is_measured_on_videos_whose_label_is_known() -> None:
    unknown = VideoAnnotation("unknown", Path("v.mp4"), None)
    batch = batch_of(fake(), real(), real(), unknown)
    logits = torch.tensor([0.5, -1.0, 1.0, 9.0])
    found = measure("label", batch, video_logit=logits, step_logits=torch.zeros(4, 16))
    assert found["video_auroc"] == 0.5
    assert found["video_accuracy"] == pytest.approx(2 / 3)
    assert (found["video_fake_accuracy"], found["video_real_accuracy"]) == (1.0, 0.5)


def test_label__windows_of_a_clip_are_one_video() -> None:
    batch = batch_of(fake(), real(), steps=20)  # two windows each, the second with twelve steps
    logits = torch.tensor([2.0, -1.0, -2.0, 1.0])
    found = measure("label", batch, video_logit=logits, step_logits=torch.zeros(4, 16))
    # (16 · 2 − 12 · 1) / 28 > 0 > (−16 · 2 + 12 · 1) / 28
    assert (found["video_auroc"], found["video_accuracy"]) == (1.0, 1.0)


def test_box__best_candidate_against_every_row_and_real_videos_as_false_positives() -> None:
    rows = [TraceAnnotation(box=(0.0, 0.0, 0.5, 1.0)), TraceAnnotation(box=(0.5, 0.5, 1.0, 1.0))]
    batch = batch_of(fake(*rows), real(), unseen(), fake(TraceAnnotation(span_s=(0.0, 1.0))))
    boxes = torch.tensor([0.0, 0.0, 0.5, 0.5]).expand(4, 16, 4, 4)
    heat = torch.tensor([2.0, 4.0, 6.0, 8.0])[:, None, None].expand(4, 16, 4)
    found = measure("box", batch, heat_logits=heat, boxes=boxes)
    assert found["box_iou"] == pytest.approx((0.5 + 0.0) / 2)
    distance = [0.25 / 2**0.5, 0.5]  # centres: (0.25, 0.25) to (0.25, 0.5), and to (0.75, 0.75)
    assert found["box_distance"] == pytest.approx(np.mean(distance))
    # The real clip's candidate is hotter than the one that hits: precision 1/2 up to recall 1/2, nothing beyond.
    assert found["map_iou_0.3"] == pytest.approx(0.5 * 51 / 101, abs=1e-6)


def test_boundary__onset_span_and_share_of_the_video() -> None:
    centre = 4.5 / 6
    batch = batch_of(fake(TraceAnnotation(span_s=(centre, centre + 0.5))), unseen())
    action = torch.full((2, 16), -30.0)
    action[:, 4] = 4.0
    start, end = torch.full((2, 16, 3), -40.0), torch.full((2, 16, 3), -40.0)
    start[..., 1] = end[..., 2] = 40.0
    found = measure("boundary", batch, action_logits=action, start_logits=start, end_logits=end)
    assert found["onset_error_s"] == pytest.approx(0.25, abs=1e-5)
    assert found["time_distance"] == pytest.approx(0.25 / 2.0, abs=1e-5)
    assert found["tiou"] == pytest.approx(0.5 / 0.75, abs=1e-5)
    assert (found["map_tiou_0.5"], found["map_tiou_0.7"]) == (1.0, 0.0)


def test_category__every_tagged_trace_is_a_row_and_untagged_ones_are_none() -> None:
    def tagged(*names: str) -> TraceAnnotation:
        return TraceAnnotation(categories=frozenset(names))

    batch = batch_of(fake(tagged(CATEGORIES[0])), fake(tagged(CATEGORIES[1]), TraceAnnotation()), real(), unseen())
    logits = torch.full((4, 16, 4, 9), -4.0)
    logits[..., 0] = 4.0
    found = measure("category", batch, token_logits=logits)
    assert found["map"] == pytest.approx(0.5)  # both rows score alike
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["micro_f1"] == pytest.approx(0.5)


def test_category__is_pooled_inside_the_annotated_tube() -> None:
    first = TraceAnnotation(span_s=(0.0, 1.0), box=(0.0, 0.0, 0.5, 0.5), categories=frozenset({CATEGORIES[2]}))
    second = TraceAnnotation(span_s=(1.0, 2.0), box=(0.5, 0.5, 1.0, 1.0), categories=frozenset({CATEGORIES[7]}))
    logits = torch.full((1, 16, 4, 9), -4.0)
    logits[0, :6, 0, 2] = 4.0
    logits[0, 6:, 3, 7] = 4.0
    found = measure("category", batch_of(fake(first, second)), token_logits=logits)
    assert found == {"macro_f1": 1.0, "micro_f1": 1.0, "map": 1.0}


@pytest.mark.parametrize("kind", ["box", "boundary", "category"])
def test_nothing_annotated__is_nan_not_zero(kind: str) -> None:
    sizes: dict[Any, int] = {"B": 2, "T": 16, "P": 4}
    fields = {o.name: torch.zeros([sizes.get(a, a) for a in o.axes]) for o in SPECS[kind].outputs}
    found = measure(kind, batch_of(real(), unseen()), **fields)
    assert all(np.isnan(value) for value in found.values()), found


def test_outputs_that_are_not_finite__are_an_error_of_the_head() -> None:
    batch = batch_of(fake(TraceAnnotation(box=(0.0, 0.0, 0.5, 1.0))))
    broken = torch.full((1, 16, 4), float("nan"))
    with pytest.raises(DetectorError, match="head 'head': output 'heat_logits' must be finite"):
        measure("box", batch, heat_logits=broken, boxes=torch.zeros(1, 16, 4, 4))


def test_clip_geometry_of__gives_back_the_clip_whatever_it_was_batched_with() -> None:
    small, large = clip(20, tokens=2), clip(37)
    small.token_mask[3] = False
    samples = [make_sample(real(), c, Clock().window_steps(c.num_steps)) for c in (small, large)]
    batch = collate(samples)
    for place, source in enumerate((small, large)):
        geometry = clip_geometry_of(batch, place)
        tokens = source.tokens.shape[1]
        np.testing.assert_allclose(geometry.step_s, source.step_s, atol=1e-6)
        np.testing.assert_array_equal(geometry.token_mask[:, :tokens], source.token_mask)
        assert not geometry.token_mask[:, tokens:].any()
        np.testing.assert_allclose(geometry.cells[:, :tokens], source.cells, atol=1e-6)
        np.testing.assert_array_equal(geometry.window_steps, Clock().window_steps(source.num_steps))
        assert geometry.duration_s == pytest.approx(source.num_steps / 6)


def test_clip_outputs__are_the_rows_of_that_clip() -> None:
    batch = batch_of(real(), real(), steps=20)
    output = namedtuple("Output", ["video_logit"])(torch.arange(4.0))
    assert clip_outputs(output, "head", batch, 1)["head.video_logit"].tolist() == [2.0, 3.0]


def test_clip_truth__one_box_surrounds_a_moving_one_over_its_span() -> None:
    moving = TraceAnnotation(span_s=(1.0, 2.0), boxes=((0.0, (0, 0, 0.2, 0.2)), (4.0, (0.4, 0, 0.6, 0.2))))
    batch = batch_of(fake(moving, TraceAnnotation(span_s=(2.0, 3.0))), steps=20)
    truth = ClipTruth(batch, 0, clip_geometry_of(batch, 0))
    first, last = 6.5 / 6, 11.5 / 6  # middles of the steps of its span
    assert truth.boxes[0] == pytest.approx([first / 10, 0, last / 10 + 0.2, 0.2], abs=1e-6)
    assert len(truth.boxes) == 1
    assert np.allclose(truth.spans_s, [[1, 2], [2, 3]])
    assert (truth.label, truth.annotated, truth.exhaustive) == (1.0, True, False)
    assert truth.duration_s == pytest.approx(20 / 6)
