from __future__ import annotations

from pathlib import Path

import pytest

from dtr.cli.main import run
from dtr.detector import save_detector
from dtr.export.runtime import load_model
from dtr.head import Head
from dtr.heads.category import CategoryHead
from tests.export.toy import ToyHead, make_detector, seeded


def _save(folder: Path, **heads: Head) -> Path:
    d = make_detector(**heads)
    return save_detector(folder, info=d.info, heads=d.heads, head_init=d.head_init)


@pytest.mark.slow
def test_export__joins_folders_proves_and_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = _save(tmp_path / "one", first=seeded(ToyHead, 0, width=6))
    two = _save(tmp_path / "two", second=seeded(CategoryHead, 1, width=6, hidden=8))
    out = tmp_path / "heads.onnx"
    both = [str(one), str(two), "--allow", "tests."]
    assert run(["export", *both, "-o", str(out), "--heads-only"]) == 0
    text = capsys.readouterr().out
    assert "first.video_logit" in text
    assert "(B, T, P, 6)" in text
    assert "max |difference|" in text
    assert "hardly compared" in text
    assert list(load_model(out).info.heads) == ["first", "second"]
    assert run(["verify", *both[:2], str(out), *both[2:]]) == 0
    assert run(["verify", both[0], str(out), *both[2:]]) == 1
    assert "model_id differs" in capsys.readouterr().err


def test_export__errors_are_one_line_and_leave_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = _save(tmp_path / "det", binary=seeded(ToyHead, width=6)), tmp_path / "x.onnx"
    cases = [
        ([str(folder), "-o", str(out), "--heads-only"], 1, "stranger"),
        ([str(folder), "-o", str(out), "--allow", "tests."], 1, "--heads-only"),
        ([str(tmp_path / "none"), "-o", str(out)], 1, "detector folder"),
        ([str(folder), "-o", str(out), "--no-verify", "--clips", "a.mp4"], 2, "--no-verify"),
        ([str(folder), "-o", str(out), "--clips", "a.mp4", "--allow", "tests."], 1, "holds heads only"),
    ]
    for arguments, code, message in cases:
        assert run(["export", *arguments]) == code
        lines = capsys.readouterr().err.strip().splitlines()
        assert message in lines[-1]
        assert lines[-1].startswith("dtr: error: ")
    assert not out.exists()


def test_export__no_verify_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = _save(tmp_path / "det", binary=seeded(ToyHead, width=6)), tmp_path / "x.onnx"
    assert run(["export", str(folder), "-o", str(out), "--heads-only", "--no-verify", "--allow", "tests."]) == 0
    assert "not checked" in capsys.readouterr().out
    assert load_model(out).graph == "heads"


@pytest.mark.parametrize("command", ["export", "verify"])
def test_help__teaches_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([command, "--help"])
    assert f"dtr {command} runs/" in capsys.readouterr().out
