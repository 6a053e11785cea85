from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dtr.detector import LoadedDetector
from dtr.errors import DetectorError
from dtr.export.metadata import from_metadata
from dtr.export.to_onnx import export_fused, export_heads, strip_private
from tests.export.toy import BranchingHead, FixedHead, MisdeclaredHead, ToyHead, make_detector, seeded


def _axes(items: list[onnx.ValueInfoProto]) -> dict[str, list[str | int]]:
    return {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in items}


def test_export_fused__declares_inputs_outputs_and_metadata(fused_file: Path, fused_detector: LoadedDetector) -> None:
    model = onnx.load(fused_file)
    assert _axes(model.graph.input) == {
        "frames": ["S", 2, 64, 64, 3],
        "window_steps": ["B", "T"],
        "step_mask": ["S"],
        "step_s": ["S", 2],
        "view_boxes": [2, 4],
    }
    outputs = _axes(model.graph.output)
    assert outputs["binary.video_logit"] == ["B"]
    assert outputs["box.boxes"] == ["B", "T", 8, 4]
    assert outputs["cells"] == [8, 4]
    types = {i.name: onnx.TensorProto.DataType.Name(i.type.tensor_type.elem_type) for i in model.graph.input}
    assert types == {
        "frames": "UINT8",
        "window_steps": "INT64",
        "step_mask": "BOOL",
        "step_s": "FLOAT",
        "view_boxes": "FLOAT",
    }
    properties = {p.key: p.value for p in model.metadata_props}
    assert from_metadata(properties, "x") == (fused_detector.info, "fused")


def test_export_heads__keeps_all_four_inputs_with_dynamic_axes(
    heads_file: Path, heads_detector: LoadedDetector
) -> None:
    model = onnx.load(heads_file)
    assert _axes(model.graph.input) == {
        "tokens": ["B", "T", "P", 6],
        "token_mask": ["B", "T", "P"],
        "cells": ["B", "T", "P", 4],
        "step_s": ["B", "T", 2],
    }
    assert _axes(model.graph.output) == {"binary.video_logit": ["B"], "binary.step_logits": ["B", "T"]}
    assert from_metadata({p.key: p.value for p in model.metadata_props}, "x") == (heads_detector.info, "heads")


def test_export__leaves_no_trace_of_the_machine(fused_file: Path) -> None:
    data = fused_file.read_bytes()
    for private in (str(Path.cwd()), str(Path.home()) + "/", "site-packages", ".py", "stack_trace", "Traceback"):
        assert private.encode() not in data, private
    assert sorted(p.name for p in fused_file.parent.iterdir()) == [fused_file.name]


def test_strip_private__reaches_nodes_of_subgraphs_and_functions() -> None:
    def node() -> onnx.NodeProto:
        made = onnx.helper.make_node("Identity", ["a"], ["b"], doc_string="/home/somebody/net.py")
        made.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/somebody/net.py")
        return made

    value = onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [1])
    inner = onnx.helper.make_graph([node()], "inner", [], [value], doc_string="/home/somebody")
    branch = onnx.helper.make_node("If", ["c"], ["b"], then_branch=inner, else_branch=inner)
    model = onnx.helper.make_model(onnx.helper.make_graph([node(), branch], "outer", [], [value]))
    opset = onnx.helper.make_opsetid("", 20)
    model.functions.append(onnx.helper.make_function("own", "f", ["a"], ["b"], [node()], [opset]))
    assert b"somebody" in model.SerializeToString()
    strip_private(model)
    assert b"somebody" not in model.SerializeToString()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (FixedHead, "expected any size of T"),
        (BranchingHead, "cannot be exported"),
        (MisdeclaredHead, r"expected axes \['B', 'T'\]"),
    ],
)
def test_export_heads__a_head_that_breaks_its_spec_is_refused(
    kind: type[ToyHead], message: str, tmp_path: Path
) -> None:
    detector = make_detector(binary=seeded(kind, width=6))
    with pytest.raises(DetectorError, match=message):
        export_heads(detector, tmp_path / "heads.onnx")
    assert list(tmp_path.iterdir()) == []


def test_export_fused__heads_of_another_kind_of_backbone_are_refused(
    heads_detector: LoadedDetector, tmp_path: Path
) -> None:
    with pytest.raises(DetectorError, match="--heads-only"):
        export_fused(heads_detector, tmp_path / "x.onnx")
