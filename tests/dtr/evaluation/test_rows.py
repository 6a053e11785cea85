"""The row table against scoring one video at a time, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.errors import AnnotationError
from dtr.evaluation.items import Item
from dtr.evaluation.rows import NO_ANSWER, ROW_METRICS, Answer, answer_rows, floor_answers, model_answer
from dtr.floors import fit_floors
from dtr.metrics.grounding import box_rows, span_rows, viou
from dtr.predictions import PredictedTrace, Prediction
from tests.one_video import paper_rows

unit = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x0, y0 = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
    return x0, y0, x0 + draw(st.floats(0.01, 0.5)), y0 + draw(st.floats(0.01, 0.5))


@st.composite
def spans(draw: st.DrawFn) -> tuple[float, float]:
    start = draw(st.floats(0, 4))
    return start, start + draw(st.floats(0.05, 3))


@st.composite
def items(draw: st.DrawFn) -> Item:
    traces = draw(
        st.lists(
            st.builds(TraceAnnotation, box=st.none() | boxes(), span_s=st.none() | spans()), min_size=0, max_size=3
        )
    )
    video = VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=draw(st.floats(1, 9)), traces=tuple(traces))
    answer = Prediction(
        "v",
        draw(st.sampled_from(["fake", "real", None])),
        box=draw(st.none() | boxes()),
        onset_s=draw(st.none() | st.floats(-2, 20)),
        offset_s=draw(st.none() | st.floats(-2, 20)),
    )
    return Item(video, draw(st.sampled_from([None, answer, answer])))


@given(st.lists(items(), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_answer_rows__agree_with_scoring_one_video_at_a_time(found: list[Item]) -> None:
    table = answer_rows(found, [model_answer(item, "own") for item in found])
    for place, item in enumerate(found):
        p = item.prediction
        one = paper_rows(
            item.video,
            box=None if p is None else p.box,
            onset_s=None if p is None else p.onset_s,
            predicted_fake=item.called_fake,
        )
        np.testing.assert_allclose(table["box_iou"][place], one.box_iou)
        np.testing.assert_allclose(table["box_distance"][place], one.box_distance)
        np.testing.assert_allclose(table["time_distance"][place], one.time_distance)


@given(boxes(), spans(), boxes(), spans())
@settings(max_examples=40, deadline=None)
def test_answer_rows__tiou_and_viou_agree_with_the_single_functions(box, span, true_box, true_span) -> None:
    video = VideoAnnotation(
        "v", Path("v.mp4"), "fake", duration_s=9.0, traces=(TraceAnnotation(span_s=true_span, box=true_box),)
    )
    table = answer_rows([Item(video, None)], [Answer(box, span[0], span)])
    assert table["tiou"][0][0] == pytest.approx(span_rows(span, [true_span], 9.0).tiou[0])
    sampled = viou(span, [(0, *box)], true_span, [(0, *true_box)], samples=4000)
    assert table["viou"][0][0] == pytest.approx(sampled, abs=2e-3)
    assert table["box_iou"][0][0] == pytest.approx(box_rows(box, [true_box]).iou[0])


def test_answer_rows__moving_boxes_are_followed() -> None:
    moving = ((0.0, 0.0, 0.0, 0.2, 1.0), (2.0, 0.8, 0.0, 1.0, 1.0))
    trace = TraceAnnotation(span_s=(0.0, 2.0), boxes=tuple((t, box) for t, *box in moving))  # type: ignore[misc]
    item = Item(VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=2.0, traces=(trace,)), None)
    followed = answer_rows([item], [Answer((0, 0, 1, 1), 0.0, (0.0, 2.0), moving)])["viou"][0]
    still = answer_rows([item], [Answer((0, 0, 1, 1), 0.0, (0.0, 2.0))])["viou"][0]
    assert followed[0] == pytest.approx(1.0)
    assert still[0] == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    "answer",
    [
        NO_ANSWER,
        Answer((0.5, 0.5, 0.2, 0.9), float("nan"), (2.0, 1.0)),
        Answer((float("nan"), 0, 1, 1), float("inf"), (float("nan"), 1.0)),
    ],
)
def test_answer_rows__missing_and_malformed_get_the_worst(answer: Answer) -> None:
    trace = TraceAnnotation(span_s=(0.0, 1.0), box=(0, 0, 1, 1))
    item = Item(VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=2.0, traces=(trace,)), None)
    found = {name: rows[0].tolist() for name, rows in answer_rows([item], [answer]).items()}
    assert found == {
        "box_iou": [0.0],
        "box_distance": [1.0],
        "time_distance": [1.0],
        "onset_error_s": [2.0],
        "tiou": [0.0],
        "viou": [0.0],
    }


def test_answer_rows__a_video_without_duration_is_an_error() -> None:
    video = VideoAnnotation("v", Path("v.mp4"), "fake", traces=(TraceAnnotation(span_s=(0.0, 1.0)),))
    with pytest.raises(AnnotationError, match="v needs a duration"):
        answer_rows([Item(video, None)], [NO_ANSWER])


def test_answer_rows__videos_without_rows_have_empty_columns() -> None:
    videos = [
        VideoAnnotation("r", Path("r.mp4"), "real", traces=(), exhaustive=True),
        VideoAnnotation("f", Path("f.mp4"), "fake", traces=None),
    ]
    table = answer_rows([Item(v, None) for v in videos], [NO_ANSWER] * 2)
    assert {name: [len(r) for r in rows] for name, rows in table.items()} == {name: [0, 0] for name in ROW_METRICS}


def test_model_answer__own_labels_count_only_what_was_called_fake() -> None:
    video = VideoAnnotation("v", Path("v.mp4"), "fake", traces=())
    said = Prediction("v", "real", box=(0, 0, 1, 1), onset_s=0.5, traces=(PredictedTrace(0.2, (0, 0, 1, 1)),))
    assert model_answer(Item(video, said), "own") == NO_ANSWER
    assert model_answer(Item(video, said), "oracle").box == (0, 0, 1, 1)
    assert model_answer(Item(video, None), "oracle") == NO_ANSWER


def test_floor_answers__start_at_zero_and_whole_video() -> None:
    trace = TraceAnnotation(span_s=(0.5, 1.0), box=(0.2, 0.2, 0.6, 0.6))
    video = VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=2.0, traces=(trace,))
    found = floor_answers([Item(video, None)], fit_floors([video]))
    assert found["span/whole_video"][0].span_s == (0.0, 2.0)
    assert found["span/whole_video"][0].onset_s == 0.0
    assert found["box/full_frame"][0].box == (0.0, 0.0, 1.0, 1.0)
    assert found["tube/centre+whole_video"][0].box == (0.25, 0.25, 0.75, 0.75)
