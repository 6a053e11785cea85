"""docs/reproduce.md: its sequence of commands, run as written on a stand-in of the release."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from dtr.cli.main import run
from dtr.data.dataset import read_dataset
from tests.doc_blocks import ROOT, commands, inline_code, read_document
from tests.test_docs import problem_of_command, problem_of_mention

PAGE = "docs/reproduce.md"
SEQUENCE, VARIANTS = read_document(PAGE).split("## Variants")
STEPS = commands(SEQUENCE)
QUICK = {"trainer.max_epochs": 2, "trainer.enable_progress_bar": False, "trainer.accelerator": "cpu"}
VIDEOS = 24


@pytest.mark.parametrize("words", commands(SEQUENCE + VARIANTS), ids=" ".join)
def test_page__commands_would_start(words: list[str]) -> None:
    assert problem_of_command(words) == ""


@pytest.mark.parametrize("page", [PAGE, "docs/annotations.md"])
def test_pages__mention_what_exists(page: str) -> None:
    mentions = [code for code in inline_code(read_document(page)) if code.startswith("dtr ")]
    assert mentions
    assert [(code, problem) for code in mentions if (problem := problem_of_mention(code))] == []


def test_page__is_the_whole_sequence_in_order() -> None:
    names = [" ".join(words[1:3] if words[1] == "data" else words[1:2]) for words in STEPS]
    assert names == [
        *("data standin", "data unpack", "data check", "data stats"),
        *("features", "train-all", "export", "detect", "evaluate"),
    ]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a recipe of the shipped name, which is the shipped one but for two epochs."""
    recipe = yaml.safe_load((ROOT / "configs/release/recipe.yaml").read_text(encoding="utf-8"))
    recipe["options"] |= QUICK
    own = tmp_path / "configs/release/recipe.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_step(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = run([*words[1:], "--videos", str(VIDEOS)] if words[1:3] == ["data", "standin"] else words[1:])
    return (code, *capsys.readouterr())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sequence__runs_as_written_on_the_stand_in(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {}
    for words in STEPS:
        code, out, err = run_step(words, capsys)
        name = words[2] if words[1] == "data" else words[1]
        assert code == (1 if name == "check" else 0), (words, out[-2000:], err[-2000:])
        outputs[name] = out
    data = read_dataset(workplace / "DeeptraceReward")
    test = {v.video_id for v in data.in_split("test")}
    assert re.search(rf"{VIDEOS} videos \(12 fake, 12 real\).* {VIDEOS + 2} media files", outputs["check"])
    assert re.search(r"unlisted_file +2 ", outputs["check"])
    assert re.search(r"all +2 ", outputs["check"])
    assert "Pika 1.5" in outputs["stats"]
    assert "No source is in two" not in outputs["train-all"]
    assert "that are in another part too: fit " in outputs["train-all"]
    verdicts = [json.loads(line) for line in (workplace / "verdicts.jsonl").read_text().splitlines()]
    assert {v["video_id"] for v in verdicts} == test
    assert "loor" in outputs["evaluate"]
    assert (workplace / "report.html").stat().st_size > 10_000
