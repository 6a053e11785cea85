"""A whole evaluation, and its edges."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from dtr.annotation import TraceAnnotation
from dtr.errors import AnnotationError, ConfigError
from dtr.evaluation.evaluate import EvaluationOptions, evaluate
from dtr.evaluation.paper import PAPER_METRICS

FEW = EvaluationOptions(resamples=20)


def test_evaluate__json_has_the_promised_keys(videos, answers, train) -> None:
    found = evaluate(videos, answers, train=train, options=FEW).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {"paper", "per_video", "beyond", "floors", "coverage", "intervals"} <= set(found)
    for block in ("paper", "per_video"):
        assert set(PAPER_METRICS) <= set(found[block])
        assert set(found["intervals"][block]) == set(found["floors"][block]) == set(found[block])
    assert set(found["intervals"]["beyond"]) == set(found["beyond"]) == set(found["coverage"]["rows"]["beyond"])
    assert found["paper"]["bbox_iou"] == pytest.approx(100 / 3)
    assert found["beyond"]["oracle"]["box_iou"] == pytest.approx(2 / 3)
    assert found["coverage"]["rows"]["paper"]["accuracy"] == {"n": 6, "unit": "rows"}
    assert "real videos" in found["reasons"]["label"]["tpr_at_fpr_0.01"]


def test_evaluate__same_seed_same_intervals(videos, answers, train) -> None:
    first, again = (evaluate(videos, answers, train=train, options=FEW).to_json() for _ in range(2))
    assert first == again
    other = evaluate(videos, answers, train=train, options=replace(FEW, seed=1)).to_json()
    assert other["paper"] == first["paper"]
    assert other["intervals"] != first["intervals"]


def test_evaluate__metadata_alone_is_a_floor(videos, answers, train) -> None:
    found = evaluate(videos, answers, train=train, options=FEW)
    # Every generated video is 640×480 and every real one 320×240: metadata tells all of them apart.
    assert found.label["auroc"].floors["metadata_only"] == pytest.approx(1.0)
    assert found.paper["accuracy"].floors["metadata_only"] == pytest.approx(100.0)
    assert any("from the annotations alone" in note for note in found.notes)


def test_evaluate__without_training_videos_says_so(videos, answers) -> None:
    found = evaluate(videos, answers, options=FEW)
    assert set(found.paper["bbox_iou"].floors) == {"full_frame", "centre"}
    assert any("no training rows" in note for note in found.notes)
    assert any("no metadata_only floor" in note for note in found.notes)


def test_evaluate__no_answers_at_all(videos, train) -> None:
    found = evaluate(videos, {}, train=train, options=FEW).to_json()
    assert found["paper"]["accuracy"] == 0.0
    assert found["paper"]["time_distance"] == 100.0
    assert found["beyond"]["auroc"] is None
    assert found["coverage"]["answers"]["missing"] == 5


def test_evaluate__one_video(videos, answers) -> None:
    found = evaluate(videos[:1], answers, options=FEW).to_json()
    assert found["paper"]["fake_accuracy"] == 100.0
    assert found["paper"]["real_accuracy"] is None
    assert found["intervals"]["paper"]["fake_accuracy"] == [100.0, 100.0]


def test_evaluate__no_label_at_all_is_an_error(videos) -> None:
    with pytest.raises(AnnotationError, match="needs labelled videos"):
        evaluate([replace(v, label=None) for v in videos], {}, options=FEW)


def test_evaluate__times_without_a_duration_are_counted_not_scored(videos, answers) -> None:
    found = evaluate([replace(v, duration_s=None) for v in videos], answers, options=FEW)
    assert found.paper["time_distance"].model.value is None
    assert found.paper["bbox_iou"].model.value is not None
    assert any("2 videos state no duration" in note for note in found.notes)


def test_evaluate__unlabelled_videos_are_counted(videos, answers) -> None:
    found = evaluate([*videos, replace(videos[0], video_id="x", label=None)], answers, options=FEW)
    assert any("1 videos have no label" in note for note in found.notes)
    assert len(found.items) == 5


def test_evaluate__operating_point_needs_enough_real_videos(videos, answers) -> None:
    with pytest.raises(ConfigError, match="needs at least 100 real videos"):
        evaluate(videos, answers, options=replace(FEW, fpr=0.01))
    found = evaluate(videos, answers, options=replace(FEW, fpr=0.5, prior=0.1)).operating
    assert found["at_fpr"]["n_real"] == 2
    assert found["at_fpr"]["tpr"] == pytest.approx(1.0)
    # One of three generated videos and one of two real ones were called fake.
    assert found["precision_of_labels"] == pytest.approx((1 / 3 * 0.1) / (1 / 3 * 0.1 + 1 / 2 * 0.9))


def test_evaluate__precision_at_a_prior_needs_videos_of_both_labels(videos, answers) -> None:
    for part in (videos[:3], videos[3:]):
        found = evaluate(part, answers, options=replace(FEW, prior=0.1)).operating
        assert (found["precision"], found["precision_of_labels"]) == (None, None)
        with pytest.raises(ConfigError, match="a prior share"):
            evaluate(part, answers, options=replace(FEW, prior=2.0))


def test_evaluate__metadata_that_say_nothing_are_no_floor(videos, answers, train) -> None:
    blank = {"width": None, "height": None, "fps": None}
    plain = [replace(v, duration_s=None, **blank) for v in (*videos, *train)]
    found = evaluate(plain[: len(videos)], answers, train=plain[len(videos) :], options=FEW)
    assert "metadata_only" not in found.label["auroc"].floors
    assert any("no metadata_only floor: neither annotations nor media" in note for note in found.notes)


def test_evaluate__metadata_that_only_the_files_state_are_used(videos, answers, train) -> None:
    blank = {"width": None, "height": None, "fps": None}
    plain = [replace(v, **blank) for v in (*videos, *train)]
    facts = {v.video_id: {"width": v.width, "height": v.height} for v in (*videos, *train)}
    found = evaluate(plain[: len(videos)], answers, train=plain[len(videos) :], facts=facts, options=FEW)
    assert found.label["auroc"].floors["metadata_only"] == pytest.approx(1.0)


def test_evaluate__a_trace_with_nothing_annotated_changes_nothing(videos, answers) -> None:
    padded = [*videos[:2], replace(videos[2], traces=(TraceAnnotation(),)), *videos[3:]]
    first, second = (evaluate(v, answers, options=FEW).to_json() for v in (videos, padded))
    assert first["paper"] == second["paper"]


def test_evaluate__without_scikit_learn_only_that_floor_is_missing(
    videos, answers, train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    found = evaluate(videos, answers, train=train, options=FEW)
    assert "metadata_only" not in found.label["auroc"].floors
    assert found.label["auroc"].best is not None
    assert any("no metadata_only floor" in note and "pip install" in note for note in found.notes)
