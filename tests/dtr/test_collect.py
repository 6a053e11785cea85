from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.calibration import fit_platt, sigmoid
from dtr.clock import Clock
from dtr.collect import calibrate_head, category_rows, run_heads
from dtr.errors import DetectorError
from dtr.pipeline import trace_logit
from tests.handmade import BACKBONE, EchoLabel, OneBox, OneCategory, batch_of, fake, real, unseen

TAGGED = TraceAnnotation(span_s=(0.0, 1.0), categories=frozenset({CATEGORIES[0]}))
OTHER = TraceAnnotation(box=(0.0, 0.0, 0.5, 0.5), categories=frozenset({CATEGORIES[5]}))


def test_run_heads__every_clip_once_with_the_outputs_of_every_head() -> None:
    batches = [batch_of(fake(name="a"), real("b"), steps=20, values=[2.0, -1.0]), batch_of(unseen("c"), values=[0.5])]
    results = list(run_heads({"is": EchoLabel(), "where": OneBox()}, batches, BACKBONE))
    assert [r.video_id for r in results] == ["a", "b", "c"]
    assert [r.outputs["is.video_logit"].tolist() for r in results] == [[2.0, 2.0], [-1.0, -1.0], [0.5]]
    assert [len(r.geometry.step_s) for r in results] == [20, 20, 12]
    assert results[0].outputs["where.boxes"].shape == (2, 16, 4, 4)
    assert [r.truth.annotated for r in results] == [True, True, False]
    np.testing.assert_array_equal(results[1].geometry.window_steps, Clock().window_steps(20))


def test_run_heads__refuses_features_of_another_backbone() -> None:
    with pytest.raises(DetectorError, match=r"is: expected features of backbone 'other@1', got 'hand@"):
        list(run_heads({"is": EchoLabel()}, [batch_of(real())], "other@1"))


def test_calibrate_head__label_is_platts_fit_of_the_clips_logits() -> None:
    values = [2.0, 1.0, -0.5, 0.5, -2.0, 9.0]
    videos = [fake(name="a"), fake(name="b"), fake(name="c"), real("d"), real("e")]
    nobody_knows = VideoAnnotation("f", Path("f.mp4"), None)
    results = list(run_heads({"is": EchoLabel()}, [batch_of(*videos, nobody_knows, values=values)], BACKBONE))
    found = calibrate_head("is", EchoLabel().spec(), results)
    # Three fakes among five say nothing of how common they are elsewhere: the scores are for an even prior.
    assert found == {"label": fit_platt(values[:5], [1, 1, 1, 0, 0]).with_prior(0.5)}


def test_calibrate_head__one_class_only_stays_uncalibrated() -> None:
    results = list(run_heads({"is": EchoLabel()}, [batch_of(fake(), fake())], BACKBONE))
    assert calibrate_head("is", EchoLabel().spec(), results) == {}
    assert calibrate_head("is", EchoLabel().spec(), []) == {}


def test_calibrate_head__categories_share_one_fit_over_rows_and_columns() -> None:
    results = list(run_heads({"what": OneCategory(0, 3.0)}, [batch_of(fake(TAGGED, OTHER))], BACKBONE))
    found = calibrate_head("what", OneCategory().spec(), results)["category"]
    assert (found.n, found.n_positive) == (18, 2)
    logits = [trace_logit(float(s)) for s in sigmoid([3.0] + [-3.0] * 8)] * 2
    labels = [1] + [0] * 8 + [0] * 5 + [1] + [0] * 3
    assert found.slope == pytest.approx(fit_platt(logits, labels, target="category").slope)


@pytest.mark.parametrize("videos", [[], [real(), unseen(), fake(TraceAnnotation())]])
def test_category_rows__nothing_tagged_gives_no_rows(videos: list) -> None:
    batches = [batch_of(*videos)] if videos else []
    results = list(run_heads({"what": OneCategory()}, batches, BACKBONE))
    scores, target = category_rows("what", results)
    assert scores.shape == target.shape == (0, 9)
    assert calibrate_head("what", OneCategory().spec(), results) == {}


def test_calibrate_head__places_and_times_calibrate_only_together() -> None:
    results = list(run_heads({"where": OneBox()}, [batch_of(fake(OTHER), real())], BACKBONE))
    assert calibrate_head("where", OneBox().spec(), results) == {}
