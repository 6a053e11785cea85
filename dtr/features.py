"""What a backbone hands to the heads: tokens with a mask, their places in the frame and their times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.clock import Clock
from dtr.errors import DetectorError
from dtr.planted import Planted


@dataclass(frozen=True)
class Features:
    """Features of a batch of windows; numpy arrays or torch tensors, all of one kind.

    A head sees only these arrays: never a grid, a file, a frame size or a frame rate.

    Attributes:
        tokens: (B, T, P, D) float.
        token_mask: (B, T, P) bool; False = this token carries nothing (padding, masked step, dropped token) and its
            values are ignored.
        cells: (B, T, P, 4) float32, xyxy of each token's patch in the displayed frame.
        step_s: (B, T, 2) float32, seconds that each step covers; padding repeats the last end.
        backbone_id: name and hash of what made them.
    """

    tokens: Any
    token_mask: Any
    cells: Any
    step_s: Any
    backbone_id: str

    def __post_init__(self) -> None:
        b, t, p, _ = self.tokens.shape
        expected = {"token_mask": (b, t, p), "cells": (b, t, p, 4), "step_s": (b, t, 2)}
        for name, shape in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"Features.{name}: expected shape {shape} beside tokens {(b, t, p)}, got {got}")

    def require_backbone(self, backbone_id: str, who: str) -> None:
        """Refuse features of another backbone.

        Raises:
            DetectorError: `backbone_id` differs from the one that made these features.
        """
        if self.backbone_id != backbone_id:
            raise DetectorError(
                f"{who}: expected features of backbone '{backbone_id}', got '{self.backbone_id}'; "
                "make the features with that backbone or train the head on these"
            )

    def to(self, device: Any) -> Features:
        """The same features on another torch device."""
        moved = {n: getattr(self, n).to(device) for n in ("tokens", "token_mask", "cells", "step_s")}
        return replace(self, **moved)


@dataclass(frozen=True)
class ClipFeatures:
    """Features of every step of one clip, once: what a backbone computes and the cache stores.

    Attributes:
        tokens: (N, P, D) float16 or float32.
        token_mask: (N, P) bool.
        cells: (N, P, 4) float32.
        step_s: (N, 2) float32 seconds, without gaps.
        backbone_id: name and hash of what made them.
        planted: what was put into this variant of the clip; None = nothing.
    """

    tokens: NDArray[np.floating]
    token_mask: NDArray[np.bool_]
    cells: NDArray[np.float32]
    step_s: NDArray[np.float32]
    backbone_id: str
    planted: Planted | None = None

    @property
    def num_steps(self) -> int:
        """N."""
        return len(self.tokens)

    def windows(self, window_steps: NDArray[np.int64]) -> Features:
        """Gather windows of steps.

        Args:
            window_steps: (W, T) step index, −1 = padding (from `Clock.window_steps`).

        Returns:
            Features of numpy arrays (W, T, …), tokens float32 and zero where masked; padding keeps the last cells and
            covers an empty span at the clip's end.
        """
        index = np.where(window_steps < 0, self.num_steps - 1, window_steps)
        pad = window_steps < 0
        mask = self.token_mask[index] & ~pad[..., None]  # (W, T, P)
        tokens = np.where(mask[..., None], self.tokens[index], 0).astype(np.float32)  # (W, T, P, D)
        step_s = np.where(pad[..., None], self.step_s[-1, 1], self.step_s[index]).astype(np.float32)  # (W, T, 2)
        return Features(tokens, mask, self.cells[index], step_s, self.backbone_id)

    def all_windows(self, clock: Clock) -> tuple[Features, NDArray[np.int64]]:
        """Every window of the clip, and the (W, T) step indices they were gathered by."""
        window_steps = clock.window_steps(self.num_steps)
        return self.windows(window_steps), window_steps
