"""The six steps of CONTRIBUTING for a new head, done with the very blocks that are printed there."""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import ExecutionLoader
from pathlib import Path
from types import ModuleType

import pytest

from dtr.detector import load_detector
from dtr.export.runtime import load_model
from dtr.export.verify import TOLERANCE, export_verified
from dtr.fit import run_lightning
from tests.doc_blocks import blocks, read_document
from tests.training import write_training_data

FILES = {block.title: block.text for block in blocks(read_document("CONTRIBUTING.md")) if block.title}


class BlockLoader(ExecutionLoader):
    """Imports a block as if it were the file that its title names."""

    def __init__(self, title: str) -> None:
        self.title = title

    def get_filename(self, fullname: str) -> str:
        return self.title

    def get_source(self, fullname: str) -> str:
        return FILES[self.title]


def import_block(title: str, name: str) -> ModuleType:
    loader = BlockLoader(title)
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


import_block("heads/peak.py", "dtr.heads.peak")
TestPeakHead = import_block("tests/heads/test_peak.py", "tests.heads.test_peak").TestPeakHead  # pytest collects it


@pytest.mark.slow
def test_new_head__trains_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cache = write_training_data(tmp_path)
    config = tmp_path / "peak.yaml"
    config.write_text(FILES["configs/head/peak.yaml"])
    monkeypatch.chdir(tmp_path)
    args = ["fit", "--config", str(config), "--data.data", str(data), "--data.cache", str(cache)]
    quick = ["--model.head.init_args.hidden=16", "--trainer.max_epochs=3", "--trainer.accelerator=cpu"]
    run_lightning([*args, *quick, "--trainer.enable_progress_bar=false"])

    detector = load_detector(tmp_path / "runs/peak/version_0/detector")
    assert list(detector.heads) == ["peak"]
    assert detector.info.training["metrics"]["best"] > 0.9
    # The toy features have no backbone, so the head is exported alone.
    parity = export_verified(detector, tmp_path / "peak.onnx", heads_only=True)
    assert parity.worst < TOLERANCE
    assert load_model(tmp_path / "peak.onnx").info.heads["peak"].kind == "label"
