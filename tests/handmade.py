"""Clips, annotations and heads whose answers a person can work out, for tests of what comes after a head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.batch import collate, make_sample
from dtr.clock import Clock
from dtr.features import ClipFeatures, Features
from dtr.head import Batch, Head, Targets
from dtr.model_info import ModelInfo
from dtr.spec import HeadSpec, TensorSpec
from dtr.views import grid_cells

BACKBONE = "hand@000000000000"
BT = ("B", "T")


def clip(steps: int = 12, tokens: int = 4, value: float = 0.0) -> ClipFeatures:
    """`steps` at 6 Hz of a 2 × 2 grid, width 1, every token holding `value`."""
    cells = np.tile(grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 2, 2)[:tokens], (steps, 1, 1))
    start = np.arange(steps, dtype=np.float32) / 6
    step_s = np.stack([start, start + np.float32(1 / 6)], axis=1)
    values = np.full((steps, tokens, 1), value, np.float32)
    return ClipFeatures(values, np.ones((steps, tokens), bool), cells, step_s, BACKBONE)


def fake(*traces: TraceAnnotation, name: str = "fake", **more: Any) -> VideoAnnotation:
    return VideoAnnotation(name, Path(f"{name}.mp4"), "fake", traces=traces, **more)


def real(name: str = "real", **more: Any) -> VideoAnnotation:
    return VideoAnnotation(name, Path(f"{name}.mp4"), "real", traces=(), exhaustive=True, **more)


def unseen(name: str = "unseen") -> VideoAnnotation:
    """A generated video that nobody looked at."""
    return VideoAnnotation(name, Path(f"{name}.mp4"), "fake", traces=None)


def batch_of(*videos: VideoAnnotation, steps: int = 12, values: Sequence[float] | None = None) -> Batch:
    """Whole clips of the videos; `values` are what their tokens hold."""
    values = values or [0.0] * len(videos)
    windows = Clock().window_steps(steps)
    return collate([make_sample(v, clip(steps, value=x), windows) for v, x in zip(videos, values, strict=True)])


class LabelOutput(NamedTuple):
    video_logit: Tensor
    step_logits: Tensor


class BoxOutput(NamedTuple):
    heat_logits: Tensor
    boxes: Tensor


class CategoryOutput(NamedTuple):
    token_logits: Tensor


class HandmadeHead(Head):
    """A head without weights."""

    kind: Any
    outputs: tuple[TensorSpec, ...]

    def loss(self, output: Any, features: Features, targets: Targets) -> dict[str, Tensor]:
        return {"loss": features.tokens.sum() * 0}

    def spec(self, backbone_id: str = "") -> HeadSpec:
        return HeadSpec(self.kind, 1, self.outputs, backbone_id)


class EchoLabel(HandmadeHead):
    """The logit is what the tokens hold."""

    kind = "label"
    outputs = (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", BT))

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> LabelOutput:
        weight = token_mask.any(dim=2).to(tokens.dtype)  # padding holds zeros
        steps = tokens[..., 0].mean(dim=2)
        return LabelOutput((steps * weight).sum(dim=1) / weight.sum(dim=1), steps)


class OneBox(HandmadeHead):
    """The same box at every token, twice as hot as what the tokens hold."""

    kind = "box"
    outputs = (TensorSpec("heat_logits", (*BT, "P")), TensorSpec("boxes", (*BT, "P", 4)))

    def __init__(self, box: tuple[float, ...] = (0.0, 0.0, 0.5, 0.5)) -> None:
        super().__init__()
        self.box = torch.tensor(box)

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> BoxOutput:
        return BoxOutput(2 * tokens[..., 0], self.box.expand(*token_mask.shape, 4))


class OneCategory(HandmadeHead):
    """One category is likely everywhere, and the others are not."""

    kind = "category"
    outputs = (TensorSpec("token_logits", (*BT, "P", 9)),)

    def __init__(self, category: int = 0, logit: float = 4.0) -> None:
        super().__init__()
        self.logits = torch.full((9,), -logit)
        self.logits[category] = logit

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> CategoryOutput:
        return CategoryOutput(self.logits.expand(*token_mask.shape, 9))


def info_of(heads: dict[str, HandmadeHead], **changes: Any) -> ModelInfo:
    """Metadata of a detector of these heads."""
    return ModelInfo("hand@1", BACKBONE, Clock(), (), {n: h.spec(BACKBONE) for n, h in heads.items()}, **changes)
