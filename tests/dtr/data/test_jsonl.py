from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.data.jsonl import TRACE_KEYS, VIDEO_KEYS, read_jsonl, video_to_json, write_lines
from dtr.errors import AnnotationError

TRACE: dict[str, Any] = {
    "span_s": [0.25, 1.5],
    "box": [0.1, 0.2, 0.5, 0.75],
    "boxes": [[0.25, 0.1, 0.2, 0.5, 0.7], [0.5, 0.15, 0.2, 0.55, 0.7]],
    "categories": ["Object Merging"],
    "raw_tags": ["merging (e.g. two objects merge into one.)"],
    "explanation": "The cup and the hand are one.",
    "confidence": 2,
}
VIDEO: dict[str, Any] = {
    "video_id": "v",
    "path": "media/v.mp4",
    "label": "fake",
    "source": "Sora",
    "split": "train",
    "width": 640,
    "height": 360,
    "fps": 24.0,
    "duration_s": 2.0,
    "exhaustive": False,
    "traces": [TRACE],
    "facts": {"codec": "h264", "source_repo": "a/b"},
}


def write(folder: Path, *rows: Any) -> Path:
    file = folder / "annotations.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def read_one(folder: Path, row: Any) -> VideoAnnotation:
    (video,) = read_jsonl(write(folder, row)).videos
    return video


def kinds(folder: Path, row: Any) -> list[str]:
    return [problem.kind for problem in read_jsonl(write(folder, row), on_error="collect").problems]


def test_read__every_field(tmp_path: Path) -> None:
    video = read_one(tmp_path, VIDEO)
    assert video == VideoAnnotation(
        "v",
        tmp_path / "media/v.mp4",
        "fake",
        "Sora",
        "train",
        640,
        360,
        24.0,
        2.0,
        (
            TraceAnnotation(
                (0.25, 1.5),
                (0.1, 0.2, 0.5, 0.75),
                ((0.25, (0.1, 0.2, 0.5, 0.7)), (0.5, (0.15, 0.2, 0.55, 0.7))),
                frozenset({"Object Merging"}),
                ("merging (e.g. two objects merge into one.)",),
                "The cup and the hand are one.",
                2.0,
                "annotations.jsonl:1 trace 1",
            ),
        ),
        False,
        "annotations.jsonl:1",
    )
    assert read_jsonl(tmp_path / "annotations.jsonl").facts == {"v": VIDEO["facts"]}


def test_read__null_is_nobody_looked_and_empty_is_nothing_found(tmp_path: Path) -> None:
    assert read_one(tmp_path, VIDEO | {"traces": None}).traces is None
    assert read_one(tmp_path, VIDEO | {"traces": []}).traces == ()
    assert read_one(tmp_path, {k: v for k, v in VIDEO.items() if k != "traces"}).traces is None


def test_read__a_line_may_say_little(tmp_path: Path) -> None:
    video = read_one(tmp_path, {"video_id": "v", "path": "v.mp4", "label": "real"})
    assert (video.traces, video.exhaustive, video.width, video.split) == ((), True, None, None)
    assert read_one(tmp_path, {"video_id": "v", "path": "v.mp4"}).label is None


def test_read__categories_come_from_the_tags_only_without_the_key(tmp_path: Path) -> None:
    def categories(trace: dict[str, Any]) -> frozenset[str] | None:
        return (read_one(tmp_path, VIDEO | {"traces": [trace]}).traces or ())[0].categories

    assert categories(TRACE | {"categories": None}) is None
    assert categories(TRACE | {"categories": []}) == frozenset()
    assert categories({"raw_tags": ["Blurring"]}) == {"Sudden Blurring"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"video_id": " "}, "bad_row"),
        ({"path": None}, "bad_row"),
        ({"label": "fakee"}, "unknown_label"),
        ({"split": "validation"}, "unknown_split"),
        ({"width": "wide"}, "wrong_type"),
        ({"fps": 0}, "out_of_range"),
        ({"duration_s": float("nan")}, "not_finite"),
        ({"exhaustive": "yes"}, "wrong_type"),
        ({"traces": {}}, "wrong_type"),
        ({"traces": ["x"]}, "bad_row"),
        ({"facts": []}, "wrong_type"),
        ({"trace": []}, "wrong_type"),
        ({"label": "real"}, "trace_on_real"),
        ({"traces": [TRACE | {"span": [0, 1]}]}, "wrong_type"),
        ({"traces": [TRACE | {"span_s": [1.5, 0.25]}]}, "reversed_span"),
        ({"traces": [TRACE | {"span_s": [5, 6]}]}, "span_outside"),
        ({"traces": [TRACE | {"span_s": [0.5]}]}, "wrong_type"),
        ({"traces": [TRACE | {"box": [0.5, 0.2, 0.1, 0.7]}]}, "reversed_box"),
        ({"traces": [TRACE | {"box": [120, 80, 300, 200]}]}, "box_outside"),
        ({"traces": [TRACE | {"box": [0.5, 0.5, 1.2, 0.9]}]}, "box_outside"),
        ({"traces": [TRACE | {"box": [0.1, 0.1, float("inf"), 0.9]}]}, "not_finite"),
        ({"traces": [TRACE | {"boxes": [[1, 0, 0, 1, 1], [1, 0, 0, 1, 1]]}]}, "out_of_range"),
        ({"traces": [TRACE | {"boxes": [[0, 0, 1, 1]]}]}, "wrong_type"),
        ({"traces": [TRACE | {"boxes": 3}]}, "wrong_type"),
        ({"traces": [TRACE | {"categories": ["Merging"]}]}, "unknown_tag"),
        ({"traces": [TRACE | {"explanation": 7}]}, "wrong_type"),
    ],
)
def test_read__defects_are_named(tmp_path: Path, change: dict[str, Any], kind: str) -> None:
    assert kinds(tmp_path, VIDEO | change) == [kind]


def test_read__the_first_defect_stops_and_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"^annotations\.jsonl:2 trace 1: video w: span_s must be"):
        read_jsonl(write(tmp_path, VIDEO, VIDEO | {"video_id": "w", "traces": [{"span_s": [1, 0]}]}))
    with pytest.raises(AnnotationError, match="the same video is already in"):
        read_jsonl(write(tmp_path, VIDEO, VIDEO))
    (tmp_path / "annotations.jsonl").write_text('{"video_id": "v"\n')
    with pytest.raises(AnnotationError, match="a line that is none"):
        read_jsonl(tmp_path / "annotations.jsonl")


def test_read_dataset__knows_the_form_by_name_or_first_line(tmp_path: Path) -> None:
    file = write(tmp_path, VIDEO)
    assert [v.video_id for v in read_dataset(tmp_path).videos] == ["v"]
    other = tmp_path / "mine.jsonl"
    other.write_text("\n" + file.read_text())
    assert read_dataset(other).videos[0].source == "Sora"
    other.write_text(json.dumps({"file": "a.mp4", "video_id": "a", "label": "fake", "generator": "Pika"}))
    assert read_dataset(other).videos[0].source == "Pika"
    (tmp_path / "all_data.json").write_text("[]")
    with pytest.raises(AnnotationError, match=r"got all_data\.json and annotations\.jsonl"):
        read_dataset(tmp_path)


unit = st.floats(0, 1)
interval = st.tuples(unit, unit).map(sorted).filter(lambda pair: pair[0] < pair[1])
box = st.tuples(interval, interval).map(lambda p: (p[0][0], p[1][0], p[0][1], p[1][1]))
text = st.text(min_size=1).filter(lambda t: t == t.strip() and t != "")
trace = st.builds(
    TraceAnnotation,
    span_s=st.none() | interval.map(tuple),
    box=st.none() | box,
    boxes=st.lists(st.tuples(unit, box), max_size=3, unique_by=lambda b: b[0]).map(lambda b: tuple(sorted(b))),
    categories=st.none() | st.frozensets(st.sampled_from(CATEGORIES)),
    raw_tags=st.lists(text, max_size=2).map(tuple),
    explanation=st.none() | text,
    confidence=st.none() | st.floats(1, 3),
)
video = st.builds(
    VideoAnnotation,
    video_id=text,
    path=st.just(Path("a/b.mp4")),
    label=st.none() | st.just("fake"),
    source=st.just("") | text,
    split=st.none() | st.sampled_from(["train", "val", "test"]),
    width=st.none() | st.integers(1, 4000),
    fps=st.none() | st.floats(1, 120),
    duration_s=st.none() | st.floats(1, 9),
    traces=st.none() | st.lists(trace, max_size=2).map(tuple),
    exhaustive=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(video)
def test_write_lines__reading_gives_the_same_back(
    tmp_path_factory: pytest.TempPathFactory, before: VideoAnnotation
) -> None:
    folder = tmp_path_factory.mktemp("j")
    (folder / "annotations.jsonl").write_text(write_lines([(before, "a/b.mp4", {"codec": "vp9"})]), encoding="utf-8")
    data = read_jsonl(folder / "annotations.jsonl")
    (after,) = data.videos
    assert video_to_json(after, "x", {}) == video_to_json(before, "x", {})
    assert data.facts[before.video_id] == {"codec": "vp9"}


def test_write_lines__says_every_key_and_no_nan() -> None:
    row = json.loads(
        write_lines([(VideoAnnotation("v", Path("v"), "fake", traces=(TraceAnnotation(),)), "v", {"a": float("nan")})])
    )
    assert tuple(row) == VIDEO_KEYS
    assert tuple(row["traces"][0]) == TRACE_KEYS
    assert row["facts"] == {"a": None}


def test_docs__name_every_key() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "annotations.md").read_text(encoding="utf-8")
    assert [key for key in (*VIDEO_KEYS, *TRACE_KEYS) if f"`{key}`" not in page] == []
    example = next(line for line in page.splitlines() if line.startswith('{"video_id"'))
    assert set(json.loads(example)) <= set(VIDEO_KEYS)
