"""The head contract: what every head is, takes and returns. Pure torch; knows no head by name."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dtr.features import Features
from dtr.spec import HeadSpec


class Targets(NamedTuple):
    """What is known of each window of a batch. N = most traces in any window; masks say what is annotated.

    Attributes:
        label: (B,) float; 1 fake, 0 real, NaN unknown.
        exhaustive: (B,) bool; True = what is not annotated is not there.
        annotated: (B,) bool; True = somebody looked for traces.
        trace_mask: (B, N) bool; False = padding.
        span_s: (B, N, 2) seconds; span_mask: (B, N) bool.
        boxes: (B, N, T, 4) xyxy at each step; box_mask: (B, N) bool.
        categories: (B, N, C) 0/1; category_mask: (B, N) bool.
        duration_s: (B,) seconds of the whole video.
        twin: (B,) int64; row of the same window without the traces that were put in, −1 = none in this batch.
    """

    label: Tensor
    exhaustive: Tensor
    annotated: Tensor
    trace_mask: Tensor
    span_s: Tensor
    span_mask: Tensor
    boxes: Tensor
    box_mask: Tensor
    categories: Tensor
    category_mask: Tensor
    duration_s: Tensor
    twin: Tensor

    def to(self, device: Any) -> Targets:
        """The same targets on another torch device."""
        return Targets(*(t.to(device) for t in self))


class Batch(NamedTuple):
    """Windows of one or more clips.

    Attributes:
        features: of B windows.
        targets: of the same windows.
        clip_index: (B,) int64, which clip of the batch a window belongs to.
        window_steps: (B, T) int64, index of each place in its clip's steps, −1 = padding.
        video_ids: one per clip.
    """

    features: Features
    targets: Targets
    clip_index: Tensor
    window_steps: Tensor
    video_ids: tuple[str, ...]


class Head(nn.Module):
    """Base of all heads.

    A subclass is built from plain constructor arguments (they are its configuration), sets `kind`, and gives `forward`,
    `loss` and `spec`. Masked tokens and padding must change nothing; a step or token that is not masked must.

    Attributes:
        init_args: the constructor's arguments, defaults included: with the class path, all that rebuilds the head.
    """

    init_args: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Head:
        """Remember the constructor's arguments, so that a trained head can say how to build it."""
        self = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        # Partial: copying and unpickling come without arguments, and bring `init_args` back with the rest of the state.
        bound = signature.bind_partial(self, *args, **kwargs)
        bound.apply_defaults()
        given = {k: v for k, v in bound.arguments.items() if k != "self"}
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:  # `**kwargs` of a subclass are arguments like the others
                given |= given.pop(name)
        # nn.Module refuses attributes before its own __init__, so go past it.
        object.__setattr__(self, "init_args", given)
        return self

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> Any:
        """Raw outputs.

        Args:
            tokens: (B, T, P, D) float.
            token_mask: (B, T, P) bool.
            cells: (B, T, P, 4) xyxy in [0, 1].
            step_s: (B, T, 2) seconds.

        Returns:
            The head's NamedTuple; the same type in training, evaluation and export.
        """
        raise NotImplementedError

    def loss(self, output: Any, features: Features, targets: Targets) -> dict[str, Tensor]:
        """Loss terms; "loss" is the weighted sum, finite and differentiable even if nothing is annotated."""
        raise NotImplementedError

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """Kind, input width, outputs and decoding parameters."""
        raise NotImplementedError

    def run(self, features: Features) -> Any:
        """`forward` on the four arrays of `features`."""
        return self(features.tokens, features.token_mask, features.cells, features.step_s)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask`, in float32 at least; 0 with a gradient path where nothing is."""
    values = at_least_float32(values)  # a sum of more than 65,504 ones is infinite in float16
    weight = mask.to(values.dtype)
    return (torch.where(mask, values, torch.zeros_like(values))).sum() / weight.sum().clamp(min=1.0)


def at_least_float32(values: Tensor) -> Tensor:
    """The values in float32, or in the wider type they have: losses are not computed in half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
