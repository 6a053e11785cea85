from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from dtr.data.dataset import read_dataset
from dtr.errors import AnnotationError

MakeRow = Callable[..., dict[str, Any]]
WriteRows = Callable[[list[Any]], Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def write_manifest(root: Path, *lines: dict[str, Any]) -> None:
    (root / "generated").mkdir(exist_ok=True)
    text = "\n".join(json.dumps({"label": "fake", "split": "train", "generator": "sora", **line}) for line in lines)
    (root / "generated" / "manifest.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture
def mixed_root(tmp_path: Path, fake_row: MakeRow, real_row: MakeRow, write_rows: WriteRows) -> Path:
    write_rows([fake_row("a" * 16, video_path="generated/a.mp4"), fake_row("own", video_path="generated/b.mp4")])
    write_manifest(
        tmp_path,
        {"file": "a.mp4", "sha256": "a" * 64, "codec": "h264"},
        {"file": "b.mp4", "sha256": "b" * 64, "codec": "vp9"},
        {"file": "c.mp4", "sha256": "c" * 64},
        {"file": "d.mp4", "sha256": "d" * 64},
    )
    looked_at = [{"video_id": "d" * 16, "traces": 0}, {"video_id": "own", "traces": 1}]
    (tmp_path / "looked_at.json").write_text(json.dumps(looked_at), encoding="utf-8")
    return tmp_path


def test_read_dataset__rows_win_and_manifests_add(mixed_root: Path) -> None:
    data = read_dataset(mixed_root)
    assert [v.video_id for v in data.videos] == ["a" * 16, "own", "c" * 16, "d" * 16]
    assert data.videos[0].source == "Pika 1.5"  # by id
    assert data.facts["own"]["codec"] == "vp9"  # by path
    assert data.facts["own"]["prompt"] == "a kettle on a stove"
    assert data.problems == ()


def test_read_dataset__tells_not_looked_at_from_nothing_found(mixed_root: Path) -> None:
    traces = {v.video_id[:1]: v.traces for v in read_dataset(mixed_root).videos}
    assert traces["c"] is None
    assert traces["d"] == ()
    assert not any(v.exhaustive for v in read_dataset(mixed_root).videos)


def test_read_dataset__lists_where_looked_at_disagrees(mixed_root: Path) -> None:
    looked_at = [{"video_id": "own", "traces": 3}, {"video_id": "nobody", "traces": 0}, {"video_id": "c" * 16}]
    (mixed_root / "looked_at.json").write_text(json.dumps(looked_at), encoding="utf-8")
    problems = read_dataset(mixed_root, on_error="collect").problems
    assert sorted((p.kind, p.where) for p in problems) == [
        ("bad_row", "looked_at.json:3"),
        ("looked_at", "looked_at.json:1"),
        ("looked_at", "looked_at.json:2"),
    ]


def test_read_dataset__lists_a_manifest_that_contradicts_the_rows(mixed_root: Path) -> None:
    write_manifest(mixed_root, {"file": "a.mp4", "sha256": "a" * 64, "split": "val", "label": "real"})
    problems = read_dataset(mixed_root, on_error="collect").problems
    assert {"split_conflict", "row_conflict"} <= {p.kind for p in problems}
    with pytest.raises(AnnotationError, match=r"generated/manifest\.jsonl:1"):
        read_dataset(mixed_root)


def test_read_dataset__takes_a_file_alone(mixed_root: Path) -> None:
    assert len(read_dataset(mixed_root / "all_data.json").videos) == 2
    assert len(read_dataset(mixed_root / "generated" / "manifest.jsonl").videos) == 4


def test_read_dataset__an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"expected all_data\.json, annotations\.jsonl, .* found none of them"):
        read_dataset(tmp_path)


def test_read_dataset__a_folder_that_cannot_be_read_is_an_error(mixed_root: Path, locked: Locked) -> None:
    with locked(mixed_root), pytest.raises(AnnotationError, match="cannot be read"):
        read_dataset(mixed_root)


def test_read_dataset__a_subfolder_that_cannot_be_read_is_a_problem(mixed_root: Path, locked: Locked) -> None:
    with locked(mixed_root / "generated"):
        assert ("unreadable", "generated") in [
            (p.kind, p.where) for p in read_dataset(mixed_root, on_error="collect").problems
        ]
        with pytest.raises(AnnotationError, match="generated: cannot be read"):
            read_dataset(mixed_root)


def test_read_dataset__reads_the_shared_clips(shared_data: Path) -> None:
    data = read_dataset(shared_data)
    assert {key: data.counts[key] for key in ("videos", "fake", "real", "traces")} == {
        "videos": 712, "fake": 431, "real": 281, "traces": 564,
    }  # fmt: skip
    fakes = [v for v in data.videos if v.label == "fake"]
    assert sum(v.traces == () for v in fakes) == 27
    assert sum(v.traces is None for v in fakes) == 151
    assert {len(data.in_split("train")), len(data.in_split("val"))} == {509, 203}
    assert {p.kind for p in data.problems} <= {"looked_at"}
    assert all("codec" in data.facts[v.video_id] for v in data.videos)
    assert all(t.categories is not None and t.box and t.span_s for v in data.videos for t in v.traces or ())
