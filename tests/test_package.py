"""The package as installed: every folder is listed, and importing it or asking for help loads nothing heavy."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = {".py", ".yaml", ".jpg", ".onnx", ".html", ".css", ".js"}
TOOL = PROJECT["tool"]["setuptools"]
HEAVY = ("torch", "onnxruntime", "onnx", "av", "numpy", "PIL", "timm", "transformers", "pytorch_lightning")


def folder_of(package: str) -> Path:
    """Source folder of a package, through the longest entry of the folder map."""
    mapped = max((p for p in TOOL["package-dir"] if package == p or package.startswith(p + ".")), key=len)
    return ROOT / TOOL["package-dir"][mapped] / package[len(mapped) + 1 :].replace(".", "/")


def packages_on_disk() -> set[str]:
    found = set()
    for package, folder in TOOL["package-dir"].items():
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join([package, *init.parent.relative_to(ROOT / folder).parts]))
    return found


def python_folders() -> set[Path]:
    return {p.parent for f in TOOL["package-dir"].values() for p in (ROOT / f).rglob("*.py")}


def modules_loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys, json; json.dump(sorted(sys.modules), sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


def test_packages__list_names_every_folder() -> None:
    assert packages_on_disk() == set(TOOL["packages"])


def test_packages__every_folder_of_code_has_an_init() -> None:
    # Without one it works in a wheel and fails in editable mode, or the other way round.
    assert python_folders() == {folder_of(package) for package in TOOL["packages"]}


def test_package_data__matches_files() -> None:
    for package, patterns in TOOL["package-data"].items():
        if package != "dtr.models":  # a source tree may be without a trained detector
            assert any(list(folder_of(package).glob(pattern)) for pattern in patterns), package


def test_import_dtr__loads_nothing_heavy() -> None:
    assert not modules_loaded_by("import dtr") & {*HEAVY, "click", "rich"}


def test_import_dtr__offers_detect_without_loading_it() -> None:
    assert not modules_loaded_by("import dtr; assert callable(dtr.detect)") & {"torch", "onnxruntime", "av"}


def test_help__loads_nothing_heavy() -> None:
    code = "from dtr.cli.main import run; assert run(['--help']) == 0"
    assert not modules_loaded_by(code) & {*HEAVY, "rich"}


def test_doctests__of_every_module_run() -> None:
    attempted = 0
    for package in TOOL["packages"]:
        for path in sorted(folder_of(package).glob("*.py")):
            name = package if path.stem == "__init__" else f"{package}.{path.stem}"
            result = doctest.testmod(importlib.import_module(name))
            assert result.failed == 0, name
            attempted += result.attempted
    assert attempted > 20


@pytest.mark.slow
def test_wheel__holds_every_module_and_data_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignore = shutil.ignore_patterns(".git", "__pycache__", "build", "*.egg-info", "runs", "cache", ".*_cache", ".venv")
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    for folder in TOOL["package-dir"].values():
        shutil.copytree(ROOT / folder, source / folder, ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for package in TOOL["packages"]:
        for path in folder_of(package).iterdir():
            if path.is_file() and (path.suffix in SHIPPED or path.name == "py.typed"):
                assert f"{package.replace('.', '/')}/{path.name}" in names
    top = {name.partition("/")[0] for name in names}
    assert {t for t in top if not t.endswith(".dist-info")} == {"dtr"}
