"""Binary head: is this window of an AI-generated video?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dtr.features import Features
from dtr.head import Head, Targets, masked_mean
from dtr.heads.neck import MASKED, Neck
from dtr.spec import HeadSpec, TensorSpec


class BinaryOutput(NamedTuple):
    """Raw outputs.

    Attributes:
        video_logit: (B,) of the whole window.
        step_logits: (B, T) of each step; masked steps are 0.
    """

    video_logit: Tensor
    step_logits: Tensor


class BinaryHead(Head):
    """Attention pooling over all tokens of a window beside their mean, then one logit; and one logit per step.

    Args:
        width: D of the feature tokens.
        hidden, differences, depth, dropout: of the neck.
        step_weight: of the per-step loss beside the video loss.
        label_smoothing: of both.
        apart: tokens from this number on are pooled apart from those before it (0 = all together), so that a few of one
            kind, crops at native scale of a token each, say, are not lost among many of another. A number, not what
            cells say: their shape tells the frame's.
    """

    def __init__(
        self,
        width: int,
        hidden: int = 96,
        differences: int = 2,
        depth: int = 1,
        dropout: float = 0.3,
        step_weight: float = 0.5,
        label_smoothing: float = 0.05,
        apart: int = 0,
    ) -> None:
        super().__init__()
        self.width = width
        self.step_weight = step_weight
        self.label_smoothing = label_smoothing
        self.apart = apart
        self.neck = Neck(width, hidden, differences, depth, dropout=dropout, place_input=False)
        self.attend = nn.Sequential(nn.Linear(hidden, hidden // 2), nn.Tanh(), nn.Linear(hidden // 2, 1))
        pooled = (4 if apart else 2) * hidden
        self.video = nn.Sequential(nn.LayerNorm(pooled), nn.Dropout(dropout), nn.Linear(pooled, 1))
        self.step = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 1))

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> BinaryOutput:
        """Logits of windows and steps; arguments as `Head.forward`."""
        neck = self.neck(tokens, token_mask, cells, step_s)
        groups = [slice(0, self.apart), slice(self.apart, None)] if self.apart else [slice(None)]
        pooled = [part for g in groups for part in self._pool(neck.tokens[:, :, g], token_mask[:, :, g])]
        video = self.video(torch.cat(pooled, dim=-1)).squeeze(-1)
        steps = self.step(neck.steps).squeeze(-1) * neck.step_mask.to(neck.steps.dtype)
        return BinaryOutput(video, steps)

    def _pool(self, tokens: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Attention-weighted and plain mean over all steps: (B, T, P, W), (B, T, P) → two (B, W)."""
        flat, mask = tokens.flatten(1, 2), token_mask.flatten(1, 2)
        logits = self.attend(flat).squeeze(-1) + (~mask).to(flat.dtype) * MASKED
        pooled = (logits.softmax(dim=1).unsqueeze(-1) * flat).sum(dim=1)
        weight = mask.unsqueeze(-1).to(flat.dtype)
        return pooled, (flat * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)

    def loss(self, output: BinaryOutput, features: Features, targets: Targets) -> dict[str, Tensor]:
        """Binary cross-entropy of windows and of their unmasked steps; unknown labels take no part.

        Every frame of a generated video is generated, so a step's target is the video's label.
        """
        known = ~targets.label.isnan() & features.token_mask.any(dim=2).any(dim=1)
        label = torch.nan_to_num(targets.label)
        smooth = label * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        video = functional.binary_cross_entropy_with_logits(output.video_logit, smooth, reduction="none")
        steps = functional.binary_cross_entropy_with_logits(
            output.step_logits, smooth.unsqueeze(1).expand_as(output.step_logits), reduction="none"
        )
        step_mask = features.token_mask.any(dim=2) & known.unsqueeze(1)
        video_loss, step_loss = masked_mean(video, known), masked_mean(steps, step_mask)
        return {"loss": video_loss + self.step_weight * step_loss, "video": video_loss, "step": step_loss}

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """Kind "label"."""
        outputs = (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", ("B", "T")))
        return HeadSpec("label", self.width, outputs, backbone_id)
