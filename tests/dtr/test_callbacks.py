from __future__ import annotations

import json
from pathlib import Path

import pytest

from dtr.detector import load_detector
from dtr.fit import run_lightning
from tests.training import write_training_data


def test_save_detector__a_metric_that_was_never_defined_is_said_to_be_so(tmp_path: Path) -> None:
    data, cache = write_training_data(tmp_path)
    rows = [row | {"faketrace_check_applies": ["None of the above"]} for row in json.loads(data.read_text())]
    rows = [{k: v for k, v in r.items() if r["video_type"] == "fake_video" or "faketrace" not in k} for r in rows]
    data.write_text(json.dumps(rows))
    logger = {"class_path": "pytorch_lightning.loggers.CSVLogger", "init_args": {"save_dir": str(tmp_path)}}
    quick = ("--trainer.max_steps=1", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false")
    config = ("--config", "configs/head/category.yaml", "--trainer.logger", json.dumps(logger))
    run_lightning(["fit", *config, *quick, f"--data.data={data}", f"--data.cache={cache}"])
    detector = load_detector(tmp_path / "lightning_logs" / "version_0" / "detector")
    assert detector.info.training["metrics"]["best"] is None
    assert "chosen by `val/category/map`: –" in detector.card
    assert detector.info.calibration == {}


def test_save_detector__a_fit_without_validation_says_that_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, cache = write_training_data(tmp_path)
    quick = ("--trainer.fast_dev_run=1", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false")
    run_lightning(
        ["fit", "--config", "configs/head/binary.yaml", *quick, f"--data.data={data}", f"--data.cache={cache}"]
    )
    assert "detector: none" in capsys.readouterr().out
