from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import CATEGORIES, VideoAnnotation
from dtr.errors import AnnotationError
from dtr.predictions import PredictedTrace, Prediction, from_verdict
from dtr.predictions.rows import read_failure, read_row, read_verdict
from dtr.verdict import Trace, Verdict

CLIP = VideoAnnotation("a", Path("a.mp4"), "fake", width=64, height=48, duration_s=5.0)
FIELDS = {
    "fake_probability": 0.75,
    "bbox": [16, 12, 32, 24],
    "start_time": 1,
    "end_time": 2,
    "explanation": "It melts.",
}


def row(said: dict[str, Any], clip: VideoAnnotation = CLIP) -> Prediction:
    return read_row({"video_id": "a", **said}, clip, "p.jsonl:7")


def test_read_row__every_field() -> None:
    said = row({"predicted_label": "FAKE", "model_id": "m", "categories": {"object merging": 0.5}, **FIELDS})
    assert said == Prediction(
        video_id="a",
        label="fake",
        fake_score=0.75,
        box=(0.25, 0.25, 0.5, 0.5),
        onset_s=1,
        offset_s=2,
        explanation="It melts.",
        traces=(PredictedTrace(0.75, (0.25, 0.25, 0.5, 0.5), (1, 2), categories={"Object Merging": 0.5}),),
        model_id="m",
        form="prediction",
        where="p.jsonl:7",
    )


@pytest.mark.parametrize(("label", "score"), [("FAKE", 1.0), ("REAL", 0.0), ("neither", 0.0)])
def test_read_row__a_place_without_a_probability_is_scored_by_the_label(label: str, score: float) -> None:
    said = row({"predicted_label": label, "bbox": [16, 12, 32, 24]})
    assert [t.score for t in said.traces] == [score]
    assert said.box is not None


def test_read_row__no_place_no_trace() -> None:
    assert row({"predicted_label": "FAKE", "start_time": 1}).traces == ()
    assert row({"predicted_label": "FAKE", "start_time": 2, "end_time": 2}).traces == ()
    assert row({"predicted_label": "FAKE", "categories": ["Object Merging"]}).categories == {"Object Merging": 1.0}


@pytest.mark.parametrize(("score", "label"), [(0.5, "fake"), (0.49, "real"), (1, "fake"), (0, "real")])
def test_read_row__label_by_probability_where_nothing_else_is_said(score: float, label: str) -> None:
    said = row({"fake_probability": score})
    assert (said.label, said.fake_score, said.problems) == (label, score, ())


@pytest.mark.parametrize(
    "said",
    [
        {"predicted_label": "", "fake_probability": 0.9},
        {"predicted_label": "REAL OR FAKE", "fake_probability": 0.9},
        {"predicted_label": "", "raw_output": "FAKE"},
        {"fake_probability": 0.9, "error": "out of memory"},
        {"fake_probability": 0.9, "error": {"kind": "video", "message": "no picture"}},
        {"fake_probability": 0.9, "raw_output": "REAL or FAKE"},
        {"fake_probability": 1.9},
        {"bbox": [1, 2, 3, 4]},
        {"predicted_label": None, "fake_probability": None},
    ],
)
def test_read_row__no_label_is_never_guessed(said: dict[str, Any]) -> None:
    found = row(said)
    assert found.label is None
    assert found.problems


def test_read_row__raw_output_is_read_where_there_is_no_label() -> None:
    raw = "FAKE. The arm at [16, 12, 32, 24] starting 1.5 seconds bends."
    said = row({"raw_output": raw, "error": "no valid JSON"})
    assert (said.form, said.label, said.box, said.onset_s) == ("raw_output", "fake", (0.25, 0.25, 0.5, 0.5), 1.5)
    assert said.problems == ("failed: no valid JSON",)
    assert row({"raw_output": raw, "start_time": 3}).onset_s == 3
    assert row({"raw_output": raw, "predicted_label": "REAL"}).label == "real"
    assert row({"raw_output": raw, "predicted_label": "REAL"}).box is None
    assert row({"raw_output": "", "fake_probability": 0.9}).label == "fake"


def test_read_row__a_box_needs_a_frame_size() -> None:
    said = row({"predicted_label": "FAKE", **FIELDS}, VideoAnnotation("a", Path("a.mp4"), "fake"))
    assert said.box is None
    assert "frame size unknown" in said.problems[0]
    assert said.traces == (PredictedTrace(0.75, None, (1, 2)),)


def test_read_failure__has_no_label() -> None:
    said = read_failure({"video": "a.mp4", "error": {"kind": "limit", "message": "too\nlong"}}, "a", "v.jsonl:1")
    assert (said.label, said.form, said.problems) == (None, "verdict", ("failed: limit: too long",))


def numbers(most: float = 1.0) -> st.SearchStrategy[float]:
    return st.integers(0, int(most * 1000)).map(lambda n: n / 1000)


def pairs(most: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(numbers(most), numbers(most)).filter(lambda p: p[0] + 0.05 < p[1])


BOXES = st.tuples(pairs(1), pairs(1)).map(lambda p: (p[0][0], p[1][0], p[0][1], p[1][1]))
TRACES = st.builds(
    Trace,
    score=numbers(),
    span_s=pairs(5),
    box=BOXES,
    boxes=st.lists(st.tuples(numbers(5), BOXES).map(lambda p: (p[0], *p[1])), max_size=2).map(
        lambda rows: tuple(sorted(rows))
    ),
    categories=st.dictionaries(st.sampled_from(CATEGORIES), numbers(), max_size=2),
    explanation=st.none() | st.just("It melts."),
)
VERDICTS = st.builds(
    Verdict,
    video=st.just("a.mp4"),
    video_id=st.just("a"),
    duration_s=st.just(5.0),
    width=st.just(64),
    height=st.just(48),
    label=st.sampled_from(["fake", "real"]),
    score=numbers(),
    abstain=st.booleans(),
    traces=st.lists(TRACES, max_size=2).map(tuple),
    candidates=st.lists(TRACES, max_size=2).map(tuple),
    provenance=st.just({"model_id": "m"}),
)


@settings(max_examples=25)
@given(VERDICTS)
def test_read_verdict__reads_back_what_was_written(verdict: Verdict) -> None:
    assert read_verdict(verdict.to_json(), "a", "v.jsonl:1") == from_verdict(verdict, where="v.jsonl:1")


@settings(max_examples=25)
@given(VERDICTS)
def test_read_row__reads_back_what_a_verdict_wrote(verdict: Verdict) -> None:
    said, whole = row(verdict.to_prediction()), from_verdict(verdict)
    assert (said.label, said.fake_score, said.model_id, said.problems) == (whole.label, whole.fake_score, "m", ())
    if verdict.label == "fake" and whole.box is not None:
        assert (said.onset_s, said.offset_s, said.explanation) == (whole.onset_s, whole.offset_s, whole.explanation)
        assert said.box == pytest.approx(whole.box, abs=0.01 / 48)
    else:
        assert (said.box, said.onset_s, said.traces) == (None, None, ())


def test_read_verdict__names_what_it_cannot_use() -> None:
    traces = [
        {
            "score": 2,
            "span_s": [2, 1],
            "box": [0, 0, 0, 1],
            "boxes": [[1, 2]],
            "categories": {"x": 1},
            "explanation": 3,
        },
        "strong",
    ]
    said = read_verdict({"schema": 1, "label": None, "score": "0.5", "traces": traces}, "a", "v.jsonl:1")
    assert (said.label, said.fake_score, said.box, said.onset_s) == (None, None, None, None)
    assert said.traces == (PredictedTrace(0.0),)
    for phrase in ("label must", "score must", "[0].score", ".span_s", ".box must", ".boxes", "'x'", "explanation"):
        assert any(phrase in p for p in said.problems), phrase
    assert any("traces[1] must be an object" in p for p in said.problems)
    assert any("candidates must be a list" in p for p in said.problems)


def test_read_verdict__of_another_schema_is_an_error() -> None:
    with pytest.raises(AnnotationError, match=r"v.jsonl:1: expected a verdict of schema version 1, got 2; "):
        read_verdict({"schema": 2}, "a", "v.jsonl:1")


def test_read_verdict__boxes_over_time_must_be_in_order() -> None:
    whole = [0.0, 0.0, 1.0, 1.0]
    trace = {"score": 0.5, "span_s": [1, 2], "box": whole, "boxes": [[2.0, *whole], [1.0, *whole]]}
    said = read_verdict({"schema": 1, "label": "fake", "score": 0.5, "traces": [trace]}, "a", "v.jsonl:1")
    assert said.traces[0].boxes == ()
    assert any("times in order" in p for p in said.problems)


def test_read_row__a_model_id_can_be_printed() -> None:
    assert row({"predicted_label": "FAKE", "model_id": "m\ud800\x1b[2J"}).model_id == "m\ufffd\ufffd[2J"
