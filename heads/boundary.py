"""Boundary head: when. Per step, whether a trace is on, and distributions of how long ago it began and when it ends."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dtr.features import Features
from dtr.head import Head, Targets, masked_mean
from dtr.heads.geometry import (
    choice_loss,
    distribution_loss,
    expected_value,
    signed_square_bins,
    steps_of_traces,
    twin_loss,
)
from dtr.heads.neck import MASKED, Neck
from dtr.spec import HeadSpec, TensorSpec

BINS = 26


class BoundaryOutput(NamedTuple):
    """Raw outputs.

    Attributes:
        action_logits: (B, T) whether a trace is on at this step; masked steps are 0.
        start_logits: (B, T, K) distribution of (step centre − onset) over `bins_s`, *if* a trace is on.
        end_logits: (B, T, K) distribution of (offset − step centre) over `bins_s`, *if* a trace is on.
        spans_s: (B, T, 2) seconds: expected onset and offset.
    """

    action_logits: Tensor
    start_logits: Tensor
    end_logits: Tensor
    spans_s: Tensor


class BoundaryHead(Head):
    """Dense spans: every step says how likely a trace is on and where that trace's onset and offset lie.

    Onset and offset are distributions over unevenly spaced bins in seconds (dense near the step, up to 4 s away), finer
    than a step and with doubt kept; the point that suits a metric is taken in `dtr.decode.boundary`.

    Args:
        width: D of the feature tokens.
        hidden, differences, depth, dropout, track, channels: of the neck.
        tiou_weight, distribution_weight, action_weight: of the loss terms beside the choice of time.
        twin_weight: of the comparison with the same window without the traces that were put in.
    """

    bins_s: Tensor

    def __init__(
        self,
        width: int,
        hidden: int = 96,
        differences: int = 2,
        depth: int = 1,
        dropout: float = 0.3,
        tiou_weight: float = 0.5,
        distribution_weight: float = 0.5,
        action_weight: float = 0.25,
        twin_weight: float = 2.0,
        track: bool = False,
        channels: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.weights = {
            "choice": 1.0,
            "action": action_weight,
            "tiou": tiou_weight,
            "bounds": distribution_weight,
            "twin": twin_weight,
        }
        self.neck = Neck(
            width, hidden, differences, depth, dropout=dropout, clock_input=True, track=track, channels=channels
        )
        self.attend = nn.Linear(hidden, 1, bias=False)  # a softmax over places knows no bias
        self.action = nn.Sequential(nn.LayerNorm(2 * hidden), nn.Linear(2 * hidden, 1))
        self.bounds = nn.Sequential(nn.LayerNorm(2 * hidden), nn.Linear(2 * hidden, 2 * BINS))
        self.register_buffer("bins_s", torch.tensor(signed_square_bins(0.5, 2.0, BINS)), persistent=False)

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> BoundaryOutput:
        """Actionness and bounds; arguments as `Head.forward`."""
        neck = self.neck(tokens, token_mask, cells, step_s)
        logits = self.attend(neck.tokens).squeeze(-1) + (~token_mask).to(neck.tokens.dtype) * MASKED  # (B, T, P)
        pooled = (logits.softmax(dim=-1).unsqueeze(-1) * neck.tokens).sum(dim=2)  # (B, T, W)
        states = torch.cat([neck.steps, pooled], dim=-1)
        keep = neck.step_mask.to(states.dtype)
        action = self.action(states).squeeze(-1) * keep
        start, end = (self.bounds(states) * keep.unsqueeze(-1)).chunk(2, dim=-1)  # (B, T, K) each
        centre = step_s.mean(dim=-1)
        spans = torch.stack(
            [centre - expected_value(start, self.bins_s), centre + expected_value(end, self.bins_s)], dim=-1
        )
        return BoundaryOutput(action, start, end, spans)

    def loss(self, output: BoundaryOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        """Choice of time, actionness, tIoU and bound distributions at the steps of annotated traces.

        Actionness is pushed down only on videos whose annotation is exhaustive.
        """
        step_mask = features.token_mask.any(dim=2)  # (B, T)
        used = (targets.trace_mask & targets.span_mask).unsqueeze(-1)
        members = steps_of_traces(features.step_s, step_mask, targets.span_s) & used  # (B, N, T)
        others = (members.sum(dim=1, keepdim=True) - members.to(torch.int64)) > 0
        choice, useful = choice_loss(output.action_logits.unsqueeze(1), members, others, step_mask.unsqueeze(1))
        centre = features.step_s.mean(dim=-1).unsqueeze(1)  # (B, 1, T)
        since, until = centre - targets.span_s[..., :1], targets.span_s[..., 1:] - centre  # (B, N, T)
        bounds = self._bounds(output.start_logits, since) + self._bounds(output.end_logits, until)
        tiou = 1 - _span_iou(output.spans_s.unsqueeze(1), targets.span_s.unsqueeze(2))
        down = step_mask & targets.exhaustive.unsqueeze(1) & ~members.any(dim=1)
        up = masked_mean(functional.softplus(-output.action_logits), members.any(dim=1))
        terms = {
            "choice": masked_mean(choice, useful),
            "action": (up + masked_mean(functional.softplus(output.action_logits), down)) / 2,
            "tiou": masked_mean(tiou, members),
            "bounds": masked_mean(bounds, members),
            "twin": twin_loss(output.action_logits, members.any(dim=1), targets.twin),
        }
        total = torch.stack([terms[name] * self.weights[name] for name in terms]).sum()
        return {"loss": total, **terms}

    def _bounds(self, logits: Tensor, value: Tensor) -> Tensor:
        """Distribution loss of one bound for every (trace, step): (B, N, T)."""
        expanded = logits.unsqueeze(1).expand(-1, value.shape[1], -1, -1)
        return distribution_loss(expanded, value, self.bins_s)

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """Kind "boundary"."""
        outputs = (
            TensorSpec("action_logits", ("B", "T")),
            TensorSpec("start_logits", ("B", "T", BINS)),
            TensorSpec("end_logits", ("B", "T", BINS)),
            TensorSpec("spans_s", ("B", "T", 2)),
        )
        return HeadSpec(
            "boundary", self.width, outputs, backbone_id, {"bins_s": [round(float(b), 6) for b in self.bins_s]}
        )


def _span_iou(spans: Tensor, others: Tensor) -> Tensor:
    """tIoU of spans broadcast against each other: (…, 2) → (…)."""
    shared = (torch.minimum(spans[..., 1], others[..., 1]) - torch.maximum(spans[..., 0], others[..., 0])).clamp(min=0)
    length = (spans[..., 1] - spans[..., 0]).clamp(min=0) + (others[..., 1] - others[..., 0]).clamp(min=0)
    return shared / (length - shared).clamp(min=1e-6)
