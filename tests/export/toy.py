"""A small detector: an image network with random weights, a label head of one layer, and a real box head."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dtr.backbones.image import ImageBackbone
from dtr.calibration import PlattCalibration
from dtr.clock import Clock
from dtr.detector import BackbonePart, LoadedDetector, model_id
from dtr.features import Features
from dtr.head import Head, Targets
from dtr.model_info import ModelInfo
from dtr.spec import HeadSpec, TensorSpec
from dtr.views import ViewSpec

ALLOW = ("tests.",)


class ToyOutput(NamedTuple):
    video_logit: Tensor
    step_logits: Tensor


class ToyHead(Head):
    """A linear layer on the mean token of each step; ignores cells and times."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(width, 1)

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> ToyOutput:
        weight = token_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weight).sum(dim=2) / weight.sum(dim=2).clamp(min=1.0)
        steps = self.linear(mean).squeeze(-1)
        return ToyOutput(steps.mean(dim=1), steps)

    def loss(self, output: ToyOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        return {"loss": output.video_logit.square().mean()}

    def spec(self, backbone_id: str = "") -> HeadSpec:
        outputs = (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", ("B", "T")))
        return HeadSpec("label", self.width, outputs, backbone_id)


class FixedHead(ToyHead):
    """Says that its step axis is dynamic, but can only take four steps."""

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> ToyOutput:
        output = super().forward(tokens, token_mask, cells, step_s)
        return ToyOutput((output.step_logits * torch.arange(4.0)).sum(dim=1), output.step_logits)


class BranchingHead(ToyHead):
    """Decides by a value, which a graph cannot."""

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> ToyOutput:
        return super().forward(tokens if float(tokens.sum()) > 0 else -tokens, token_mask, cells, step_s)


class MisdeclaredHead(ToyHead):
    """Declares a per-step output that is per window."""

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> ToyOutput:
        output = super().forward(tokens, token_mask, cells, step_s)
        return ToyOutput(output.video_logit, output.video_logit)


def init_of(head: Head) -> dict[str, Any]:
    kind = type(head)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": head.init_args}


def make_backbone(size: int = 64) -> ImageBackbone:
    return ImageBackbone("test_resnet", "none", (-1,), [ViewSpec("full", size), ViewSpec("native", size, (0.0, 1.0))])


def make_detector(backbone: ImageBackbone | None = None, **heads: Head) -> LoadedDetector:
    """A detector of these heads; on features of "toy@1" without a backbone."""
    backbone_id = backbone.backbone_id if backbone else "toy@1"
    clock = Clock(6.0, 8, 4)
    info = ModelInfo(
        model_id("toy", heads, backbone_id),
        backbone_id,
        clock,
        backbone.views if backbone else (),
        {name: head.spec(backbone_id) for name, head in heads.items()},
        calibration={
            "label": PlattCalibration(1.5, -0.25, 3, 2, 0.5).to_json(),
            "trace": PlattCalibration(0.5, 0.0, 3, 2, 0.5, "trace").to_json(),
        },
        thresholds={"label": 0.4, "abstain": [0.3, 0.5], "trace": 0.1},
        training={"clips": 3},
        dtr_version="0.1.0",
    )
    part = BackbonePart.of(backbone, backbone.net.state_dict()) if backbone else None
    modules = {name: head.eval() for name, head in heads.items()}
    return LoadedDetector(info, modules, {n: init_of(h) for n, h in heads.items()}, part, "# Toy\n", ALLOW)


def seeded(kind: type[Head], seed: int = 0, **arguments: Any) -> Head:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(**arguments)
