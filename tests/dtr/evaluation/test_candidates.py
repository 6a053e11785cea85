"""Candidate figures against matching and averaging video by video, on repeated videos, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.calibration import ece
from dtr.errors import DetectorError
from dtr.evaluation.candidates import (
    CANDIDATE_FIGURES,
    KEYS,
    THRESHOLDS,
    called_fake,
    match_candidates,
    precision_statistics,
    trace_ece,
)
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.metrics.average_precision import Kind, VideoCandidates, mean_average_precision
from dtr.predictions import PredictedTrace, Prediction
from tests.evaluation_figures import candidate_figures
from tests.random_items import WHOLE, repeated, some_items

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


def video(label: str, *traces: TraceAnnotation, name: str = "v", **more: object) -> VideoAnnotation:
    known = {"exhaustive": label == "real", "duration_s": 4.0} | more
    return VideoAnnotation(name, Path(name), label, traces=traces, **known)  # type: ignore[arg-type]


def found(clip: VideoAnnotation, *traces: PredictedTrace, label: str = "fake") -> Item:
    return Item(clip, Prediction(clip.video_id, label, traces=traces))  # type: ignore[arg-type]


def slow_precision(items: list[Item], kind: Kind) -> dict[float, float]:
    """Every video matched on its own with the plain functions; parts that are missing left out by hand."""
    videos = []
    for item in items:
        if item.video.traces is None:
            continue
        box, span = kind != "tiou", kind != "box"
        rows = [t for t in item.rows if (t.box or not box) and (t.span_s or not span)]
        given = item.prediction.traces if item.prediction else ()
        said = [c for c in given if (c.box or not box) and (c.span_s or not span)]
        videos.append(
            VideoCandidates(
                [c.score for c in said],
                [c.box for c in said if box],
                [t.box for t in rows if box],
                [c.span_s for c in said if span],
                [t.span_s for t in rows if span],
                exhaustive=item.video.exhaustive and len(rows) == len(item.rows),
            )
        )
    return mean_average_precision(videos, THRESHOLDS, kind)


@given(st.integers(0, 10_000), st.booleans(), st.lists(st.integers(0, 3), min_size=8, max_size=8))
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("kind", KEYS)
def test_precision__is_the_plain_one_of_repeated_videos(
    kind: Kind, seed: int, exhaustive: bool, weights: list[int]
) -> None:
    items = some_items(seed, 8, exhaustive_fakes=exhaustive)
    statistics = precision_statistics(match_candidates(items, kind), kind)
    for drawn in ([1] * len(items), weights):
        slow = slow_precision(repeated(items, drawn), kind)
        values = {n: c.statistic(np.array([drawn], dtype=float))[0] for n, c in statistics.items()}
        for threshold, wanted in slow.items():
            assert values[f"{KEYS[kind]}_{threshold:g}"] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        assert values[KEYS[kind]] == pytest.approx(np.mean(list(slow.values())), abs=1e-12, nan_ok=True)


def test_candidate_figures__own_labels_drop_candidates_but_not_traces() -> None:
    trace = TraceAnnotation(span_s=(0.0, 1.0), box=WHOLE)
    hit = PredictedTrace(0.9, WHOLE, (0.0, 1.0))
    items = [
        found(video("fake", trace), hit),
        found(video("fake", trace), hit, label="real"),
        found(video("real"), PredictedTrace(0.95, WHOLE, (0.0, 1.0)), label="real"),
    ]
    weights = draw_weights(3, n=20)
    oracle, own = (candidate_figures(items, weights, policy) for policy in ("oracle", "own"))  # type: ignore[arg-type]
    assert tuple(oracle) == (*CANDIDATE_FIGURES, "trace_ece")
    assert oracle["map_both"].value == pytest.approx(2 / 3)  # the real video's candidate is above both
    assert own["map_both"].value == pytest.approx(51 / 101)  # half of the traces, nothing wrong
    assert (oracle["map_iou"].n, oracle["map_iou"].unit) == (2, "traces")


def test_candidate_figures__a_second_candidate_on_one_trace_is_ignored_or_wrong() -> None:
    trace = TraceAnnotation(span_s=(0.0, 1.0), box=WHOLE)
    twice = (PredictedTrace(0.9, LEFT, (0.0, 1.0)), PredictedTrace(0.8, WHOLE, (0.0, 1.0)))
    open_ended = candidate_figures([found(video("fake", trace), *twice)], draw_weights(1, n=2))
    assert open_ended["map_iou_0.6"].value == 1.0
    known = candidate_figures([found(video("fake", trace, exhaustive=True), *twice)], draw_weights(1, n=2))
    assert known["map_iou_0.6"].value == 0.5
    assert known["map_iou_0.5"].value == 1.0


def test_match_candidates__a_trace_without_a_place_makes_its_video_unknown() -> None:
    placed, timed = TraceAnnotation(span_s=(0.0, 1.0), box=LEFT), TraceAnnotation(span_s=(2.0, 3.0))
    item = found(video("fake", placed, timed, exhaustive=True), PredictedTrace(0.9, RIGHT, (2.0, 3.0)))
    boxes, spans = match_candidates([item], "box"), match_candidates([item], "tiou")
    assert boxes.by_threshold[0.5].tolist() == [-1]
    assert (boxes.num_truths.tolist(), spans.num_truths.tolist()) == ([1.0], [2.0])
    assert spans.by_threshold[0.5].tolist() == [1]


def test_candidate_figures__nothing_found_nothing_true_nobody_looked() -> None:
    trace = TraceAnnotation(span_s=(0.0, 1.0), box=WHOLE)
    nothing = candidate_figures([Item(video("fake", trace), None)], draw_weights(1, n=2))
    assert (nothing["map_both"].value, nothing["map_both"].interval) == (0.0, (0.0, 0.0))
    assert nothing["trace_ece"].reason == "no candidate has both a box and a time"
    unseen = VideoAnnotation("u", Path("u"), "fake", traces=None)
    hit = PredictedTrace(0.9, WHOLE, (0.0, 1.0))
    no_truth = candidate_figures([found(unseen, hit), found(video("real"), hit)], draw_weights(2, n=2))
    assert no_truth["map_iou"].value is None
    assert no_truth["map_tiou_0.3"].reason == "no annotated trace has a time"
    assert no_truth["trace_ece"].n == 1  # that of the real video: it agrees with nothing, for sure
    only_boxes = candidate_figures([found(video("fake", TraceAnnotation(box=WHOLE)), hit)], draw_weights(1, n=2))
    assert (only_boxes["map_iou"].value, only_boxes["map_both"].value) == (1.0, None)


def test_trace_ece__counts_where_agreement_is_defined() -> None:
    items = some_items(3, 40)
    both = match_candidates(items, "both")
    scores, agrees = [], []
    for place, item in enumerate(items):
        whole = item.video.traces is not None and all(t.box and t.span_s for t in item.rows)
        if whole and (item.rows or item.video.exhaustive):
            mine = both.videos == place
            scores += both.scores[mine].tolist()
            agrees += (both.by_threshold[0.3][mine] == 1).tolist()
    counted = trace_ece(both)
    assert counted.n == len(scores) > 10
    assert counted.statistic(np.ones((1, 40)))[0] == pytest.approx(ece(scores, agrees))
    own = trace_ece(both.of(called_fake(items)))
    assert 0 < own.n < counted.n


def test_trace_ece__scores_that_are_no_chances_have_a_reason() -> None:
    item = found(video("real"), PredictedTrace(3.0, WHOLE, (0.0, 1.0)))
    figures = candidate_figures([item], draw_weights(1, n=2))
    assert figures["trace_ece"].reason == "trace scores are no chances: 3 to 3"


def test_candidate_figures__refuses_what_is_not_finite() -> None:
    trace = TraceAnnotation(span_s=(0.0, 1.0), box=WHOLE)
    for bad in (PredictedTrace(np.nan, WHOLE, (0.0, 1.0)), PredictedTrace(0.5, (0.0, 0.0, np.nan, 1.0), (0.0, 1.0))):
        with pytest.raises(DetectorError, match="must be finite"):
            candidate_figures([found(video("fake", trace), bad)], draw_weights(1, n=2))
