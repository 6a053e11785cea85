from __future__ import annotations

from pathlib import Path

import pytest

from dtr.cli.main import run


def test_evaluate_unseen__help_teaches_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate-unseen", "--help"]) == 0
    assert "dtr evaluate-unseen --config configs/unseen/first.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("folds", ["1", "many", "-2", "2.5"])
def test_evaluate_unseen__wrong_folds_are_wrong_usage(folds: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate-unseen", "--config", "configs/unseen/first.yaml", "--data", "d", "--cache", "c"]
    assert run([*words, "--folds", folds]) == 2
    assert "a whole number above 1, or all" in capsys.readouterr().err


def test_evaluate_unseen__a_wrong_recipe_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("heads: {binary: configs/head/binary.yaml}\nfolds: 1\n")
    assert run(["evaluate-unseen", "--config", str(path), "--data", str(tmp_path), "--cache", "c"]) == 2
    assert capsys.readouterr().err.startswith("dtr: error: config: unseen: expected folds (a whole number above 1")
