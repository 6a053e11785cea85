from __future__ import annotations

import os
from pathlib import Path

import pytest

from dtr.inputs import expand_inputs


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.mp4",
        "a.MOV",
        "notes.txt",
        "deep/er/c.webm",
        "deep/d.overlay.mp4",
        "empty/readme.md",
        "odd[1].mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*names: str) -> list[str]:
    return [i.path for i in expand_inputs(names)]


@pytest.mark.usefixtures("tree")
def test_expand__folder_is_searched_sorted_and_without_overlays() -> None:
    assert paths(".") == ["a.MOV", "b.mp4", "deep/er/c.webm", "odd[1].mp4"]


@pytest.mark.usefixtures("tree")
def test_expand__keeps_the_order_of_the_names() -> None:
    assert paths("notes.txt", "deep", "b.mp4", "b.mp4") == ["notes.txt", "deep/er/c.webm", "b.mp4", "b.mp4"]


@pytest.mark.usefixtures("tree")
def test_expand__patterns_match_files_only() -> None:
    assert paths("*.mp4") == ["b.mp4", "odd[1].mp4"]
    assert paths("**/*.webm") == ["deep/er/c.webm"]


@pytest.mark.usefixtures("tree")
def test_expand__a_name_that_exists_is_no_pattern() -> None:
    assert paths("odd[1].mp4") == ["odd[1].mp4"]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(("name", "words"), [("*.avi", "match"), ("empty", "media files")])
def test_expand__a_name_that_leads_nowhere_is_an_error_in_its_place(name: str, words: str) -> None:
    found = expand_inputs(["b.mp4", name])
    assert [i.path for i in found] == ["b.mp4", name]
    assert words in str(found[1].error)


@pytest.mark.usefixtures("tree")
def test_expand__a_missing_file_is_left_to_be_opened() -> None:
    assert [(i.path, i.error) for i in expand_inputs(["gone.mp4"])] == [("gone.mp4", None)]


@pytest.mark.usefixtures("tree")
def test_expand__an_unreadable_folder_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("er"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # chmod would not stop root
    found = expand_inputs(["deep", "b.mp4"])
    assert [i.path for i in found] == ["deep/er", "b.mp4"]
    assert "cannot read this folder (Permission denied)" in str(found[0].error)
