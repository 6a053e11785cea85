from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.data.problems import ProblemLog
from dtr.data.release import row_reader
from dtr.data.rows import read_trace, read_video
from dtr.errors import AnnotationError

MakeRow = Callable[..., dict[str, Any]]


def read(row: dict[str, Any], on_error: Any = "collect") -> tuple[VideoAnnotation, TraceAnnotation | None, list[str]]:
    log = ProblemLog(on_error)
    reader = row_reader(row, "all_data.json:1", log)
    assert reader is not None
    video = read_video(reader, Path("root"))
    assert video is not None
    return video, read_trace(reader, video), [p.kind for p in log.problems]


def test_read_video__reads_a_released_row(fake_row: MakeRow) -> None:
    video, trace, problems = read(fake_row("cm2a"))
    assert problems == []
    assert (video.video_id, video.label, video.source, video.split) == ("cm2a", "fake", "Pika 1.5", "train")
    assert video.path == Path("root/videos/cm2a.mp4")
    assert (video.width, video.height, video.fps, video.duration_s) == (64, 48, 8.0, 2.0)
    assert video.traces is None
    assert not video.exhaustive
    assert trace is not None
    assert trace.box == (0.25, 0.25, 0.75, 0.75)
    assert trace.span_s == (0.5, 1.5)
    assert trace.categories == {"Object Distortion"}
    assert trace.explanation == "The spout melts into the steam."
    assert trace.where == "all_data.json:1"


def test_read_video__takes_strings_for_numbers(fake_row: MakeRow) -> None:
    row = fake_row()
    text = {k: str(v) if isinstance(v, int | float) else v for k, v in row.items()}
    text["faketrace_bbox"] = {k: str(v) for k, v in row["faketrace_bbox"].items()}
    assert read(text) == read(row)


def test_read_video__real_videos_are_exhaustive_and_without_traces(real_row: MakeRow) -> None:
    video, trace, problems = read(real_row())
    assert (video.label, video.traces, video.exhaustive, trace, problems) == ("real", (), True, None, [])


def test_read_video__duration_falls_back_to_frames_over_rate(fake_row: MakeRow) -> None:
    assert read(fake_row(video_duration=None))[0].duration_s == 2.0
    assert read(fake_row(video_duration=None, video_frame_count=""))[0].duration_s is None


def test_read_trace__blank_annotations_are_none_without_a_problem(fake_row: MakeRow) -> None:
    blank = {"faketrace_check_applies": [], "faketrace_explanations": " ", "faketrace_bbox": None}
    _, trace, problems = read(fake_row(**blank))
    assert trace is not None
    assert (trace.categories, trace.explanation, trace.box, problems) == (None, None, None, [])
    assert trace.span_s == (0.5, 1.5)


def test_read_trace__a_blank_row_has_no_trace(fake_row: MakeRow) -> None:
    keys = [key for key in fake_row() if key.startswith("faketrace_")]
    assert read(fake_row(**dict.fromkeys(keys)))[1:] == (None, [])


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"video_type": "cartoon"}, "unknown_label"),
        ({"split": "validation"}, "unknown_split"),
        ({"video_width": "wide"}, "wrong_type"),
        ({"video_height": 0}, "out_of_range"),
        ({"video_frame_rate": float("nan")}, "not_finite"),
        ({"video_source": 5}, "wrong_type"),
        ({"faketrace_bbox": [1, 2, 3, 4]}, "wrong_type"),
        ({"faketrace_bbox": {"left": 1, "top": 2, "width": 3}}, "wrong_type"),
        ({"faketrace_bbox": {"left": float("nan"), "top": 2, "width": 3, "height": 4}}, "not_finite"),
        ({"faketrace_bbox": {"left": 30, "top": 2, "width": -9, "height": 4}}, "reversed_box"),
        ({"faketrace_bbox": {"left": 90, "top": 2, "width": 9, "height": 4}}, "box_outside"),
        ({"faketrace_first_frame": None}, "partial_trace"),
        ({"faketrace_duration": ""}, "partial_trace"),
        ({"faketrace_duration": -1}, "reversed_span"),
        ({"faketrace_first_frame": 99}, "span_outside"),
        ({"faketrace_first_frame": [4]}, "wrong_type"),
        ({"faketrace_check_applies": "merging"}, "wrong_type"),
        ({"faketrace_explanations": 3}, "wrong_type"),
    ],
)
def test_read_trace__names_each_defect_once_and_raises_by_default(
    fake_row: MakeRow, changes: dict[str, Any], kind: str
) -> None:
    *_, problems = read(fake_row(**changes))
    # A box without a frame size and a span without a rate cannot be used either: the one follow-on problem there is.
    assert problems in ([kind], [kind, "partial_trace"])
    with pytest.raises(AnnotationError, match=r"^all_data\.json:1: video cm2fake: .*; fix the row, or list"):
        read(fake_row(**changes), "raise")


def test_read_box__a_box_beyond_the_frame_is_clipped_and_listed(fake_row: MakeRow) -> None:
    _, trace, problems = read(fake_row(faketrace_bbox={"left": -5, "top": 24, "width": 21, "height": 30}))
    assert trace is not None
    assert trace.box == (0.0, 0.5, 0.25, 1.0)
    assert problems == ["box_outside"]


def test_read_box__rounding_beyond_the_frame_is_no_problem(fake_row: MakeRow) -> None:
    _, trace, problems = read(fake_row(faketrace_bbox={"left": -1, "top": -0.5, "width": 65, "height": 49}))
    assert trace is not None
    assert trace.box == (0.0, 0.0, 1.0, 1.0)
    assert problems == []


def test_read_span__is_clipped_to_the_video_and_listed_beyond_one_frame(fake_row: MakeRow) -> None:
    for length_s, expected in ((1.6, []), (1.7, ["span_outside"])):
        _, trace, problems = read(fake_row(faketrace_duration=length_s))
        assert trace is not None
        assert trace.span_s == (0.5, 2.0)
        assert problems == expected


def test_read_span__no_duration_is_read_as_one_frame(fake_row: MakeRow) -> None:
    _, trace, problems = read(fake_row(faketrace_duration=0))
    assert trace is not None
    assert trace.span_s == (0.5, 0.625)
    assert problems == ["reversed_span"]


def test_read_trace__real_videos_carry_none(real_row: MakeRow) -> None:
    _, trace, problems = read(real_row(faketrace_first_frame=3))
    assert trace is None
    assert problems == ["trace_on_real"]


def test_read_trace__keeps_unknown_tags_and_lists_them(fake_row: MakeRow) -> None:
    _, trace, problems = read(fake_row(faketrace_check_applies=["merging", "bad vibes"]), "raise")
    assert trace is not None
    assert trace.raw_tags == ("merging", "bad vibes")
    assert trace.categories == {"Object Merging"}
    assert problems == ["unknown_tag"]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["left", "top", "width"]), inner),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_read_trace__collects_whatever_a_row_holds(fake_row: MakeRow, data: st.DataObject) -> None:
    row = fake_row()
    for key in data.draw(st.lists(st.sampled_from(sorted(set(row) - {"video_id", "video_path"})), unique=True)):
        row[key] = data.draw(ANY_JSON)
    video, trace, _ = read(row)
    assert video.width is None or video.width > 0
    if trace is not None and trace.box is not None:
        x0, y0, x1, y1 = trace.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
    if trace is not None and trace.span_s is not None:
        assert 0 <= trace.span_s[0] < trace.span_s[1]
