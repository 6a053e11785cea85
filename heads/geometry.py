"""Where traces lie among tokens and steps, in torch; and distributions over bins. Shared by heads and their losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dtr.head import at_least_float32, masked_mean

NEAR_S = 0.5
"""Farthest unmasked step that may stand for a trace that touches none: sources down to 2 frames/s lose no trace."""

SLIVER = 0.05
"""A trace that covers no more than this share of any step reaches into the window from another one."""


def cell_cover(cells: Tensor, boxes: Tensor) -> Tensor:
    """Share of each cell that each trace's box covers.

    Args:
        cells: (B, T, P, 4) xyxy.
        boxes: (B, N, T, 4) xyxy.

    Returns:
        (B, N, T, P) in [0, 1].
    """
    c, b = cells.unsqueeze(1), boxes.unsqueeze(3)  # (B, 1, T, P, 4), (B, N, T, 1, 4)
    size = (torch.minimum(c[..., 2:], b[..., 2:]) - torch.maximum(c[..., :2], b[..., :2])).clamp(min=0)
    area = (c[..., 2:] - c[..., :2]).clamp(min=0).prod(dim=-1)
    return size.prod(dim=-1) / area.clamp(min=1e-8)


def step_cover(step_s: Tensor, span_s: Tensor) -> Tensor:
    """Share of each step that each trace's span covers.

    Args:
        step_s: (B, T, 2) seconds.
        span_s: (B, N, 2) seconds.

    Returns:
        (B, N, T) in [0, 1]; 0 for padding steps of no length.
    """
    s, t = span_s.unsqueeze(2), step_s.unsqueeze(1)  # (B, N, 1, 2), (B, 1, T, 2)
    shared = (torch.minimum(s[..., 1], t[..., 1]) - torch.maximum(s[..., 0], t[..., 0])).clamp(min=0)
    length = t[..., 1] - t[..., 0]
    return torch.where(length > 1e-6, shared / length.clamp(min=1e-6), torch.zeros_like(shared))


def cells_of_traces(cells: Tensor, boxes: Tensor, token_mask: Tensor) -> Tensor:
    """Which tokens belong to each trace: cells at least half covered, and always the best covered one(s).

    Args:
        cells: (B, T, P, 4).
        boxes: (B, N, T, 4).
        token_mask: (B, T, P) bool; a masked token belongs to no trace.

    Returns:
        (B, N, T, P) bool; all False where the box touches no unmasked cell.
    """
    cover = cell_cover(cells, boxes) * token_mask.unsqueeze(1).to(cells.dtype)
    best = cover.amax(dim=-1, keepdim=True)
    return (cover >= 0.5) | ((cover >= best - 1e-6) & (best > 1e-6))


def steps_of_traces(step_s: Tensor, step_mask: Tensor, span_s: Tensor) -> Tensor:
    """Which steps belong to each trace; masked ones never do.

    Steps at least half covered, and always the best covered one(s) of the unmasked steps. A trace of which at least
    half lies inside the window is never lost: where it touches no unmasked step (a short one, between the frames of a
    slow source) the nearest one up to `NEAR_S` away stands for it.

    Args:
        step_s: (B, T, 2) seconds.
        step_mask: (B, T) bool.
        span_s: (B, N, 2) seconds.

    Returns:
        (B, N, T) bool.
    """
    valid = step_mask.unsqueeze(1)  # (B, 1, T)
    cover = step_cover(step_s, span_s)
    seen = torch.where(valid, cover, torch.zeros_like(cover))
    best = seen.amax(dim=-1, keepdim=True)
    inside = (seen >= 0.5) | ((seen >= best - 1e-6) & (best > SLIVER))
    length = (step_s[..., 1] - step_s[..., 0]).unsqueeze(1)
    held_s = (cover * length).sum(dim=-1, keepdim=True)
    held = held_s >= 0.5 * (span_s[..., 1:] - span_s[..., :1]).clamp(min=1e-6)  # (B, N, 1)
    before, after = span_s[..., :1] - step_s[..., 1].unsqueeze(1), step_s[..., 0].unsqueeze(1) - span_s[..., 1:]
    away_s = torch.maximum(before, after).clamp(min=0).masked_fill(~valid, float("inf"))  # (B, N, T)
    nearest = away_s.amin(dim=-1, keepdim=True)
    stands_in = held & ~inside.any(dim=-1, keepdim=True) & (away_s <= nearest + 1e-6) & (away_s <= NEAR_S)
    return inside | stands_in


def twin_loss(logits: Tensor, members: Tensor, twin: Tensor) -> Tensor:
    """How much less a window says at the places of its traces than its twin, which lacks them, says there.

    Both show the same things at the same places, so that nothing but the trace can tell them apart.

    Args:
        logits: (B, …) over places.
        members: (B, …) bool, places of any trace that was put in.
        twin: (B,) row of each window's twin, −1 = none.

    Returns:
        Mean of −log σ(logit − twin's logit) over the members of windows with a twin, 0 where there are none.

    Source: the pairwise logistic loss of Bradley and Terry 1952, as in RankNet (Burges et al. 2005), section 3.
    """
    has_twin = (twin >= 0).view(-1, *[1] * (logits.ndim - 1))
    gap = at_least_float32(logits) - at_least_float32(logits[twin.clamp(min=0)])
    return masked_mean(functional.softplus(-gap), members & has_twin)


def signed_square_bins(low: float, high: float, count: int) -> list[float]:
    """`count` bin values from −low² to high², dense around 0.

    Example:
        >>> signed_square_bins(1.0, 2.0, 4)
        [-1.0, 0.0, 1.0, 4.0]
    """
    step = (low + high) / (count - 1)
    values = [-low + i * step for i in range(count)]
    return [round(v * abs(v), 6) for v in values]


def expected_value(logits: Tensor, bins: Tensor) -> Tensor:
    """Mean of a distribution over bins: (…, K) → (…).

    Source: generalised focal loss (Li et al. 2020, arXiv 2006.04388), equation 5.
    """
    return (logits.softmax(dim=-1) * bins).sum(dim=-1)


def distribution_loss(logits: Tensor, value: Tensor, bins: Tensor) -> Tensor:
    """Cross-entropy to the two bins around `value`, weighted by nearness; values beyond the bins are clamped.

    Args:
        logits: (…, K).
        value: (…).
        bins: (K,) increasing.

    Returns:
        (…) loss ≥ 0.

    Source: distribution focal loss (arXiv 2006.04388), equation 6, with unevenly spaced bins.
    """
    value = value.clamp(min=float(bins[0]), max=float(bins[-1]))
    right = torch.searchsorted(bins, value.contiguous()).clamp(min=1, max=len(bins) - 1)
    low, high = bins[right - 1], bins[right]
    weight = (value - low) / (high - low)
    log_p = functional.log_softmax(logits, dim=-1)
    take_low = log_p.gather(-1, (right - 1).unsqueeze(-1)).squeeze(-1)
    take_high = log_p.gather(-1, right.unsqueeze(-1)).squeeze(-1)
    return -((1 - weight) * take_low + weight * take_high)


def choice_loss(logits: Tensor, members: Tensor, others: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """How surprised a distribution over places is to find each trace among its members.

    The softmax over places is the chance that an annotator marks this place *given that one is marked*; it compares
    places and claims nothing of the unmarked ones (annotations of generated videos are not exhaustive). Places of the
    other traces are left out of the comparison.

    Args:
        logits: (…, L) over places.
        members: (…, L) bool, places of this trace.
        others: (…, L) bool, places of other traces; ignored unless also members.
        valid: (…, L) bool, places that exist.

    Returns:
        Loss (…) = −log Σ softmax over members, and a bool (…) that is True where the comparison says anything.
    """
    logits = at_least_float32(logits)  # the loss is a small difference of two large numbers
    competing = valid & (members | ~others)
    chosen = members & valid
    floor = torch.full_like(logits, -1e4)
    total = torch.logsumexp(torch.where(competing, logits, floor), dim=-1)
    inside = torch.logsumexp(torch.where(chosen, logits, floor), dim=-1)
    useful = chosen.any(dim=-1) & (competing & ~chosen).any(dim=-1)
    return torch.where(useful, total - inside, torch.zeros_like(total)), useful
