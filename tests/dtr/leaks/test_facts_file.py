from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dtr.errors import ConfigError
from dtr.leaks.facts_file import FactsFile
from dtr.leaks.media_facts import ClipFacts


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.mp4" for i in range(3)]
    for path in paths:
        path.write_bytes(b"any")
    return paths


def test_facts_file__gives_back_what_was_added(tmp_path: Path, clips: list[Path], plain_facts: ClipFacts) -> None:
    other = replace(plain_facts, width=7, bars=None)
    with FactsFile(tmp_path / "facts.jsonl") as store:
        store.add(clips[0], plain_facts)
        store.add(clips[1], other)
    with FactsFile(tmp_path / "facts.jsonl") as store:
        assert [store.get(clip) for clip in clips] == [plain_facts, other, None]


def test_facts_file__a_torn_line_is_read_anew(tmp_path: Path, clips: list[Path], plain_facts: ClipFacts) -> None:
    path = tmp_path / "facts.jsonl"
    with FactsFile(path) as store:
        for clip in clips:
            store.add(clip, plain_facts)
    os.truncate(path, path.stat().st_size - 10)  # killed while it wrote the third
    with FactsFile(path) as store:
        assert [store.get(clip) is None for clip in clips] == [False, False, True]
        store.add(clips[2], plain_facts)
    with FactsFile(path) as store:
        assert all(store.get(clip) == plain_facts for clip in clips)


def test_facts_file__forgets_a_file_that_changed_or_went(
    tmp_path: Path, clips: list[Path], plain_facts: ClipFacts
) -> None:
    with FactsFile(tmp_path / "facts.jsonl") as store:
        for clip in clips:
            store.add(clip, plain_facts)
        clips[0].write_bytes(b"other")
        clips[1].unlink()
        assert [store.get(clip) is None for clip in clips] == [True, True, False]


@pytest.mark.parametrize("text", ["my notes\n", "my notes", '{"a": 1}\n', '{"version": 1}\n', '{"version": 0}\n'])
def test_facts_file__refuses_and_keeps_what_is_not_its_own(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no file of media facts"):
        FactsFile(path)
    assert path.read_text() == text


def test_facts_file__needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="existing folder"):
        FactsFile(tmp_path / "none" / "facts.jsonl")
    with pytest.raises(ConfigError, match="existing folder"):
        FactsFile(tmp_path)
