from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from dtr import extras
from dtr.errors import MissingExtraError
from dtr.extras import check_onnxruntime, extra_of, installed_version, missing_extra, require_sklearn, requirements

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_requirements__are_those_of_pyproject() -> None:
    found = requirements()
    assert set(found) - {""} == set(PROJECT["optional-dependencies"])
    assert len(found[""]) == len(PROJECT["dependencies"])
    assert "jsonargparse" in found["train"]
    assert not set(found[""]) & {"torch", "onnxruntime", "onnxruntime-gpu"}


@pytest.mark.parametrize(
    ("module", "extra"),
    [("torch.nn", "train"), ("sklearn", "train"), ("transformers", "vlm"), ("onnxruntime", "cpu"), ("nonsense", None)],
)
def test_extra_of__finds_who_brings_a_module(module: str, extra: str | None) -> None:
    assert extra_of(module) == extra


def test_missing_extra__has_the_command() -> None:
    error = missing_extra(ModuleNotFoundError("no", name="pytorch_lightning.cli"))
    assert "pip install 'dtr-video[train]'" in str(error)
    assert missing_extra(ModuleNotFoundError("no", name="dtr.nonsense")) is None


def test_installed_version__of_nothing_is_none() -> None:
    assert installed_version("no-such-distribution") is None


def test_check_onnxruntime__none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "onnxruntimes", list)
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"dtr-video\[cpu\].*dtr-video\[gpu\]"):
        check_onnxruntime()


def test_check_onnxruntime__two_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "onnxruntimes", lambda: ["onnxruntime", "onnxruntime-gpu"])
    notice = check_onnxruntime()
    assert notice is not None
    assert "onnxruntime and onnxruntime-gpu" in notice
    assert "\n" not in notice


def test_require_sklearn__says_what_needs_it_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_sklearn("leak probes")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"leak probes need.*dtr-video\[report\]"):
        require_sklearn("leak probes")
