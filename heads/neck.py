"""The neck that every head has its own copy of: projection, time differences, light mixing over space and time.

It sees tokens, masks, cells and times only. Masked tokens never influence anything: differences that would touch one
are masked, attention to one is exactly zero, and its own state is zero.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# Added to an attention logit of a masked key: exp(-1e4) is exactly 0 in float32 and bfloat16, without the NaN of -inf
# when every key is masked. float16 overflows beyond 65504, so it stays inside that too.
MASKED = -1e4

SHORTEST_S = 0.05
"""Time differences are divided by no less: frames that follow each other faster (odd or crafted time stamps) would
otherwise make differences of any size, from noise alone."""


class NeckOutput(NamedTuple):
    """States after mixing.

    Attributes:
        tokens: (B, T, P, W), zero where masked.
        steps: (B, T, W), zero where a step has no token.
        step_mask: (B, T) bool.
    """

    tokens: Tensor
    steps: Tensor
    step_mask: Tensor


class Neck(nn.Module):
    """Project tokens, append time differences, mix over the tokens of a step and over the steps of a window.

    Args:
        width: D of the incoming tokens.
        hidden: W of the states.
        differences: 0 = none, 1 = first time differences, 2 = first and second.
        depth: number of mixing blocks.
        num_heads: attention heads.
        dropout: on the projected tokens and inside the blocks.
        place_input: also tell the states where a token lies and how large its cell is. Not for a head that names the
            label: the shape of cells tells the shape of the frame, from which a real/fake head could read the source.
        track: every token also attends to itself at the other steps, so that what a place looked like before and after
            counts there, not only in the mean of the frame.
        channels: (first, end) of the channels of a token that are read; None = all. A backbone of several stages has
            the finer ones first: they tell that something changes, without what it is, which is learnt by heart.
        clock_input: also tell the states how long ago the video began (up to 4 s). Only for heads that answer "when":
            a real/fake head could read a clip's length from it.
    """

    def __init__(
        self,
        width: int,
        hidden: int = 96,
        differences: int = 2,
        depth: int = 1,
        num_heads: int = 4,
        dropout: float = 0.1,
        place_input: bool = True,
        clock_input: bool = False,
        track: bool = False,
        channels: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        if differences not in (0, 1, 2):
            raise ValueError(f"differences must be 0, 1 or 2, got {differences}")
        first, end = channels or (0, width)
        if not 0 <= first < end <= width:
            raise ValueError(
                f"channels must be a first and an end inside 0 to {width}, the tokens' width, got {channels}"
            )
        self.channels = slice(first, end)
        width = end - first
        self.differences = differences
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, hidden)
        # Differences per second are a few times larger than values; the learned gain starts near one clock step.
        self.gain = nn.Parameter(torch.tensor([0.15, 0.03][:differences]))
        self.fuse = nn.Linear(hidden * (1 + differences), hidden)
        place = nn.Sequential(nn.Linear(4, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.place = place if place_input else None
        self.when = nn.Linear(3, hidden) if clock_input else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([MixBlock(hidden, num_heads, dropout, track) for _ in range(depth)])

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> NeckOutput:
        """Mix.

        Args:
            tokens: (B, T, P, D) float.
            token_mask: (B, T, P) bool.
            cells: (B, T, P, 4) xyxy in [0, 1].
            step_s: (B, T, 2) seconds.

        Returns:
            States of tokens and steps.
        """
        keep = token_mask.unsqueeze(-1)  # (B, T, P, 1)
        read = tokens[..., self.channels]
        x = self.project(self.norm(torch.where(keep, read, torch.zeros_like(read))))  # (B, T, P, W)
        parts = [x]
        if self.differences:
            parts += time_differences(x, token_mask, cells, step_s, self.differences, self.gain)
        x = functional.gelu(self.fuse(torch.cat(parts, dim=-1)))
        if self.place is not None:
            x = x + self.place(_centre_size(cells))
        if self.when is not None:
            x = x + self.when(_since_start(step_s)).unsqueeze(2)
        x = self.dropout(x) * keep.to(x.dtype)
        step_mask = token_mask.any(dim=2)  # (B, T)
        steps = _masked_mean_tokens(x, token_mask)  # (B, T, W)
        for block in self.blocks:
            x, steps = block(x, token_mask, steps, step_mask, step_s)
        return NeckOutput(x, steps, step_mask)


def time_differences(
    x: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor, order: int, gain: Tensor
) -> list[Tensor]:
    """Differences to each token's last unmasked predecessor, divided by the true time between them.

    A difference is zero (masked) at the first step, where either token is masked, and where the two tokens do not lie
    in the same place. Second differences are differences of first ones.

    Args:
        x: (B, T, P, W).
        token_mask: (B, T, P) bool.
        cells: (B, T, P, 4).
        step_s: (B, T, 2) seconds.
        order: 1 or 2.
        gain: (order,) multiplies each order.

    Returns:
        `order` tensors (B, T, P, W).
    """
    previous = _previous_unmasked(token_mask)  # (B, T, P), −1 = none
    index = previous.clamp(min=0)
    start = step_s[..., :1].expand(-1, -1, x.shape[2])  # (B, T, P)
    elapsed = start - torch.gather(start, 1, index)
    same = (cells - _gather_steps(cells, index)).abs().amax(dim=-1) < 1e-3
    valid = token_mask & (previous >= 0) & same & (elapsed > 1e-4)
    per_second = torch.where(valid, 1.0 / elapsed.clamp(min=SHORTEST_S), torch.zeros_like(elapsed)).unsqueeze(-1)
    first = (x - _gather_steps(x, index)) * per_second
    outputs = [first * gain[0]]
    if order == 2:
        chained = (valid & torch.gather(valid, 1, index)).unsqueeze(-1).to(x.dtype)
        outputs.append((first - _gather_steps(first, index)) * per_second * chained * gain[1])
    return outputs


class MixBlock(nn.Module):
    """Attention over the tokens of each step, with `track` over the steps of each token, over steps, back to tokens."""

    def __init__(self, hidden: int, num_heads: int, dropout: float, track: bool = False) -> None:
        super().__init__()
        self.space_norm = nn.LayerNorm(hidden)
        self.space = Attention(hidden, num_heads)
        self.space_mlp = _mlp(hidden, dropout)
        self.time_norm = nn.LayerNorm(hidden)
        self.time = Attention(hidden, num_heads)
        self.time_mlp = _mlp(hidden, dropout)
        # ALiBi-like: how fast attention fades per second, one slope per attention head.
        self.fade = nn.Parameter(torch.linspace(-2.0, 1.0, num_heads))
        self.back = nn.Linear(hidden, hidden)
        self.track = TokenTrack(hidden, num_heads) if track else None

    def forward(
        self, x: Tensor, token_mask: Tensor, steps: Tensor, step_mask: Tensor, step_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One round; shapes as in `NeckOutput`, masks as in `Neck.forward`."""
        centre = step_s.mean(dim=-1)  # (B, T)
        apart = (centre.unsqueeze(2) - centre.unsqueeze(1)).abs().unsqueeze(1)  # (B, 1, T, T) seconds
        x = x + self.space(self.space_norm(x), token_mask, None)
        if self.track is not None:
            x = x + self.track(x, token_mask, apart)
        x = x + self.space_mlp(x)
        x = x * token_mask.unsqueeze(-1).to(x.dtype)
        steps = steps + _masked_mean_tokens(x, token_mask)
        fade = -apart * functional.softplus(self.fade).view(1, -1, 1, 1)  # (B, heads, T, T)
        steps = steps + self.time(self.time_norm(steps), step_mask, fade)
        steps = steps + self.time_mlp(steps)
        steps = steps * step_mask.unsqueeze(-1).to(steps.dtype)
        x = (x + self.back(steps).unsqueeze(2)) * token_mask.unsqueeze(-1).to(x.dtype)
        return x, steps


class TokenTrack(nn.Module):
    """Attention of each token to itself at the other steps."""

    def __init__(self, hidden: int, num_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.attend = Attention(hidden, num_heads)
        self.fade = nn.Parameter(torch.linspace(-2.0, 1.0, num_heads))  # as in `MixBlock`

    def forward(self, x: Tensor, token_mask: Tensor, apart: Tensor) -> Tensor:
        """Attend.

        Args:
            x: (B, T, P, W). token_mask: (B, T, P) bool. apart: (B, 1, T, T) seconds between steps.

        Returns:
            (B, T, P, W).
        """
        fade = -apart * functional.softplus(self.fade).view(1, -1, 1, 1)  # (B, heads, T, T)
        own = self.norm(x).transpose(1, 2)  # (B, P, T, W)
        return self.attend(own, token_mask.transpose(1, 2), fade.unsqueeze(1)).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention over the second-last axis, with a key mask and an optional additive bias."""

    def __init__(self, hidden: int, num_heads: int) -> None:
        super().__init__()
        if hidden % num_heads:
            raise ValueError(f"hidden ({hidden}) must be a multiple of num_heads ({num_heads})")
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, mask: Tensor, bias: Tensor | None) -> Tensor:
        """Attend.

        Args:
            x: (…, L, W).
            mask: (…, L) bool, keys that count.
            bias: (…, heads, L, L) or None.

        Returns:
            (…, L, W).
        """
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2) for part in self.qkv(x).chunk(3, dim=-1)
        )  # (…, heads, L, W / heads)
        logits = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if bias is not None:
            logits = logits + bias
        logits = logits + (~mask).to(logits.dtype).unsqueeze(-2).unsqueeze(-2) * MASKED
        mixed = (logits.softmax(dim=-1) @ v).transpose(-3, -2).flatten(-2)
        return self.out(mixed)


def _mlp(hidden: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, hidden)
    )


def _centre_size(cells: Tensor) -> Tensor:
    """(…, 4) xyxy → centre and size, both in [0, 1]."""
    low, high = cells[..., :2], cells[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def _since_start(step_s: Tensor) -> Tensor:
    """(B, T, 3): seconds since the first frame, capped at 4 s, on three scales."""
    t = step_s[..., 0].clamp(max=4.0)
    return torch.stack([t / 4, (t / 1.0).clamp(max=1.0), (t / 0.34).clamp(max=1.0)], dim=-1)


def _masked_mean_tokens(x: Tensor, token_mask: Tensor) -> Tensor:
    """Mean over the unmasked tokens of each step: (B, T, P, W) → (B, T, W), 0 where there is none."""
    weight = token_mask.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(dim=2) / weight.sum(dim=2).clamp(min=1.0)


def _previous_unmasked(token_mask: Tensor) -> Tensor:
    """Index of the last unmasked step before each step, per token; −1 = none: (B, T, P) int64."""
    num_steps = token_mask.shape[1]
    order = torch.arange(num_steps, device=token_mask.device)
    earlier = (order.view(-1, 1) > order.view(1, -1)).view(1, num_steps, num_steps, 1)  # (1, T, T, 1)
    candidate = token_mask.unsqueeze(1) & earlier  # (B, T, T, P)
    # +1 and −1 keep the "none" value in integer arithmetic that every exporter knows.
    return (candidate.to(torch.int64) * (order + 1).view(1, 1, -1, 1)).amax(dim=2) - 1


def _gather_steps(x: Tensor, index: Tensor) -> Tensor:
    """Take step `index` (B, T, P) of `x` (B, T, P, W) for every token."""
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, -1, x.shape[-1]))
