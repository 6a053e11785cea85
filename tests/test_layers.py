"""Imports run one way: leaves, types, contracts and decoding, tasks and pipeline, command line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"dtr": "dtr", "heads": "dtr.heads", "export": "dtr.export", "configs": "dtr.configs"}
DOORS = ("dtr.cli", "dtr.api")  # the only modules of dtr that may reach heads and export
LEAVES = ("dtr.errors", "dtr.boxes", "dtr.spans", "dtr.clock", "dtr.views", "dtr.checks")
HEAVY = {"torch", "onnx", "onnxruntime", "transformers", "timm", "pytorch_lightning", "torchmetrics", "av", "decord"}
DOORWAYS = {  # one doorway per heavy library (a prefix of module names each)
    "pytorch_lightning": ("dtr.task", "dtr.datamodule", "dtr.callbacks", "dtr.fit", "dtr.cli."),
    "transformers": ("dtr.backbones.video_lm",),
    "timm": ("dtr.backbones.",),
    "onnx": ("dtr.export",),
    "onnxruntime": ("dtr.export", "dtr.doctor"),
    "cv2": ("dtr.traces.opencv",),
    "ultralytics": (),
}


def modules() -> dict[str, Path]:
    """Every module of the package by import name."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(p for p in parts if p != "__init__")])] = path
    return found


def imports(path: Path, name: str, *, top_only: bool = False) -> set[str]:
    """Absolute names that a module imports; `top_only` leaves out what is imported inside functions or for typing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p if p.endswith(".") else p + ".") for p in prefixes)


MODULES = modules()


def test_modules__are_found() -> None:
    assert {"dtr.verdict", "dtr.heads.binary", "dtr.export.runtime", "dtr.cli.main"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports__run_one_way(name: str) -> None:
    used = imports(MODULES[name], name)
    if within(name, ("dtr.heads",)):
        assert not [m for m in used if within(m, ("dtr.export", "dtr.cli", "dtr.api"))]
    elif within(name, ("dtr.export",)):
        assert not [m for m in used if within(m, ("dtr.heads", "dtr.cli", "dtr.api"))]
    elif not within(name, DOORS):
        assert not [m for m in used if within(m, ("dtr.heads", "dtr.export", "dtr.cli"))]


@pytest.mark.parametrize("name", LEAVES)
def test_leaves__import_only_leaves(name: str) -> None:
    ours = {m for m in imports(MODULES[name], name) if m == "dtr" or m.startswith("dtr.")}
    assert not {m for m in ours if not within(m, LEAVES)}


@pytest.mark.parametrize(("library", "doors"), DOORWAYS.items())
def test_heavy_libraries__have_one_doorway(library: str, doors: tuple[str, ...]) -> None:
    users = {n for n, p in MODULES.items() if any(within(m, (library,)) for m in imports(p, n))}
    assert not {n for n in users if not any(n == d or n.startswith(d) for d in doors)}


@pytest.mark.parametrize("name", [n for n in MODULES if within(n, ("dtr.cli",))])
def test_cli__imports_nothing_heavy_at_the_top(name: str) -> None:
    tops = {m.partition(".")[0] for m in imports(MODULES[name], name, top_only=True)}
    assert not tops & HEAVY
