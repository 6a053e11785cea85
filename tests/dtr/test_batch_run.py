from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.batch_run import ResumableLines, complete_lines, inputs_digest, write_text_atomically
from dtr.errors import ConfigError

INPUTS = ["a.mp4", "b.mp4", "c.mp4"]
ROWS = [{"video": name, "score": 0.5} for name in INPUTS]


class KilledError(Exception):
    """Stands for the end of the process between two lines."""


def run(
    path: Path, *, stop_after: int | None = None, settings: object = "x", inputs: list[str] = INPUTS, **options: bool
) -> int:
    """Write the rows that are missing; returns how many were there."""
    with ResumableLines(path, {"settings": settings}, inputs, **options) as lines:
        earlier = lines.done
        for index in range(lines.done, len(inputs)):
            if index == stop_after:
                raise KilledError
            lines.append(ROWS[index])
    return earlier


def read(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def interrupted(path: Path, after: int) -> Path:
    with pytest.raises(KilledError):
        run(path, stop_after=after)
    return path


def test_lines__a_whole_run_leaves_only_the_file(tmp_path: Path) -> None:
    run(tmp_path / "o.jsonl")
    assert read(tmp_path / "o.jsonl") == ROWS
    assert [p.name for p in tmp_path.iterdir()] == ["o.jsonl"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_lines__continue_after_a_stop(tmp_path: Path, after: int) -> None:
    path = interrupted(tmp_path / "o.jsonl", after)
    assert run(path) == after
    assert read(path) == ROWS


@pytest.mark.parametrize("cut", range(1, 75, 7))
def test_lines__a_half_written_line_is_made_again(tmp_path: Path, cut: int) -> None:
    path = interrupted(tmp_path / "o.jsonl", 2)
    data = path.read_bytes()
    path.write_bytes(data[: max(0, len(data) - cut)])
    assert run(path) < 2
    assert read(path) == ROWS


def test_lines__a_finished_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"old": 1}\n' * 5)
    assert run(path) == 0
    assert read(path) == ROWS


def test_lines__all_lines_but_a_journal_left_over_is_finished(tmp_path: Path) -> None:
    path = interrupted(tmp_path / "o.jsonl", 2)
    with path.open("a") as file:
        file.write(json.dumps(ROWS[2]) + "\n")  # killed between the last line and the end
    assert run(path) == 3
    assert not (tmp_path / "o.jsonl.run.json").exists()


@pytest.mark.parametrize(("change", "words"), [({"settings": "y"}, "settings"), ({"inputs": INPUTS[::-1]}, "inputs")])
def test_lines__refuse_to_mix_two_runs(tmp_path: Path, change: dict[str, object], words: str) -> None:
    path = interrupted(tmp_path / "o.jsonl", 1)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=f"other {words}.*--no-resume"):
        run(path, **change)  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_lines__no_resume_starts_over(tmp_path: Path) -> None:
    path = interrupted(tmp_path / "o.jsonl", 1)
    assert run(path, settings="y", resume=False) == 0
    assert read(path) == ROWS


@pytest.mark.parametrize("name", [".", "nowhere/o.jsonl"])
def test_lines__refuse_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="output"):
        run(tmp_path / name)


def test_inputs_digest__sees_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    digests = [inputs_digest([str(path)])]
    for content in ("one", "three"):
        path.write_text(content)
        digests.append(inputs_digest([str(path)]))
    assert len(set(digests)) == 3


@given(st.integers(0, 200), st.integers(0, 9))
def test_complete_lines__any_cut_gives_whole_rows(cut: int, most: int) -> None:
    data = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)[:cut]
    rows, length = complete_lines(data, most)
    assert rows == ROWS[: len(rows)]
    assert len(rows) == min(most, data.count(b"\n"))
    assert data[:length].count(b"\n") == len(rows)


def test_write_text_atomically__replaces(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "a", "é")
    write_text_atomically(tmp_path / "a", "ü")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "ü"
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / "link").symlink_to("a")
    write_text_atomically(tmp_path / "link", "ö")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text(encoding="utf-8") == "ö"


def test_lines__a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("")
    path.with_name("a.jsonl.run.json").write_text("[1]")
    with pytest.raises(ConfigError, match="--no-resume"):
        ResumableLines(path, {}, [])
