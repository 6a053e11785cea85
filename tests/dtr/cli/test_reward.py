from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, grey_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the working directory: bright.mp4 (traces), dark.mp4 and dim.mp4 (equal, none)."""
    (tmp_path / "clips").mkdir()
    for name, level in (("bright", 250), ("dark", 10), ("dim", 10)):
        grey_clip(f"clips/{name}.mp4", level)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "clips"


@pytest.fixture
def reward(dtr: Run, tiny_model: Path) -> Run:
    return lambda *args: dtr("reward", *args, "--model", tiny_model)


@pytest.fixture
def rank(dtr: Run, tiny_model: Path) -> Run:
    return lambda *args: dtr("rank", *args, "--model", tiny_model)


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("folder")
def test_reward__table_has_figures_and_reasons(reward: Run) -> None:
    code, out, err = reward("clips")
    assert (code, err) == (0, "")
    assert [line.split()[-1] for line in out.splitlines() if ".mp4" in line] == [
        f"clips/{name}.mp4" for name in ("bright", "dark", "dim")
    ]
    assert "upper left" in out
    assert "\x1b" not in out


@pytest.mark.usefixtures("folder")
def test_reward__json_keeps_order_and_failures(reward: Run) -> None:
    code, out, err = reward("clips/dark.mp4", "gone.mp4", "clips/bright.mp4", "--json")
    dark, gone, bright = rows(out)
    assert code == 1
    assert dark["reward"] > bright["reward"]
    assert (dark["label"], bright["label"]) == ("real", "fake")
    assert bright["model_id"] == "bright@1"
    assert set(gone) == {"video", "error"}
    assert err.startswith("dtr: error: video: ")
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("folder")
def test_reward__a_failure_has_its_row_in_the_table(reward: Run) -> None:
    code, out, _ = reward("gone.mp4", "clips/dark.mp4")
    assert code == 1
    assert "no reward: video" in out


def test_reward__output_holds_the_lines(reward: Run, folder: Path) -> None:
    output = folder.parent / "r.jsonl"
    assert reward("clips", "-o", output, "--json") == (0, "", "")
    assert output.read_text() == reward("clips", "--json")[1]
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith("r.")] == ["r.jsonl"]


def test_reward__interrupted_run_goes_on(reward: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dtr.cli.answers import Answerer

    output = folder.parent / "r.jsonl"
    answer, asked = Answerer.answer, []

    def killed(self: Answerer, item, overlay=None):  # type: ignore[no-untyped-def]
        asked.append(item.path)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return answer(self, item, overlay)

    monkeypatch.setattr(Answerer, "answer", killed)
    assert reward("clips", "-o", output)[0] == 130
    assert len(rows(output.read_text())) == 1
    code, out, err = reward("clips", "-o", output)
    assert code == 0
    assert asked[2:] == ["clips/dark.mp4", "clips/dim.mp4"]
    assert "continuing after the first 1 of 3" in err
    assert out.count(".mp4") == 3
    assert len(rows(output.read_text())) == 3


@pytest.mark.usefixtures("folder")
def test_reward__weights_change_the_value(reward: Run) -> None:
    options = ("--weight", "severity=0", "--weight", "worst_trace=0", "--weight", "coverage=0")
    (row,) = rows(reward("clips/bright.mp4", "--json", *options)[1])
    assert row["reward"] == pytest.approx(1 - row["parts"]["label"], abs=1e-5)


@pytest.mark.parametrize("pair", ["label", "label=x", "label=-1", "Blur=0.5", "Sudden Blurring=2"])
def test_reward__wrong_weight_is_wrong_usage(reward: Run, pair: str) -> None:
    code, out, err = reward("clips", "--weight", pair)
    assert (code, out) == (2, "")
    assert err.startswith("dtr: error: config: ")


def test_reward__output_must_not_be_an_input(reward: Run, folder: Path) -> None:
    assert reward("clips", "-o", folder / "dark.mp4")[0] == 2
    assert (folder / "dark.mp4").stat().st_size > 100


@pytest.mark.usefixtures("folder")
def test_rank__best_first_ties_in_order_of_names(rank: Run) -> None:
    code, out, err = rank("clips", "--json")
    assert (code, err) == (0, "")
    assert [(r["place"], Path(r["video"]).stem) for r in rows(out)] == [(1, "dark"), (1, "dim"), (3, "bright")]
    assert rows(out)[2]["reasons"][1].startswith("upper left 0.0–1.0 s, trace 1.00")


def test_rank__failures_come_last_and_top_cuts_the_rest(rank: Run, folder: Path) -> None:
    (folder / "a.mp4").write_text("just words\n")
    code, out, err = rank("clips", "--json", "--top", 1)
    assert code == 1
    assert [Path(r["video"]).stem for r in rows(out)] == ["dark", "a"]
    assert "a.mp4" in err
    code, out, _ = rank("clips")
    assert code == 1
    lines = [line.split() for line in out.splitlines() if ".mp4" in line]
    assert [(words[0], Path(words[-1]).stem) for words in lines] == [
        ("1", "dark"),
        ("1", "dim"),
        ("3", "bright"),
        ("–", "a"),
    ]


def test_rank__empty_folder_is_a_failure(rank: Run, tmp_path: Path) -> None:
    code, _, err = rank(tmp_path)
    assert code == 1
    assert "found none" in err
