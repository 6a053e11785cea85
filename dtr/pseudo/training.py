"""Trains one small network on crops; the same crops, recipe and seed give the same weights on the same machine."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dtr.errors import ConfigError
from dtr.pseudo.crops import CropSpec
from dtr.pseudo.losses import reconstruction_loss
from dtr.pseudo.networks import FAMILIES, PseudoNetwork, build_network

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PseudoRecipe:
    """How networks are trained; all of it is written beside the weights.

    Attributes:
        families: which to train, in this order.
        init: arguments of a family's class, where not the defaults.
        steps: optimiser steps of one network. batch: crops in each.
        learning_rate: the highest; it rises over the first tenth and falls to zero.
        edges, detail: weights of the loss's parts, see `dtr.pseudo.losses`.
        held_out: share of clips, by source, that is not trained on but measured on.
        crops: which pictures are cut out of the clips.
    """

    families: tuple[str, ...] = tuple(FAMILIES)
    init: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: int = 1600
    batch: int = 8
    learning_rate: float = 3e-3
    edges: float = 0.5
    detail: float = 1.0
    held_out: float = 0.1
    crops: CropSpec = field(default_factory=CropSpec)

    def __post_init__(self) -> None:
        unknown = sorted((set(self.families) | set(self.init)) - set(FAMILIES))
        if unknown or not self.families:
            raise ConfigError(f"families must be among {', '.join(FAMILIES)}, got {unknown or 'none'}; correct it")
        if min(self.steps, self.batch) < 1 or not 0 < self.learning_rate <= 1 or min(self.edges, self.detail) < 0:
            raise ConfigError(
                "training needs steps >= 1, batch >= 1, 0 < learning_rate <= 1, edges >= 0 and detail >= 0, got "
                f"{self.steps}, {self.batch}, {self.learning_rate}, {self.edges}, {self.detail}; correct the value"
            )


def train_network(
    family: str,
    crops: NDArray[np.uint8],
    recipe: PseudoRecipe,
    seed: int,
    progress: Progress | None = None,
) -> PseudoNetwork:
    """Train one network from scratch.

    Args:
        family: name in `FAMILIES`.
        crops: (M, 3, S, S, 3) uint8 RGB, M ≥ 1.
        recipe: how. seed: of weights and order.
        progress: told (steps done, in all).

    Raises:
        ConfigError: training diverged.
    """
    draws = np.random.default_rng([seed, zlib.crc32(family.encode())])
    # The seed of the caller's own random numbers stays as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draws.integers(2**63)))
        network = build_network(family, recipe.init.get(family, {})).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rise_and_fall(step, recipe.steps))
    for step in range(recipe.steps):
        pictures = draw_batch(crops, network.num_frames, recipe.batch, draws)
        loss = reconstruction_loss(network(pictures), pictures, edges=recipe.edges, detail=recipe.detail)
        if not math.isfinite(loss.item()):
            raise ConfigError(f"training '{family}' diverged at step {step}: lower learning_rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if progress:
            progress(step + 1, recipe.steps)
    return network.to(memory_format=torch.contiguous_format).eval()


def rise_and_fall(step: int, steps: int) -> float:
    """Share of the highest learning rate: a linear rise over a tenth of the steps, then half a cosine down to zero.

    Example:
        >>> [round(rise_and_fall(step, 100), 2) for step in (0, 9, 55, 99)]
        [0.1, 1.0, 0.48, 0.0]
    """
    rise = max(1, steps // 10)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step + 1 - rise) / max(1, steps - rise)))


def draw_batch(crops: NDArray[np.uint8], num_frames: int, batch: int, rng: np.random.Generator) -> Tensor:
    """Crops drawn with replacement, half of them mirrored.

    Args:
        crops: (M, 3, S, S, 3) uint8 RGB.
        num_frames: 3 = whole triples, in time or reversed; 1 = one frame of each.
        batch: how many. rng: draws.

    Returns:
        (batch, num_frames, 3, S, S) float32 in [-1, 1].
    """
    chosen = crops[rng.integers(len(crops), size=batch)]
    if num_frames == 1:
        chosen = chosen[np.arange(batch), rng.integers(chosen.shape[1], size=batch)][:, None]
    elif rng.random() < 0.5:
        chosen = chosen[:, ::-1]
    if rng.random() < 0.5:
        chosen = chosen[..., ::-1, :]
    return torch.from_numpy(np.ascontiguousarray(chosen.transpose(0, 1, 4, 2, 3))).float() / 127.5 - 1
