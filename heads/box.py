"""Box head: where in the frame, at each step. A heatmap over tokens, and a box as side distributions at every token."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dtr.features import Features
from dtr.head import Head, Targets, masked_mean
from dtr.heads.geometry import (
    cells_of_traces,
    choice_loss,
    distribution_loss,
    expected_value,
    signed_square_bins,
    steps_of_traces,
    twin_loss,
)
from dtr.heads.neck import Neck
from dtr.spec import HeadSpec, TensorSpec

SIDES = 4
BINS = 16


class BoxOutput(NamedTuple):
    """Raw outputs.

    Attributes:
        heat_logits: (B, T, P) whether this token shows a trace; masked tokens are 0.
        boxes: (B, T, P, 4) xyxy in the displayed frame: expected sides, *if* this token shows a trace.
        side_logits: (B, T, P, 4, K) distribution of the distance from the cell's centre to left, top, right, bottom.
    """

    heat_logits: Tensor
    boxes: Tensor
    side_logits: Tensor


class BoxHead(Head):
    """Dense boxes: every token says how likely it shows a trace and how far that trace's sides are.

    Sides are distances from the cell's centre as distributions over unevenly spaced bins (fractions of the frame), so
    that doubt is kept; the point that suits a metric is taken in `dtr.decode.box`.

    Args:
        width: D of the feature tokens.
        hidden, differences, depth, dropout, track, channels: of the neck.
        giou_weight, distribution_weight, heat_weight: of the loss terms beside the choice of place.
        twin_weight: of the comparison with the same window without the traces that were put in.
    """

    bins: Tensor

    def __init__(
        self,
        width: int,
        hidden: int = 96,
        differences: int = 2,
        depth: int = 1,
        dropout: float = 0.3,
        giou_weight: float = 1.0,
        distribution_weight: float = 0.25,
        heat_weight: float = 0.25,
        twin_weight: float = 2.0,
        track: bool = False,
        channels: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.weights = {
            "choice": 1.0,
            "heat": heat_weight,
            "giou": giou_weight,
            "sides": distribution_weight,
            "twin": twin_weight,
        }
        self.neck = Neck(width, hidden, differences, depth, dropout=dropout, track=track, channels=channels)
        self.heat = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 1))
        self.sides = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, SIDES * BINS))
        self.register_buffer("bins", torch.tensor(signed_square_bins(0.35, 1.0, BINS)), persistent=False)

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> BoxOutput:
        """Heat and boxes; arguments as `Head.forward`."""
        neck = self.neck(tokens, token_mask, cells, step_s)
        keep = token_mask.to(neck.tokens.dtype)
        heat = self.heat(neck.tokens).squeeze(-1) * keep
        logits = self.sides(neck.tokens).unflatten(-1, (SIDES, BINS)) * keep[..., None, None]
        sides = expected_value(logits, self.bins)  # (B, T, P, 4) left, top, right, bottom
        centre = (cells[..., :2] + cells[..., 2:]) / 2
        boxes = torch.cat([centre - sides[..., :2], centre + sides[..., 2:]], dim=-1).clamp(0.0, 1.0)
        return BoxOutput(heat, boxes, logits)

    def loss(self, output: BoxOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        """Choice of place, heat, GIoU and side distributions at the tokens of annotated traces.

        Steps outside a trace's span and traces without a box take no part. Heat is pushed down only on videos whose
        annotation is exhaustive.
        """
        active = _active(features, targets)  # (B, N, T)
        members = cells_of_traces(features.cells, targets.boxes, features.token_mask)  # (B, N, T, P)
        members = members & active.unsqueeze(-1)
        valid = features.token_mask.unsqueeze(1)
        others = (members.sum(dim=1, keepdim=True) - members.to(torch.int64)) > 0
        choice, useful = choice_loss(output.heat_logits.unsqueeze(1), members, others, valid)
        giou, sides = self._box_terms(output, features, targets, members)
        terms = {
            "choice": masked_mean(choice, useful & active),
            "heat": _heat_term(output.heat_logits, members.any(dim=1), features, targets),
            "giou": masked_mean(giou, members),
            "sides": masked_mean(sides, members),
            "twin": twin_loss(output.heat_logits, members.any(dim=1), targets.twin),
        }
        total = torch.stack([terms[name] * self.weights[name] for name in terms]).sum()
        return {"loss": total, **terms}

    def _box_terms(
        self, output: BoxOutput, features: Features, targets: Targets, members: Tensor
    ) -> tuple[Tensor, Tensor]:
        """GIoU loss and side-distribution loss of every (trace, step, token): two (B, N, T, P)."""
        target = targets.boxes.unsqueeze(3).expand(-1, -1, -1, members.shape[-1], -1)  # (B, N, T, P, 4)
        giou = 1 - generalised_iou(output.boxes.unsqueeze(1), target)
        centre = ((features.cells[..., :2] + features.cells[..., 2:]) / 2).unsqueeze(1)  # (B, 1, T, P, 2)
        true_sides = torch.cat([centre - target[..., :2], target[..., 2:] - centre], dim=-1)
        logits = output.side_logits.unsqueeze(1).expand(-1, members.shape[1], -1, -1, -1, -1)
        return giou, distribution_loss(logits, true_sides, self.bins).mean(dim=-1)

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """Kind "box"."""
        outputs = (
            TensorSpec("heat_logits", ("B", "T", "P")),
            TensorSpec("boxes", ("B", "T", "P", 4)),
            TensorSpec("side_logits", ("B", "T", "P", SIDES, BINS)),
        )
        return HeadSpec("box", self.width, outputs, backbone_id, {"side_bins": [round(float(b), 6) for b in self.bins]})


def _active(features: Features, targets: Targets) -> Tensor:
    """(B, N, T) bool: steps that belong to a trace that has a box (any unmasked step if it has no span)."""
    step_mask = features.token_mask.any(dim=2)  # (B, T)
    inside = steps_of_traces(features.step_s, step_mask, targets.span_s)
    inside = torch.where(targets.span_mask.unsqueeze(-1), inside, step_mask.unsqueeze(1))
    return inside & (targets.trace_mask & targets.box_mask).unsqueeze(-1)


def _heat_term(heat: Tensor, members: Tensor, features: Features, targets: Targets) -> Tensor:
    """Binary cross-entropy: up on tokens of traces, down on exhaustively annotated videos without one there.

    Both sides count the same, however many tokens each has.
    """
    down = features.token_mask & targets.exhaustive[:, None, None] & ~members
    loss_up = functional.softplus(-heat)
    loss_down = functional.softplus(heat)
    return (masked_mean(loss_up, members) + masked_mean(loss_down, down)) / 2


def generalised_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU of boxes broadcast against each other: (…, 4) → (…) in [−1, 1].

    Source: Rezatofighi et al. 2019 (arXiv 1902.09630), algorithm 1.
    """
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    inter = (high - low).clamp(min=0).prod(dim=-1)
    size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)
    other = (others[..., 2:] - others[..., :2]).clamp(min=0).prod(dim=-1)
    union = size + other - inter
    hull_low = torch.minimum(boxes[..., :2], others[..., :2])
    hull_high = torch.maximum(boxes[..., 2:], others[..., 2:])
    hull = (hull_high - hull_low).clamp(min=0).prod(dim=-1)
    return inter / union.clamp(min=1e-8) - (hull - union) / hull.clamp(min=1e-8)
