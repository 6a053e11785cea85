"""A new head by the six steps of CONTRIBUTING, all of it in this file: what a contributor does, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from dtr.detector import load_detector
from dtr.errors import DetectorError
from dtr.export.verify import export_verified
from dtr.features import Features
from dtr.fit import run_lightning
from dtr.head import Head, Targets, masked_mean
from dtr.heads.geometry import cell_cover, step_cover
from dtr.heads.neck import Neck
from dtr.spec import HeadSpec, TensorSpec
from tests.heads.head_contract import WIDTH, HeadContract
from tests.training import write_training_data


class WindowOutput(NamedTuple):  # step 2: field names become ONNX output names
    heat_logits: Tensor  # (B, T, P)
    boxes: Tensor  # (B, T, P, 4)


class WindowHead(Head):  # step 1: constructor arguments are the configuration
    """Boxes of one learned size around every token."""

    def __init__(self, width: int, hidden: int = 16, push_down: float = 0.5) -> None:
        super().__init__()
        self.width, self.push_down = width, push_down
        self.neck = Neck(width, hidden, differences=1)
        self.heat = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 1))
        self.reach = nn.Parameter(torch.tensor([0.2, 0.2]))

    # step 3: masked tokens and padding change nothing
    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> WindowOutput:
        states = self.neck(tokens, token_mask, cells, step_s).tokens
        centre = (cells[..., :2] + cells[..., 2:]) / 2
        boxes = torch.cat([centre - self.reach, centre + self.reach], dim=-1).clamp(0.0, 1.0)
        return WindowOutput(self.heat(states).squeeze(-1) * token_mask.to(states.dtype), boxes)

    # step 4: what is not annotated takes no part
    def loss(self, output: WindowOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        on = (step_cover(features.step_s, targets.span_s) >= 0.5) & (targets.trace_mask & targets.box_mask)[..., None]
        inside = (cell_cover(features.cells, targets.boxes) >= 0.5) & on.unsqueeze(-1)
        inside = inside & features.token_mask.unsqueeze(1)  # (B, N, T, P)
        anywhere = inside.any(dim=1)
        down = features.token_mask & targets.exhaustive[:, None, None] & ~anywhere
        heat = masked_mean(nn.functional.softplus(-output.heat_logits), anywhere)
        heat = heat + self.push_down * masked_mean(nn.functional.softplus(output.heat_logits), down)
        apart = (output.boxes.unsqueeze(1) - targets.boxes.unsqueeze(3)).abs().mean(dim=-1)
        sides = masked_mean(apart, inside)
        return {"loss": heat + sides, "heat": heat, "sides": sides}

    def spec(self, backbone_id: str = "") -> HeadSpec:  # step 5: kind, width and outputs
        outputs = (TensorSpec("heat_logits", ("B", "T", "P")), TensorSpec("boxes", ("B", "T", "P", 4)))
        return HeadSpec("box", self.width, outputs, backbone_id)


class TestWindowHead(HeadContract):  # step 6: the contract, and a configuration
    def make_head(self) -> WindowHead:
        return WindowHead(width=WIDTH)


CONFIG = """
model:
  head:
    class_path: tests.test_add_a_head.WindowHead
    init_args: {push_down: 0.25}
data:
  needs: traces
trainer:
  max_steps: 2
  accelerator: cpu
  enable_progress_bar: false
  logger:
    class_path: pytorch_lightning.loggers.CSVLogger
    init_args: {save_dir: %s, version: ""}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new_head")
    data, cache = write_training_data(folder)
    config = folder / "window.yaml"
    config.write_text(CONFIG % json.dumps(str(folder)))
    run_lightning(["fit", "--config", str(config), f"--data.data={data}", f"--data.cache={cache}"])
    return folder / "lightning_logs" / "detector"


def test_new_head__trains_into_a_detector_folder(trained: Path) -> None:
    detector = load_detector(trained, allow=("tests.",))
    head = detector.heads["test_add_a_head"]
    assert isinstance(head, WindowHead)
    assert head.init_args == {"width": 16, "hidden": 16, "push_down": 0.25}
    assert detector.info.training["metrics"]["chosen_by"] == "val/test_add_a_head/box_iou"
    with pytest.raises(DetectorError, match="stranger's code"):
        load_detector(trained)


def test_new_head__exports_with_equal_numbers_and_traces(trained: Path, tmp_path: Path) -> None:
    parity = export_verified(load_detector(trained, allow=("tests.",)), tmp_path / "heads.onnx", heads_only=True)
    assert set(parity.max_abs) == {"test_add_a_head.heat_logits", "test_add_a_head.boxes"}
    assert parity.worst < 1e-4
    assert parity.note == ""
