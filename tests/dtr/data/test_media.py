from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dtr.annotation import VideoAnnotation
from dtr.data.media import inspect_file, inspect_media, is_file, list_media

Locked = Callable[[Path], AbstractContextManager[None]]


def annotated(path: Path) -> VideoAnnotation:
    return VideoAnnotation(path.stem, path, "fake")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_list_media__lists_the_folders_of_rows_and_notes_the_others(tmp_path: Path) -> None:
    row = touch(tmp_path / "clips/a/1.mp4")
    stray = touch(tmp_path / "clips/b/2.WEBM")
    unrelated_to_rows = touch(tmp_path / "real_videos/3.mp4")
    touch(tmp_path / "clips/notes.txt")
    touch(tmp_path / "other/4.mp4")
    listing = list_media(tmp_path, [annotated(row)])
    assert listing.files == (row, stray, unrelated_to_rows)
    assert len(listing.notes) == 1
    assert "1 media files in the folder other/" in listing.notes[0]


def test_list_media__rows_may_lie_in_the_root_itself(tmp_path: Path) -> None:
    row, stray = touch(tmp_path / "1.mp4"), touch(tmp_path / "2.mp4")
    assert list_media(tmp_path, [annotated(row)]).files == (row, stray)


def test_list_media__a_folder_that_cannot_be_read_is_listed(tmp_path: Path, locked: Locked) -> None:
    hidden = touch(tmp_path / "videos/hidden/1.mp4")
    with locked(hidden.parent):
        listing = list_media(tmp_path, [])
        assert not is_file(hidden)
    assert [(p.kind, p.where) for p in listing.problems] == [("unreadable", "videos/hidden")]
    assert is_file(hidden)


@pytest.mark.parametrize("name", ["a" * 5000, "nul\0"])
def test_is_file__answers_for_any_name(tmp_path: Path, name: str) -> None:
    assert not is_file(tmp_path / name)


def test_inspect_file__hashes_and_probes(make_video: Callable[..., Path]) -> None:
    path = make_video("a.mp4", num_frames=8, width=64, height=48, fps=8.0)
    facts = inspect_file(path)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.error == ""
    assert facts.info is not None
    assert (facts.info.width, facts.info.height) == (64, 48)


def test_inspect_file__says_why_not(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video", encoding="utf-8")
    facts = inspect_file(text)
    assert facts.info is None
    assert facts.sha256
    assert facts.error
    assert inspect_file(tmp_path).sha256 == ""


def test_inspect_media__keeps_order_and_reports_progress(tmp_path: Path) -> None:
    files = [touch(tmp_path / f"{i}.mp4") for i in range(5)]
    seen: list[tuple[int, int]] = []
    found = inspect_media(files, workers=2, on_progress=lambda done, total: seen.append((done, total)))
    assert [facts.path for facts in found] == files
    assert seen == [(i, 5) for i in range(1, 6)]
