from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dtr.data.check import check_dataset
from dtr.data.dataset import read_dataset
from dtr.data.folder import folder_to_source, read_folder, source_to_folder
from dtr.errors import AnnotationError

FILES = (
    "fake/Sora/one.mp4",
    "fake/Sora/deep/er/two.MOV",
    "fake/org%2Fmodel/one.mp4",
    "fake/loose.webm",
    "real/phone/three.mp4",
    "real/four.mkv",
)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    for name in (*FILES, "fake/Sora/.hidden.mp4", "fake/Sora/notes.txt", "fake/.trash/five.mp4", "other/six.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_read_folder__labels_sources_and_ids_come_from_paths(plain: Path) -> None:
    data = read_folder(plain)
    found = {v.video_id: (v.label, v.source, v.where) for v in data.videos}
    assert found == {
        "three": ("real", "phone", "real/phone/three.mp4"),
        "four": ("real", "", "real/four.mkv"),
        "fake/Sora/one.mp4": ("fake", "Sora", "fake/Sora/one.mp4"),
        "fake/org%2Fmodel/one.mp4": ("fake", "org/model", "fake/org%2Fmodel/one.mp4"),
        "two": ("fake", "Sora", "fake/Sora/deep/er/two.MOV"),
        "loose": ("fake", "", "fake/loose.webm"),
    }
    assert {(v.label, v.traces, v.exhaustive, v.split) for v in data.videos} == {
        ("real", (), True, None),
        ("fake", None, False, None),
    }


def test_read_dataset__falls_back_to_a_plain_folder(plain: Path) -> None:
    assert len(read_dataset(plain).videos) == len(FILES)
    (plain / "manifest.jsonl").write_text('{"file": "other/six.mp4", "video_id": "six", "label": "fake"}\n')
    assert [v.video_id for v in read_dataset(plain).videos] == ["six"]


def test_check__reads_it_and_lists_what_is_passed_by(plain: Path) -> None:
    report = check_dataset(plain, fast=True)
    assert (report.counts["fake"], report.counts["real"]) == (4, 2)
    assert [p.where for p in report.problems] == ["fake/.trash/five.mp4", "fake/Sora/.hidden.mp4"]


def test_read_folder__links_and_locked_folders(
    plain: Path, locked: Callable[[Path], AbstractContextManager[None]]
) -> None:
    (plain / "real" / "linked").symlink_to(plain / "other")
    assert "six" in {v.video_id for v in read_folder(plain).videos}
    (plain / "fake" / "Sora" / "loop").symlink_to(plain / "fake")
    with pytest.raises(AnnotationError, match="fake/Sora/loop: a linked folder"):
        read_folder(plain)
    with locked(plain / "fake" / "Sora" / "deep"):
        problems = read_folder(plain, on_error="collect").problems
    assert sorted((p.kind, p.where) for p in problems) == [
        ("unreadable", "fake/Sora/deep"),
        ("unreadable", "fake/Sora/loop"),
    ]


@pytest.mark.parametrize("name", ["Pika 1.5", "org/model", "..", ".", "a%2Fb", "c\\d", "日本", "100%"])
def test_source_to_folder__is_one_safe_name_and_reads_back(name: str) -> None:
    folder = source_to_folder(name)
    assert folder_to_source(folder) == name
    assert "/" not in folder
    assert not folder.startswith(".")


def test_read_folder__a_name_that_is_no_text_is_named(plain: Path) -> None:
    try:
        (plain / "real" / os.fsdecode(b"bad\xff.mp4")).write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes no such name")
    with pytest.raises(AnnotationError, match=r"real/bad\\udcff\.mp4: expected a file name in UTF-8"):
        read_folder(plain)
    data = read_folder(plain, on_error="collect")
    assert [p.kind for p in data.problems] == ["unreadable"]
    assert len(data.videos) == len(FILES)
