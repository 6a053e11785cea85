"""What an ONNX file of ours says about itself: every field of `ModelInfo` as JSON under `dtr.<field>`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from dtr.detector_files import reason, require_format
from dtr.errors import DetectorError
from dtr.model_info import ModelInfo

Graph = Literal["fused", "heads"]

FUSED_INPUTS = ("frames", "window_steps", "step_mask", "step_s", "view_boxes")
"""Inputs of a fused graph, in order; a heads graph has `dtr.spec.FEATURE_INPUTS`."""

CELLS_OUTPUT = "cells"
"""Extra output of a fused graph, (P, 4): the tokens' boxes, which a runtime without the backbone cannot know."""

PREFIX = "dtr."
GRAPH_KEY = "dtr.graph"
"""Which inputs the graph takes: "fused" = uint8 frames, "heads" = the four feature arrays."""


def to_metadata(info: ModelInfo, graph: Graph) -> dict[str, str]:
    """ONNX metadata properties of a model.

    Example:
        >>> from dtr.clock import Clock
        >>> to_metadata(ModelInfo("toy@1", "net@2", Clock(), (), {}), "heads")["dtr.backbone_id"]
        '"net@2"'
    """
    fields = {PREFIX + name: json.dumps(value, allow_nan=False) for name, value in info.to_json().items()}
    return fields | {GRAPH_KEY: json.dumps(graph)}


def from_metadata(properties: Mapping[str, str], where: str) -> tuple[ModelInfo, Graph]:
    """Inverse of `to_metadata`.

    Args:
        properties: of an ONNX file.
        where: the file, for errors.

    Raises:
        DetectorError: the properties are not ours, incomplete, or of a newer DTR.
    """
    try:
        data = {
            key.removeprefix(PREFIX): json.loads(text) for key, text in properties.items() if key.startswith(PREFIX)
        }
    except ValueError as error:
        raise DetectorError(f"{where}: its dtr.* metadata is not JSON ({reason(error)}); export it again") from error
    if not data:
        raise DetectorError(
            f"{where}: expected an ONNX file written by `dtr export`, got one without dtr.* metadata; "
            "export the detector with DTR"
        )
    require_format(data.get("format"), where)
    graph = data.get("graph")
    try:
        info = ModelInfo.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DetectorError(f"{where}: its dtr.* metadata lacks a valid {reason(error)}; export it again") from error
    if graph not in ("fused", "heads") or (graph == "fused" and not info.views):
        raise DetectorError(
            f"{where}: expected metadata {GRAPH_KEY} 'fused' or 'heads', got {graph!r}; export it again"
        )
    return info, graph
