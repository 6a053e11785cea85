from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.data.jsonl import write_lines

Run = Callable[..., tuple[int, str, str]]
BOX = (0.1, 0.2, 0.6, 0.8)


@pytest.fixture
def folder(tmp_path: Path, grey_clip: Callable[..., Path]) -> Path:
    """Two pairs as dtr synth lists them; to the tiny detector, the brighter a clip the more generated."""
    out = tmp_path / "synth"
    out.mkdir()
    lines = []
    for number, level in enumerate((140, 190)):
        names = f"twin{number}", f"traced{number}"
        for name, brightness in zip(names, (120, level), strict=True):
            grey_clip(f"synth/{name}.mp4", brightness)
        trace = TraceAnnotation((0.0, 0.5), BOX, ((0.0, BOX),), frozenset({"Object Distortion"}))
        told = [{"mechanism": "melt", "held_out": bool(number), "severity": 0.3 + 0.5 * number, "visible": 0.2}]
        facts = {"synthetic": "traced", "base_id": f"base{number}", "twin_id": names[0], "synth": told}
        for name, traces, extra in ((names[0], (), {}), (names[1], (trace,), facts)):
            clip = VideoAnnotation(name, out / f"{name}.mp4", "real", traces=traces)
            lines.append((clip, f"{name}.mp4", extra))
    (out / "traces.jsonl").write_text(write_lines(lines), encoding="utf-8")
    return out


@pytest.fixture
def twins(dtr: Run, tiny_model: Path) -> Run:
    return lambda *args: dtr("reward", "--twins", *args, "--model", tiny_model)


def test_reward_twins__json_holds_rows_and_pairs(twins: Run, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "twins.json"
    code, out, err = twins(folder, "--json", "-o", output, "--weight", "label=2")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report == json.loads(output.read_text())
    assert (report["num_pairs"], report["num_failed"], report["model_id"]) == (2, 0, "bright@1")
    assert report["weights"]["label"] == 2
    first = report["rows"][0]
    assert (first["part"], first["measure"], first["auroc"]["value"]) == ("all", "reward", 1.0)
    assert first["severity_rank"]["value"] == 1.0
    assert [one["held_out"] for one in report["pairs"]] == [False, True]
    assert report["pairs"][0]["twin"]["reward"] > report["pairs"][0]["traced"]["reward"]


def test_reward_twins__table_has_measures_and_groups(twins: Run, folder: Path) -> None:
    code, out, err = twins(folder)
    assert (code, err) == (0, "")
    for words in ("2 pairs of 2 base clips", "1 − P(fake)", "reward, if FAKE", "mechanism: held out", "above 0.7"):
        assert words in out
    assert "…" not in out


def test_reward_twins__a_bad_file_leaves_out_its_pair(twins: Run, folder: Path) -> None:
    (folder / "traced1.mp4").write_bytes(b"no video")
    code, out, err = twins(folder)
    assert code == 1
    assert "1 pairs of 1 base clips; 1 pairs left out: a file failed" in out
    (line,) = err.splitlines()
    assert line.startswith("dtr: error: video: ")
    assert "traced1.mp4" in line


def test_reward_twins__every_pair_is_bad(twins: Run, folder: Path) -> None:
    for path in folder.glob("twin*.mp4"):
        path.unlink()
    code, out, err = twins(folder)
    assert (code, len(err.splitlines())) == (1, 2)
    assert "nothing to compare" in out


def test_reward_twins__says_what_is_wrong_with_the_request(dtr: Run, twins: Run, folder: Path) -> None:
    assert dtr("reward")[0] == 2
    assert twins(folder, folder / "twin0.mp4")[0] == 2
    code, _, err = twins(folder, "-o", folder / "traces.jsonl")
    assert (code, "another file than those that are read" in err) == (2, True)
    code, _, err = twins(folder.parent)
    assert (code, "traces.jsonl" in err) == (1, True)
