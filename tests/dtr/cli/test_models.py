from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny detector with a card beside it."""
    shutil.copy(tiny_model, tmp_path / "m.onnx")
    (tmp_path / "m.md").write_text("# The card\n")
    return tmp_path / "m.onnx"


def test_models__shows_card_and_facts(dtr: Run, model: Path) -> None:
    code, out, _ = dtr("models", model)
    assert code == 0
    assert out.startswith("# The card\n")
    assert "model_id: bright@1" in out
    assert '"binary": "label"' in out


def test_models__without_a_card_shows_the_training_facts(dtr: Run, tiny_model: Path) -> None:
    assert '"clips": 0' in dtr("models", tiny_model)[1]


def test_models__json_is_one_line_each(dtr: Run, model: Path) -> None:
    code, out, _ = dtr("models", model, model, "--json")
    first, second = (json.loads(line) for line in out.splitlines())
    assert code == 0
    assert first == second
    assert first["heads"] == {"binary": "label", "box": "box"}
    assert first["graph"] == "fused"


def test_models__unknown_name_is_an_error(dtr: Run) -> None:
    code, out, err = dtr("models", "nonsense")
    assert (code, out) == (1, "")
    assert err.startswith("dtr: error: detector: nonsense")


def test_models__lists_what_is_embedded(dtr: Run) -> None:
    from dtr.export.runtime import embedded_models

    code, out, err = dtr("models")
    assert code == 0
    assert all(name in out for name in embedded_models())
    assert bool(err) == (not embedded_models())
