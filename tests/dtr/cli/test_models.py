from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dtr.detector import save_detector
from dtr.export.runtime import embedded_models
from tests.export.toy import ToyHead, make_detector, seeded
from tests.tiny_detector import rewrite_metadata

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny detector with a card beside it."""
    shutil.copy(tiny_model, tmp_path / "m.onnx")
    (tmp_path / "m.md").write_text("# The card\n")
    return tmp_path / "m.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A detector folder below runs/."""
    toy = make_detector(binary=seeded(ToyHead, width=6))
    path = tmp_path / "runs/toy/detector"
    return save_detector(path, info=toy.info, heads=toy.heads, head_init=toy.head_init, card="# A \x1b[31mtoy\n")


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
    code, out, err = dtr("models")
    assert code == 0
    assert all(name in out for name in embedded_models())
    assert bool(err) == (not embedded_models())


def test_models__lists_what_lies_here_with_what_it_says_of_itself(dtr: Run, model: Path, folder: Path) -> None:
    training: dict[str, Any] = {"data": {"fit": {"videos": 356}}, "test_split": "val"}
    training["test"] = {"plain": {"metrics": {"video_auroc": {"value": 0.8051}}}}
    rewrite_metadata(model, "training", training)
    code, out, _ = dtr("models")
    assert code == 0
    lines = [line.split("  ") for line in out.partition("here and below runs:\n")[2].splitlines()]
    first, second = ([part.strip() for part in line if part] for line in lines)
    assert first == ["m.onnx", "bright@1", "binary, box", "trained on 356 clips", "AUROC 0.805 on 'val'"]
    assert (second[0], second[2:]) == ("runs/toy/detector", ["binary"])


def test_models__listed_as_json(dtr: Run, folder: Path) -> None:
    found = [json.loads(line) for line in dtr("models", "--json")[1].splitlines()]
    assert [f["name"] for f in found] == [*embedded_models(), "runs/toy/detector"]
    assert (found[-1]["graph"], found[-1]["heads"]) == ("folder", {"binary": "label"})


def test_models__one_that_cannot_be_read_is_told_and_the_others_listed(dtr: Run, model: Path, folder: Path) -> None:
    rewrite_metadata(model, "format", 99)
    code, out, err = dtr("models")
    assert code == 0
    assert "runs/toy/detector" in out
    assert "dtr: note: m.onnx: expected metadata of format 1 or older, got 99" in err


def test_models__a_folder_shows_its_card_and_cannot_steer_the_terminal(dtr: Run, folder: Path) -> None:
    code, out, _ = dtr("models", folder)
    assert code == 0
    assert out.startswith("# A ")
    assert "\x1b" not in out
    assert "graph: folder" in out


def test_models__a_folder_that_was_changed_is_refused(dtr: Run, folder: Path) -> None:
    weights = folder / "heads/binary/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    code, out, err = dtr("models", folder)
    assert (code, out) == (1, "")
    assert "weights.safetensors: expected SHA-256" in err
