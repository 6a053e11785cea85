"""The modules that are traced into ONNX: heads on features, and frames to heads in one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dtr.export.metadata import CELLS_OUTPUT, FUSED_INPUTS
from dtr.head import Head
from dtr.spec import FEATURE_INPUTS, ONNX_SEPARATOR, HeadSpec


def head_output_names(heads: Mapping[str, HeadSpec]) -> list[str]:
    """Names of all head outputs, in graph order.

    Example:
        >>> from dtr.spec import HeadSpec, TensorSpec
        >>> head_output_names({"binary": HeadSpec("label", 8, (TensorSpec("video_logit", ("B",)),))})
        ['binary.video_logit']
    """
    return [f"{name}{ONNX_SEPARATOR}{output.name}" for name, spec in heads.items() for output in spec.outputs]


class HeadsGraph(nn.Module):
    """All heads of a detector on the four feature arrays.

    Args:
        heads: by name, in the order of the outputs.
    """

    input_names = FEATURE_INPUTS

    def __init__(self, heads: Mapping[str, Head]) -> None:
        super().__init__()
        # A list: names of heads need not be legal names of modules.
        self.heads = nn.ModuleList(heads.values())
        self.output_names = head_output_names({name: head.spec() for name, head in heads.items()})

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> tuple[Tensor, ...]:
        """Outputs of all heads in the order of `output_names`; arguments as `Head.forward`."""
        return tuple(value for head in self.heads for value in head(tokens, token_mask, cells, step_s))


class FusedGraph(nn.Module):
    """Frames of unique steps → backbone, each step once → windows → all heads.

    Args:
        backbone: image backbone: `forward(frames)` → tokens (S, P, D), and `cells(view_boxes)` → (P, 4).
        heads: by name, in the order of the outputs.
    """

    input_names = FUSED_INPUTS

    def __init__(self, backbone: Any, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = HeadsGraph(heads)
        self.output_names = [*self.heads.output_names, CELLS_OUTPUT]

    def forward(
        self, frames: Tensor, window_steps: Tensor, step_mask: Tensor, step_s: Tensor, view_boxes: Tensor
    ) -> tuple[Tensor, ...]:
        """Run.

        Args:
            frames: (S, V, H, W, 3) uint8 RGB of S consecutive steps.
            window_steps: (B, T) int64 index into S, −1 = padding past the end of the clip.
            step_mask: (S,) bool, False = no new frame at this step.
            step_s: (S, 2) float32 seconds.
            view_boxes: (V, 4) float32 xyxy of each view in the displayed frame.

        Returns:
            Outputs of all heads in the order of `output_names`, then the cells (P, 4).
        """
        tokens = self.backbone(frames)  # (S, P, D)
        cells = self.backbone.cells(view_boxes)  # (P, 4)
        features = gather_windows(tokens, cells, window_steps, step_mask, step_s)
        return (*self.heads(*features), cells)


def gather_windows(
    tokens: Tensor, cells: Tensor, window_steps: Tensor, step_mask: Tensor, step_s: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`ClipFeatures.windows` in torch, for cells that are the same at every step.

    Args:
        tokens: (S, P, D).
        cells: (P, 4).
        window_steps: (B, T) int64, −1 = padding.
        step_mask: (S,) bool.
        step_s: (S, 2) seconds.

    Returns:
        tokens (B, T, P, D), zero where masked; token_mask (B, T, P) bool; cells (B, T, P, 4); step_s (B, T, 2), where
        padding covers an empty span at the last step's end.
    """
    index = window_steps.clamp(min=0)  # padding may gather anything: its tokens are zeroed, its time is replaced
    padding = window_steps < 0  # (B, T)
    keep = step_mask[index] & ~padding
    num_tokens = cells.shape[0]
    gathered = tokens[index]  # (B, T, P, D)
    gathered = torch.where(keep[..., None, None], gathered, torch.zeros_like(gathered))
    token_mask = keep.unsqueeze(-1).expand(-1, -1, num_tokens)
    cells = cells.expand(index.shape[0], index.shape[1], -1, -1)
    times = torch.where(padding.unsqueeze(-1), step_s[-1, 1], step_s[index])
    return gathered, token_mask, cells, times
