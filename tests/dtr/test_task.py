from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from dtr.backbones.build import build_backbone
from dtr.detector import load_detector
from dtr.detector_files import detector_folder
from dtr.errors import ConfigError, DetectorError
from dtr.fit import run_lightning, shipped_config
from dtr.heads.binary import BinaryHead
from dtr.mean_head import MeanHead
from dtr.task import HeadTask, load_start
from dtr.train_all import Recipe
from tests import training
from tests.training import write_training_data

QUICK = ("--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--model.head.init_args.hidden=16")
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_training_data(tmp_path_factory.mktemp("training"))


def arguments(command: str, head: str, files: Files, out: Path, *more: str) -> list[str]:
    logger = {"class_path": "pytorch_lightning.loggers.CSVLogger", "init_args": {"save_dir": str(out), "version": ""}}
    data = (f"--data.data={files[0]}", f"--data.cache={files[1]}", "--trainer.logger", json.dumps(logger))
    return [command, "--config", f"configs/head/{head}.yaml", *data, *QUICK, *more]


def test_checkpoint__of_another_backbone_is_refused(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lightning(arguments("fit", "binary", files, tmp_path / "a", "--trainer.max_steps=1"))
    checkpoint = f"--ckpt_path={tmp_path}/a/lightning_logs/checkpoints/best.ckpt"
    run_lightning(arguments("validate", "binary", files, tmp_path / "b", checkpoint))
    monkeypatch.setattr(training, "BACKBONE", "toy@111111111111")  # of the same width
    (tmp_path / "other").mkdir()
    other = write_training_data(tmp_path / "other")
    for command in ("validate", "fit"):
        with pytest.raises(DetectorError, match=r"backbone 'toy@000000000000', the cache holds those of 'toy@1{12}'"):
            run_lightning(arguments(command, "binary", other, tmp_path / command, checkpoint))


def test_fit__without_an_end_is_refused(files: Files, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_epochs or max_steps"):
        run_lightning(arguments("fit", "binary", files, tmp_path, "--trainer.max_epochs=-1"))


@pytest.mark.parametrize("wrong", [{"learning_rate": 0.0}, {"weight_decay": -1.0}, {"warmup": 1.0}])
def test_init__impossible_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="model: expected"):
        HeadTask(BinaryHead, **wrong)


@pytest.mark.slow
def test_fit__two_processes_train_and_measure_together(files: Files, tmp_path: Path) -> None:
    """Half of the category batches hold no tag at all: no parameter may go without a gradient, no process may wait."""
    script = tmp_path / "dtr_again.py"  # Lightning starts the second process by running the same file
    script.write_text("from dtr.cli.main import main\n\nmain()\n")
    more = ("--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_steps=2", "--data.needs=label")
    command = [sys.executable, str(script), *arguments("fit", "category", files, tmp_path, *more)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "sync_dist" not in done.stderr
    detector = load_detector(tmp_path / "lightning_logs" / "detector")
    assert detector.info.training["metrics"]["best"] is not None


def test_load_start__takes_the_weights_of_the_embedded_detector() -> None:
    embedded = load_detector(detector_folder("dtr-lite2"))
    mean = embedded.heads["box"]
    assert isinstance(mean, MeanHead)  # of which one member is begun with
    head = type(mean.first)(**mean.first.init_args)
    load_start(head, "dtr-lite2", embedded.info.backbone_id)
    assert all(torch.equal(a, mean.first.state_dict()[name]) for name, a in head.state_dict().items())
    with pytest.raises(DetectorError, match="expected a detector of backbone 'other@0'"):
        load_start(head, "dtr-lite2", "other@0")


SIZES = "model.head.init_args."


def test_finetune__starts_from_an_embedded_detector_with_the_features_that_its_heads_take() -> None:
    recipe = Recipe.load("configs/recipes/finetune.yaml")
    embedded = load_detector(detector_folder(recipe.options["model.start_from"]))
    assert set(recipe.heads) == set(embedded.heads)
    features = yaml.safe_load(Path(shipped_config("configs/features/image_lite2.yaml")).read_text())
    assert build_backbone(features["backbone"]).backbone_id == embedded.info.backbone_id
    for name, mean in embedded.heads.items():
        assert isinstance(mean, MeanHead)
        sizes = {k.removeprefix(SIZES): v for k, v in recipe.head_options[name].items() if k.startswith(SIZES)}
        load_start(
            type(mean.first)(mean.first.init_args["width"], **sizes),
            recipe.options["model.start_from"],
            embedded.info.backbone_id,
        )
