from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dtr.data.release import read_release
from dtr.errors import AnnotationError

MakeRow = Callable[..., dict[str, Any]]
WriteRows = Callable[[list[Any]], Path]


def test_read_release__joins_rows_by_video_in_first_seen_order(
    fake_row: MakeRow, real_row: MakeRow, write_rows: WriteRows
) -> None:
    rows = [fake_row("b"), fake_row("a"), fake_row("b", faketrace_first_frame=8, faketrace_duration=0.5), real_row("r")]
    data = read_release(write_rows(rows))
    assert [v.video_id for v in data.videos] == ["b", "a", "r"]
    assert [t.span_s for t in data.videos[0].traces or ()] == [(0.5, 1.5), (1.0, 1.5)]
    assert [t.where for t in data.videos[0].traces or ()] == ["all_data.json:1", "all_data.json:3"]
    assert data.videos[2].traces == ()
    assert data.counts == {
        "rows": 4, "videos": 3, "fake": 2, "real": 1, "traces": 3, "not_looked_at": 0, "problems": 0,
    }  # fmt: skip
    assert data.facts["a"] == {"prompt": "a kettle on a stove", "mime_type": "video/mp4", "num_frames": 16}


def test_read_release__takes_the_folder_too(fake_row: MakeRow, write_rows: WriteRows) -> None:
    file = write_rows([fake_row()])
    assert read_release(file.parent) == read_release(file)
    assert read_release(file).videos[0].path == file.parent / "videos/cm2fake.mp4"


def test_read_release__a_generated_video_with_blank_rows_was_not_looked_at(
    fake_row: MakeRow, write_rows: WriteRows
) -> None:
    blank = dict.fromkeys(key for key in fake_row() if key.startswith("faketrace_"))
    data = read_release(write_rows([fake_row("a", **blank), fake_row("b"), fake_row("b", **blank)]))
    assert data.videos[0].traces is None
    assert len(data.videos[1].traces or ()) == 1
    assert [(p.kind, p.video_id) for p in data.problems] == [("empty_trace", "b")]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"split": "val"}, "split_conflict"),
        ({"video_width": 65}, "row_conflict"),
        ({"video_source": "x"}, "row_conflict"),
    ],
)
def test_read_release__rows_of_a_video_must_agree(
    fake_row: MakeRow, write_rows: WriteRows, changes: dict[str, Any], kind: str
) -> None:
    file = write_rows([fake_row(), fake_row(**changes)])
    data = read_release(file, on_error="collect")
    assert [(p.kind, p.where) for p in data.problems] == [(kind, "all_data.json:2")]
    assert data.videos[0].split == "train"
    with pytest.raises(AnnotationError, match=r"all_data\.json:2: .*all_data\.json:1"):
        read_release(file)


@pytest.mark.parametrize("row", [7, None, {}, {"video_id": "a"}, {"video_id": 5, "video_path": "a.mp4"}])
def test_read_release__unusable_rows_are_left_out_and_listed(
    fake_row: MakeRow, write_rows: WriteRows, row: Any
) -> None:
    file = write_rows([row, fake_row()])
    data = read_release(file, on_error="collect")
    assert [v.video_id for v in data.videos] == ["cm2fake"]
    assert "bad_row" in [p.kind for p in data.problems]
    assert data.num_rows == 2
    with pytest.raises(AnnotationError, match=r"all_data\.json:1"):
        read_release(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1, column 1"),
        (b'[{"video_id": ', "expected JSON"),
        (b'{"rows": []}', "expected one list of rows, got dict"),
        (b'["\xff"]', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "thousands of digits"),
    ],
)
def test_read_release__a_file_that_holds_no_rows_is_one_clear_error(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "all_data.json"
    file.write_bytes(content)
    with pytest.raises(AnnotationError, match=message) as caught:
        read_release(file, on_error="collect")
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_release__a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"all_data\.json: expected an annotation file, found none"):
        read_release(tmp_path)


def test_read_release__a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "all_data.json"
    loop.symlink_to(loop)
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_release(loop)


def test_in_split__selects(fake_row: MakeRow, write_rows: WriteRows) -> None:
    data = read_release(write_rows([fake_row("a"), fake_row("b", split="test")]))
    assert [v.video_id for v in data.in_split("test")] == ["b"]
    assert len(data.in_split(None)) == 2
