"""What runs leave behind: a fit a calibrated detector folder, a prediction run its answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch


class SaveDetector(pl.Callback):
    """At the end of a fit, write `<run>/detector`: the best checkpoint's head, calibrated on the calibration part."""

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the folder, on the first process only."""
        # Before the return: Lightning shares the folder between processes, and waits for all of them to ask.
        folder = Path(trainer.log_dir or trainer.default_root_dir) / "detector"
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if not best:
            trainer.print("detector: none, because no validation chose a checkpoint")
        if not trainer.is_global_zero or not best:
            return
        from dtr.head_detector import save_head_detector

        task: Any = pl_module
        state = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
        head = type(task.head)(**task.head.init_args)
        head.load_state_dict({k.removeprefix("head."): v for k, v in state.items() if k.startswith("head.")})
        score = float(trainer.checkpoint_callback.best_model_score)  # type: ignore[union-attr, arg-type]
        # A metric that the dev part never defined (no tag at all, one label only) is stored as infinity by Lightning.
        best_score = score if math.isfinite(score) else None
        metrics = {"chosen_by": task.monitor[0], "best": best_score, "epochs": trainer.current_epoch}
        config = {
            "learning_rate": task.learning_rate,
            "weight_decay": task.weight_decay,
            "warmup": task.warmup,
            "patience": task.patience,
            "max_epochs": trainer.max_epochs,
            "head": task.head.init_args,
        }
        data = trainer.datamodule  # type: ignore[attr-defined]
        save_head_detector(head, task.name, data, metrics, config, folder)
        trainer.print(f"detector: {folder}")


class WritePredictions(pl.Callback):
    """Write what `predict_step` returns as JSON lines to `<run>/predictions.jsonl`, one file per process."""

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a new file under a temporary name."""
        rank = f"-{trainer.global_rank}" if trainer.world_size > 1 else ""
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"predictions{rank}.jsonl"
        self._file = self.path.with_suffix(".tmp").open("w", encoding="utf-8")

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the clips of one batch."""
        self._file.writelines(json.dumps(row) + "\n" for row in outputs)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the finished file in its place."""
        self._file.close()
        Path(self._file.name).replace(self.path)
        trainer.print(f"predictions: {self.path}")
