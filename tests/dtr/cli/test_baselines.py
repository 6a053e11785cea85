"""`dtr baselines` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.baseline_data import write_cache, write_data

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Options that name a data set and its features."""
    videos = write_data(tmp_path)
    write_cache(tmp_path / "cache", videos, short="val3")
    return ["--data", str(tmp_path), "--cache", str(tmp_path / "cache"), "--resamples", "5"]


def test_baselines__writes_predictions_that_evaluate_reads(dtr: Run, words: list[str], tmp_path: Path) -> None:
    code, out, _ = dtr("baselines", *words, "--only", "d3", "--only", "probe_means", "-o", tmp_path / "said")
    assert code == 0
    assert "12 videos of val; fitted on 20 clips (plain) of train; features of toy@0" in out
    assert "floor: metadata_only" in out
    line = next(line for line in out.splitlines() if line.strip().startswith("d3 "))
    assert line.split()[-1] == "1"  # one clip is too short for it
    names = sorted(path.name for path in (tmp_path / "said").iterdir())
    assert names == ["d3.plain.jsonl", "probe_means.plain.jsonl"]
    code, out, err = dtr(
        "evaluate", tmp_path / "said/d3.plain.jsonl", "--annotations", tmp_path, "--resamples", "5", "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["beyond"]["auroc"] == 1.0
    assert found["coverage"]["rows"]["beyond"]["auroc"]["n"] == 11


def test_baselines__json_is_one_object(dtr: Run, words: list[str]) -> None:
    code, out, _ = dtr("baselines", *words, "--json", "--no-probe", "--only", "d3", "--only", "probe_means")
    found = json.loads(out)
    assert code == 0
    assert found["rows"][0]["name"] == "d3"
    assert found["rows"][0]["unscored"] == 1
    assert found["rows"][1]["chosen_on_train"]["penalty"] > 0


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--split", "train"], 2, "fitted on train"),
        (["--split", "test"], 2, "found splits train, val"),
        (["--only", "d4"], 2, "got d4"),
        (["--fit-on", "aug3"], 1, "found none"),
        (["--cache", "nowhere"], 1, "nowhere"),
        (["--data", "nowhere"], 1, "nowhere"),
        (["-o", "no/such/folder"], 2, "-o: expected a folder"),
    ],
)
def test_baselines__what_is_wrong_is_one_line(
    dtr: Run, words: list[str], more: list[str], code: int, message: str
) -> None:
    found, _, err = dtr("baselines", *words, *more)
    assert (found, err.count("\n")) == (code, 1)
    assert message in err
