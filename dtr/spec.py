"""What a head or a model says about itself: kind, input, outputs. Travels in detector folders and ONNX metadata."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HeadKind = Literal["label", "category", "box", "boundary", "text"]

FEATURE_INPUTS: tuple[str, ...] = ("tokens", "token_mask", "cells", "step_s")
"""Names of the four feature arrays, in order; also the input names of every heads-only ONNX file."""

ONNX_SEPARATOR = "."
"""Graph outputs are `<head name><separator><output field>`, for example `box.heat_logits`."""


@dataclass(frozen=True)
class TensorSpec:
    """One output tensor.

    Attributes:
        name: field of the head's output tuple, and (after the head's name) of the ONNX output.
        axes: one letter or number per axis: "B" batch, "T" steps, "P" tokens, or a fixed size.
        dtype: numpy dtype name.
    """

    name: str
    axes: tuple[str | int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class HeadSpec:
    """The contract of one head.

    Attributes:
        kind: decides which file of `dtr.decode` reads the outputs.
        width: D of the feature tokens it takes.
        outputs: in the order of the output tuple.
        backbone_id: the only backbone whose features it accepts ("" before training).
        params: what decoding must know besides (for example bin offsets in seconds); JSON types only.
    """

    kind: HeadKind
    width: int
    outputs: tuple[TensorSpec, ...]
    backbone_id: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> HeadSpec:
        """Inverse of `to_json`."""
        outputs = tuple(TensorSpec(o["name"], tuple(o["axes"]), o["dtype"]) for o in data["outputs"])
        return cls(data["kind"], int(data["width"]), outputs, data["backbone_id"], dict(data["params"]))
