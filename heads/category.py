"""Category head: which of the nine kinds a trace is, densely per token, so that each trace gets its own answer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dtr.annotation import CATEGORIES
from dtr.features import Features
from dtr.head import Head, Targets, masked_mean
from dtr.heads.geometry import cell_cover, step_cover, steps_of_traces
from dtr.heads.neck import Neck
from dtr.spec import HeadSpec, TensorSpec


class CategoryOutput(NamedTuple):
    """Raw outputs.

    Attributes:
        token_logits: (B, T, P, C) in the order of `dtr.annotation.CATEGORIES`; masked tokens are 0.
    """

    token_logits: Tensor


class CategoryHead(Head):
    """A linear classifier on the neck's tokens; a trace's logits are their mean inside its tube.

    Args:
        width: D of the feature tokens.
        hidden, differences, depth, dropout, track, channels: of the neck.
    """

    def __init__(
        self,
        width: int,
        hidden: int = 96,
        differences: int = 2,
        depth: int = 1,
        dropout: float = 0.3,
        track: bool = False,
        channels: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.neck = Neck(width, hidden, differences, depth, dropout=dropout, track=track, channels=channels)
        last = nn.Linear(hidden, len(CATEGORIES))
        nn.init.constant_(last.bias, -2.0)  # a category holds for about one trace in nine
        self.classify = nn.Sequential(nn.LayerNorm(hidden), last)

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> CategoryOutput:
        """Dense logits; arguments as `Head.forward`."""
        neck = self.neck(tokens, token_mask, cells, step_s)
        logits = self.classify(neck.tokens)
        return CategoryOutput(logits * token_mask.unsqueeze(-1).to(logits.dtype))

    def loss(self, output: CategoryOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        """Multi-label cross-entropy of each tagged trace, on logits pooled inside its annotated tube.

        A trace without a box is pooled over the whole frame, one without a span over the whole window; untagged traces
        and traces outside the window take no part.
        """
        weight = tube_weights(features, targets)  # (B, N, T, P)
        total = weight.sum(dim=(2, 3))  # (B, N)
        pooled = torch.einsum("bntp,btpc->bnc", weight, output.token_logits) / total.clamp(min=1e-6).unsqueeze(-1)
        loss = functional.binary_cross_entropy_with_logits(pooled, targets.categories, reduction="none").mean(dim=-1)
        used = targets.trace_mask & targets.category_mask & (total > 1e-6)
        # A window with nothing tagged still gives every parameter a (zero) gradient, which DDP needs.
        value = masked_mean(loss, used) + 0.0 * output.token_logits.sum()
        return {"loss": value}

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """Kind "category"."""
        outputs = (TensorSpec("token_logits", ("B", "T", "P", len(CATEGORIES))),)
        return HeadSpec("category", self.width, outputs, backbone_id, {"categories": list(CATEGORIES)})


def tube_weights(features: Features, targets: Targets) -> Tensor:
    """How much each token counts for each trace: cell cover × step cover.

    Where a trace covers masked steps only (a short one, between the frames of a slow source) the step that stands for
    it counts in full, as for the other heads.

    Returns:
        (B, N, T, P) in [0, 1]; 0 for masked tokens and padded traces.
    """
    cells = cell_cover(features.cells, targets.boxes)
    cells = torch.where(targets.box_mask[..., None, None], cells, torch.ones_like(cells))
    steps = step_cover(features.step_s, targets.span_s)
    step_mask = features.token_mask.any(dim=2)  # (B, T)
    lost = (steps * step_mask.unsqueeze(1).to(steps.dtype)).sum(dim=-1, keepdim=True) <= 1e-6
    stand_ins = steps_of_traces(features.step_s, step_mask, targets.span_s).to(steps.dtype)
    steps = torch.where(lost, stand_ins, steps)
    steps = torch.where(targets.span_mask[..., None], steps, torch.ones_like(steps))
    keep = features.token_mask.unsqueeze(1) & targets.trace_mask[..., None, None]
    return cells * steps.unsqueeze(-1) * keep.to(cells.dtype)
