from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Outcome = tuple[int, str, str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve fakes at 8 fps and twelve real clips at 25; no media but one broken file."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(24):
        label = ("real", "fake")[i % 2]
        line = {"file": f"{i}.mp4", "video_id": f"v{i}", "label": label, "split": "train", "fps": (25.0, 8.0)[i % 2]}
        line |= {"width": 64, "height": 48, "duration": round(float(rng.uniform(2, 6)), 2)}
        lines.append({**line, "generator" if i % 2 else "source": f"{label} {i % 5}"})
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_leaks__prints_a_table_worst_first_and_writes_json(dtr: Callable[..., Outcome], root: Path) -> None:
    code, out, err = dtr("data", "leaks", root, "--fast", "-o", root / "leaks.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "24 videos (12 fake, 12 real), 0 original files read" in lines[0]
    at = {name: next(i for i, line in enumerate(lines) if line.strip().startswith(name)) for name in
          ("frame rate", "frame size", "container")}  # fmt: skip
    assert at["frame rate"] < at["frame size"] < at["container"]
    assert "strong" in lines[at["frame rate"]]
    assert "container: left out: needs media, and no file was read" in lines
    for said in (
        "generator: not probed",
        "copies: not looked for",
        "real against real: not measured",
        "note: no media",
    ):
        assert any(line.startswith(said) for line in lines), said
    report = json.loads((root / "leaks.json").read_text())
    assert report["groups"][0]["label"]["auroc"] == 1.0
    assert report["counts"]["fake"] == 12


def test_leaks__a_file_that_cannot_be_read_has_its_line_and_exit_code_1(
    dtr: Callable[..., Outcome], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtr.leaks.report.GROUPS", ())
    (root / "3.mp4").write_bytes(b"\0" * 100)
    code, out, err = dtr("data", "leaks", root, "--json", "--workers", "1")
    assert code == 1
    assert err.startswith("dtr: error: video: ")
    assert err.count("\n") == 1
    report = json.loads(out)
    assert [Path(f["path"]).name for f in report["failures"]] == ["3.mp4"]
    assert report["counts"]["media_missing"] == 23


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--split", "val"], 1, "at least 10 fake and 10 real videos"),
        (["--split", "dev"], 2, "dev"),
        (["-o", "none/leaks.json"], 2, "-o: expected a file in an existing folder"),
        (["--facts", "none/facts.jsonl"], 2, "--facts: expected a file in an existing folder"),
        (["--cache", "none"], 1, "expected a feature cache"),
    ],
)
def test_leaks__wrong_use_is_one_line(
    dtr: Callable[..., Outcome], root: Path, arguments: list[str], code: int, said: str
) -> None:
    got, out, err = dtr("data", "leaks", root, *arguments)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_leaks__help_teaches_and_loads_nothing_heavy(dtr: Callable[..., Outcome]) -> None:
    code, out, _ = dtr("data", "leaks", "--help")
    assert code == 0
    assert "dtr data leaks DeeptraceReward/" in out
    assert "strong   the whole 95 % interval" in out
    script = "import sys, dtr.cli.leaks; print({'torch', 'av', 'numpy', 'sklearn', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert "leaks" in dtr("data", "--help")[1]


def test_leaks__never_writes_over_the_rows(dtr: Callable[..., Outcome], root: Path) -> None:
    before = (root / "manifest.jsonl").read_bytes()
    for option in ("-o", "--facts"):
        code, out, err = dtr("data", "leaks", root, "--fast", option, root / "manifest.jsonl")
        assert (code, out) == (2, "")
        assert f"{option}: expected another file than those that are read" in err
    assert (root / "manifest.jsonl").read_bytes() == before
