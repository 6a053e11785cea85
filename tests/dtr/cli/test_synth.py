from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from dtr.cli.main import run
from tests.synth_clips import disc_set


@pytest.fixture
def root(tmp_path: Path, media: ModuleType) -> Path:
    return disc_set(tmp_path / "set", media, f={"label": "fake"}, r={"label": "real"})


def synth(*args: object) -> int:
    quick = ["--workers", "0", "--short-side", "96", "--mechanisms", "melt,ripple", "--severity", "0.9", "1"]
    return run(["synth", *quick, *map(str, args)])


def test_synth__writes_pairs_and_a_gallery(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "out", tmp_path / "g.html"
    assert synth(root, out, "--traces", "1", "--gallery", page) == 0
    text = capsys.readouterr().out
    assert "2 pairs written now; 2 of 2 pairs, 2 traces" in text
    assert "frames/s per core" in text
    assert f"{page}: written" in text
    assert run(["data", "check", str(out)]) == 0
    assert run(["data", "check", str(out / "traces.jsonl")]) == 0
    whole = page.read_bytes()
    page.unlink()
    assert run(["synth", str(out), "--gallery", str(page)]) == 0
    assert page.read_bytes() == whole


def test_synth__answers_1_where_a_file_failed(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "videos/f.mp4").write_text("not a video")
    assert synth(root, tmp_path / "out", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [failure["video_id"] for failure in report["failures"]] == ["f"]
    assert report["info"]["counts"]["pairs"] == 1


def test_synth__takes_plain_videos(root: Path, tmp_path: Path) -> None:
    videos = sorted((root / "real_videos").iterdir())
    assert synth(*videos, tmp_path / "out", "--label", "real") == 0
    rows = [json.loads(line) for line in (tmp_path / "out/traces.jsonl").read_text().splitlines()]
    assert {(row["label"], row["facts"]["base_id"]) for row in rows} == {("real", "r")}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--severity", "0", "1"], "severity"),
        (["--traces", "x"], "a range such as 1..2"),
        (["--traces", "3..1"], "traces"),
        (["--mechanisms", "melts"], "melts"),
        (["--mechanisms", "melt", "--use", "held-out"], "held-out"),
        (["--split", "test"], "found none"),
        (["--negatives", "2"], "negatives"),
    ],
)
def test_synth__answers_2_to_wrong_usage(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[object], words: str
) -> None:
    assert synth(root, tmp_path / "out", *args) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_synth__needs_in_and_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert synth() == 2
    assert synth("out") == 2
    assert "expected IN and OUT" in capsys.readouterr().err


def test_synth__lists_every_category_with_one_held_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["synth", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    held = [row["category"] for row in rows if row["use"] == "held-out"]
    assert len(held) == len(set(held)) == len({row["category"] for row in rows})
    assert all(row["looks"] for row in rows)
    assert run(["synth", "--list"]) == 0
    assert "melt " in capsys.readouterr().out


def test_synth__help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["synth", "--help"]) == 0
    assert "dtr synth DeeptraceReward/ synth/" in capsys.readouterr().out
