"""An exported detector written node by node, without torch: bright frames are fake, and the box is a quarter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dtr.clock import Clock
from dtr.export.metadata import to_metadata
from dtr.model_info import ModelInfo
from dtr.spec import HeadSpec, TensorSpec
from dtr.views import ViewSpec

SIZE, TOKENS, BINS = 32, 4, 3
CELLS = np.array([[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]], dtype=np.float32)
HEAT = np.array([4.0, -4.0, -4.0, -4.0], dtype=np.float32)  # the upper left quarter


def write_tiny_detector(path: Path, **changes: Any) -> Path:
    """A fused detector of a label head and a box head; `changes` are fields of its `ModelInfo`."""
    outputs = (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", ("B", "T")))
    boxes = (
        TensorSpec("heat_logits", ("B", "T", "P")),
        TensorSpec("boxes", ("B", "T", "P", 4)),
        TensorSpec("side_logits", ("B", "T", "P", 4, BINS)),
    )
    heads = {
        "binary": HeadSpec("label", 1, outputs, "bright@1"),
        "box": HeadSpec("box", 1, boxes, "bright@1", {"side_bins": [0.0, 0.25, 0.5]}),
    }
    facts: dict[str, Any] = {"thresholds": {"label": 0.5, "trace": 0.5}, "training": {"clips": 0}} | changes
    info = ModelInfo("bright@1", "bright@1", Clock(), (ViewSpec(size=SIZE),), heads, dtr_version="0.1.0", **facts)
    model = helper.make_model(_graph(), opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    for key, value in to_metadata(info, "fused").items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def rewrite_metadata(path: Path, key: str, value: Any) -> None:
    """Change one `dtr.<key>` of a written detector."""
    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == f"dtr.{key}":
            entry.value = json.dumps(value)
    path.write_bytes(model.SerializeToString())


def _graph() -> onnx.GraphProto:
    constants = {
        "pixel_axes": np.array([1, 2, 3, 4]),
        "last": np.array([-1]),
        "zero": np.array(0),
        "scale": np.array(20.0 / 255, dtype=np.float32),
        "shift": np.array(10.0, dtype=np.float32),
        "heat": HEAT,
        "cells_value": CELLS,
        "side_tail": np.array([TOKENS, 4, BINS]),
        "box_tail": np.array([TOKENS, 4]),
        "nought": np.zeros(1, dtype=np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["frames"], ["pixels"], to=TensorProto.FLOAT),
        node("ReduceMean", ["pixels", "pixel_axes"], ["brightness"], keepdims=0),
        node("Mul", ["brightness", "scale"], ["scaled"]),
        node("Sub", ["scaled", "shift"], ["step_logit"]),
        node("Max", ["window_steps", "zero"], ["index"]),
        node("Gather", ["step_logit", "index"], ["binary.step_logits"], axis=0),
        node("ReduceMean", ["binary.step_logits", "last"], ["binary.video_logit"], keepdims=0),
        node("Unsqueeze", ["binary.step_logits", "last"], ["step_column"]),
        node("Add", ["step_column", "heat"], ["box.heat_logits"]),
        node("Shape", ["window_steps"], ["lead"]),
        node("Concat", ["lead", "box_tail"], ["box_shape"], axis=0),
        node("Expand", ["cells_value", "box_shape"], ["box.boxes"]),
        node("Concat", ["lead", "side_tail"], ["side_shape"], axis=0),
        node("Expand", ["nought", "side_shape"], ["box.side_logits"]),
        node("Identity", ["cells_value"], ["cells"]),
        # Every input must be used, or onnxruntime warns and an optimiser may drop it.
        node("Identity", ["step_mask"], ["unused_mask"]),
        node("Identity", ["step_s"], ["unused_s"]),
        node("Identity", ["view_boxes"], ["unused_boxes"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("frames", TensorProto.UINT8, ["S", "V", SIZE, SIZE, 3]),
        value("window_steps", TensorProto.INT64, ["B", "T"]),
        value("step_mask", TensorProto.BOOL, ["S"]),
        value("step_s", TensorProto.FLOAT, ["S", 2]),
        value("view_boxes", TensorProto.FLOAT, ["V", 4]),
    ]
    outputs = [
        value("binary.video_logit", TensorProto.FLOAT, ["B"]),
        value("binary.step_logits", TensorProto.FLOAT, ["B", "T"]),
        value("box.heat_logits", TensorProto.FLOAT, ["B", "T", TOKENS]),
        value("box.boxes", TensorProto.FLOAT, ["B", "T", TOKENS, 4]),
        value("box.side_logits", TensorProto.FLOAT, ["B", "T", TOKENS, 4, BINS]),
        value("cells", TensorProto.FLOAT, [TOKENS, 4]),
    ]
    initialisers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    return helper.make_graph(nodes, "bright", inputs, outputs, initialisers)
