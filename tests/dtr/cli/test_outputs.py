from __future__ import annotations

import os
from pathlib import Path

import pytest

from dtr.cli.outputs import check_output, write_output
from dtr.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "existing folder"),
        ("none/a.json", "existing folder"),
        ("pipe", "device or pipe"),
        ("read.jsonl", "another"),
    ],
)
def test_check_output__refuses_what_must_not_be_written(tmp_path: Path, name: str, words: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "read.jsonl").write_text("{}\n")
    with pytest.raises(ConfigError, match=f"^-o: .*{words}"):
        check_output(tmp_path / name, "-o", None, tmp_path / "gone", tmp_path / "read.jsonl")
    assert (tmp_path / "read.jsonl").read_text() == "{}\n"


def test_check_output__keeps_the_rows_of_a_data_set_and_links_to_inputs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "real").mkdir(parents=True)
    for name in ("all_data.json", "real/manifest.jsonl"):
        (data / name).write_text("[]")
        with pytest.raises(ConfigError, match="those that are read"):
            check_output(data / name, "-o", data)
    (tmp_path / "link").symlink_to(data / "all_data.json")
    with pytest.raises(ConfigError, match="those that are read"):
        check_output(tmp_path / "link", "-o", data / "all_data.json")
    check_output(data / "report.json", "-o", data)  # a new file beside them does no harm
    check_output(data / "annotations.jsonl", "-o", data, tmp_path / ("a" * 5000))
    check_output(None, "-o", data)


def test_write_output__what_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    write_output(tmp_path / "a", "text", "-o")
    assert (tmp_path / "a").read_text() == "text"
    with pytest.raises(ConfigError, match=r"--html: cannot write .*No such file"):
        write_output(tmp_path / "gone" / "a", "text", "--html")
