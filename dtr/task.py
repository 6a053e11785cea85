"""The one LightningModule: trains any head on cached features and validates it with the runtime's decoding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor

from dtr.callbacks import SaveDetector, WritePredictions
from dtr.detector import load_detector
from dtr.detector_files import detector_folder, load_strictly
from dtr.errors import ConfigError, DetectorError
from dtr.head import Batch, Head
from dtr.mean_head import MeanHead
from dtr.validation import MONITORS, HeadEvaluator, predicted_rows


class HeadTask(pl.LightningModule):
    """Training of one head.

    Args:
        head: makes the head from the feature width (`class_path: dtr.heads.box.BoxHead` in a configuration); the width
            and the backbone come from the features, so that changing the backbone changes nothing else.
        name: of the head; empty = the name of the file it is in.
        learning_rate: peak of AdamW's.
        weight_decay: of matrices; norms, biases and gains have none.
        warmup: share of all steps in which the learning rate rises; then it falls along a cosine to 1 %.
        patience: validations without a better value of the head's own metric before training stops.
        start_from: folder of a detector whose head of the same class and sizes gives the first weights, for example one
            that was trained on synthesised traces, or the embedded one's; empty = random ones.
    """

    head: Head

    def __init__(
        self,
        head: Callable[[int], Head],
        name: str = "",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
        warmup: float = 0.1,
        patience: int = 10,
        start_from: str = "",
    ) -> None:
        super().__init__()
        if not 0 < learning_rate < math.inf or weight_decay < 0 or not 0 <= warmup < 1:
            raise ConfigError(
                f"model: expected learning_rate > 0, weight_decay >= 0 and 0 <= warmup < 1, got {learning_rate}, "
                f"{weight_decay}, {warmup}; mend the configuration"
            )
        self.make_head = head
        self.name = name
        self.learning_rate, self.weight_decay, self.warmup = learning_rate, weight_decay, warmup
        self.patience = patience
        self.start_from = start_from

    def setup(self, stage: str) -> None:
        """Build the head for the features of the datamodule (before a checkpoint is restored into it)."""
        self._build()

    def configure_callbacks(self) -> list[pl.Callback]:
        """Checkpoint and early stopping on the head's own metric, and the detector folder at the end."""
        self._build()
        key, mode = self.monitor
        return [
            ModelCheckpoint(monitor=key, mode=mode, filename="best", enable_version_counter=False),
            # `save_last` of the first one only follows improvements; a resumed run needs the true last epoch.
            ModelCheckpoint(filename="last", enable_version_counter=False),
            EarlyStopping(monitor=key, mode=mode, patience=self.patience, check_finite=False),
            SaveDetector(),
            WritePredictions(),
        ]

    def _build(self) -> None:
        if hasattr(self, "head"):
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.head = self.make_head(data.width)
        self.backbone_id: str = data.backbone_id
        self.name = self.name or type(self.head).__module__.rpartition(".")[2]
        if self.start_from:
            load_start(self.head, self.start_from, self.backbone_id)
        self.spec = self.head.spec(self.backbone_id)
        self.evaluators = torch.nn.ModuleDict({split: HeadEvaluator(self.name, self.spec) for split in ("val", "test")})

    @property
    def monitor(self) -> tuple[str, str]:
        """The logged key that chooses checkpoints, and "max" or "min"."""
        metric, mode = MONITORS[self.spec.kind]
        return f"val/{self.name}/{metric}", mode

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note whose features the head was trained on."""
        checkpoint["backbone_id"] = self.backbone_id

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a head that was trained on the features of another backbone.

        Raises:
            DetectorError: the checkpoint names another backbone than the cache.
        """
        trained_on = checkpoint.get("backbone_id", self.backbone_id)
        if trained_on != self.backbone_id:
            raise DetectorError(
                f"{self.name}: the checkpoint was trained on features of backbone '{trained_on}', the cache holds "
                f"those of '{self.backbone_id}'; set data.cache to features of the first, or train anew"
            )

    def forward(self, batch: Batch) -> Any:
        """The head's raw outputs of every window."""
        batch.features.require_backbone(self.backbone_id, self.name)
        return self.head.run(batch.features)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of random windows."""
        losses = self.head.loss(self(batch), batch.features, batch.targets)
        size = len(batch.video_ids)
        for term, value in losses.items():
            self.log(f"train/{self.name}/{term}", value.detach(), prog_bar=term == "loss", batch_size=size)
        return losses["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Validate after the last one of `max_steps`, wherever in an epoch: else no checkpoint would be chosen."""
        if self.trainer.global_step == self.trainer.max_steps:
            self.trainer.should_stop = True

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode whole clips."""
        self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode whole clips."""
        self._evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> list[dict[str, Any]]:
        """What this head alone says of whole clips, uncalibrated; `<run>/predictions.jsonl` gets a line of each."""
        return predicted_rows(self.name, self.spec, self(batch), batch)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all clips."""
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        """Log the metrics of all clips."""
        self._finish("test")

    def _evaluate(self, split: str, batch: Batch) -> None:
        output = self(batch)
        loss = self.head.loss(output, batch.features, batch.targets)["loss"]
        self.log(f"{split}/{self.name}/loss", loss, batch_size=len(batch.video_ids), sync_dist=True)
        self.evaluators[split].update(output, batch)  # type: ignore[operator]

    def _finish(self, split: str) -> None:
        evaluator = self.evaluators[split]
        key, _ = self.monitor
        for metric, value in evaluator.compute().items():  # type: ignore[operator]
            name = f"{split}/{self.name}/{metric}"
            # The metric has gathered every process's clips already: a mean of equal values, which spares a warning.
            self.log(name, value.to(self.device, torch.float32), prog_bar=name == key, sync_dist=True)
        evaluator.reset()  # type: ignore[operator]

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up and a cosine to 1 % of the learning rate."""
        decay = [p for p in self.head.parameters() if p.ndim >= 2]
        plain = [p for p in self.head.parameters() if p.ndim < 2]
        groups = [{"params": decay, "weight_decay": self.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=self.learning_rate)
        total = self.trainer.estimated_stepping_batches
        if not math.isfinite(total):
            raise ConfigError(
                "trainer: expected max_epochs or max_steps (the learning rate falls along a cosine to the last step), "
                "got a training without an end; set one of them"
            )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / max(1, total), self.warmup))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _rate(done: float, warmup: float) -> float:
    """Share of the peak learning rate when a share `done` of the steps is done.

    Example:
        >>> [round(_rate(x, 0.1), 3) for x in (0.05, 0.1, 1.0)]
        [0.5, 1.0, 0.01]
    """
    if done < warmup:
        return max(done / warmup, 1e-2)
    progress = min(1.0, (done - warmup) / max(1e-9, 1 - warmup))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def load_start(head: Head, detector: str, backbone_id: str) -> None:
    """Give a head the weights of a detector's head of the same class.

    Args:
        head: to change. detector: folder of a detector, or the name of an embedded one.
        backbone_id: of the features that the head is going to be trained on.

    Raises:
        DetectorError: the detector is of another backbone, has no such head, or one of other sizes.
    """
    source = load_detector(detector_folder(detector))
    if source.info.backbone_id != backbone_id:
        raise DetectorError(
            f"start_from '{detector}': expected a detector of backbone '{backbone_id}' (that of the features), got "
            f"'{source.info.backbone_id}'; make the features with its backbone, or start from random weights"
        )
    # Of a mean of heads, the first one: one head is trained here.
    heads = {name: other.first if isinstance(other, MeanHead) else other for name, other in source.heads.items()}
    same = [name for name, other in heads.items() if type(other) is type(head)]
    if len(same) != 1:
        raise DetectorError(
            f"start_from '{detector}': expected one head of class {type(head).__name__}, got {len(same)} (heads: "
            f"{', '.join(source.heads)}); name another detector"
        )
    load_strictly(head, heads[same[0]].state_dict(), f"start_from '{detector}', head '{same[0]}'")
