from __future__ import annotations

import re
from pathlib import Path

import pytest

from dtr.canonical.folder import CanonicalFolder, Journal, neutral_name
from dtr.errors import ConfigError

SETTINGS = {"recipe": {"crf": 23, "gop": 12}, "source": "ab"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def claim(out: Path, root: Path, settings: dict[str, object] | None = None) -> None:
    with CanonicalFolder(out).opened(root, settings or SETTINGS):
        pass


def test_journal__cuts_off_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n{"a"')
    journal = Journal(path)
    journal.add({"a": "ü"})
    journal.close()
    assert journal.rows == [{"a": 1}, {"a": 2}]
    assert Journal(path).rows == [{"a": 1}, {"a": 2}, {"a": "ü"}]


def test_opened__refuses_a_place_in_the_source_or_with_foreign_content(tmp_path: Path, root: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    for out in (root, root / "new", tmp_path / "link" / "new"):
        with pytest.raises(ConfigError, match="outside of the data set"):
            claim(out, root)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="got other content"):
        claim(tmp_path / "foreign", root)
    with pytest.raises(ConfigError, match="got a file"):
        claim(tmp_path / "foreign/thesis.txt", root)
    assert [p.name for p in (tmp_path / "foreign").iterdir()] == ["thesis.txt"]
    assert list(root.iterdir()) == []


def test_opened__goes_on_with_the_same_settings_only(tmp_path: Path, root: Path) -> None:
    claim(tmp_path / "out", root)
    claim(tmp_path / "out", root)
    with pytest.raises(ConfigError, match="same recipe, got a folder made with crf 23 instead of 18"):
        claim(tmp_path / "out", root, {**SETTINGS, "recipe": {"crf": 18, "gop": 12}})
    with pytest.raises(ConfigError, match="same source"):
        claim(tmp_path / "out", root, {**SETTINGS, "source": "cd"})
    (tmp_path / "out/.canonical/settings.json").write_text("{")
    with pytest.raises(ConfigError, match="start over"):
        claim(tmp_path / "out", root)


def test_opened__one_writer_at_a_time(tmp_path: Path, root: Path) -> None:
    with (
        CanonicalFolder(tmp_path / "out").opened(root, SETTINGS),
        pytest.raises(ConfigError, match="another process is writing"),
    ):
        claim(tmp_path / "out", root)
    claim(tmp_path / "out", root)


def test_sweep__removes_only_what_a_run_wrote(tmp_path: Path, root: Path) -> None:
    folder = CanonicalFolder(tmp_path / "out")
    with folder.opened(root, SETTINGS):
        keep, stale = (f"{neutral_name(i)}.mp4" for i in ("a", "b"))
        for name in (keep, stale, f".{stale}.123.tmp", "holiday.mp4"):
            (folder.out / "videos" / name).write_bytes(b"x")
        folder.sweep({f"videos/{keep}"})
        assert {p.name for p in (folder.out / "videos").iterdir()} == {keep, "holiday.mp4"}


def test_neutral_name__tells_nothing() -> None:
    assert all(re.fullmatch("[0-9a-f]{16}", neutral_name(i)) for i in ("0_30_s_academic", "cm2p", "../ä"))
