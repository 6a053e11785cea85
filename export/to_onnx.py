"""A detector as one ONNX file: backbone and heads fused, or heads alone, with everything a runtime must know inside."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim

from dtr.detector import LoadedDetector, load_detector
from dtr.errors import DetectorError
from dtr.export.graph import FusedGraph, HeadsGraph
from dtr.export.metadata import CELLS_OUTPUT, Graph, to_metadata
from dtr.model_info import ModelInfo
from dtr.spec import ONNX_SEPARATOR

OPSET = 20


def export_fused(detector: LoadedDetector | str | Path, out: str | Path) -> Path:
    """Write image backbone and heads as one graph: uint8 frames at the views' size in, raw head outputs out.

    Args:
        detector: a detector, or its folder.
        out: .onnx file to write, replaced only when finished.

    Raises:
        DetectorError: the detector has no image backbone, or a part of it cannot be expressed in ONNX.
    """
    detector = _loaded(detector)
    graph = FusedGraph(image_backbone(detector), detector.heads).eval()
    size, num_views = detector.info.views[0].size, len(detector.info.views)
    example = (
        torch.zeros(5, num_views, size, size, 3, dtype=torch.uint8),
        torch.tensor([[0, 1, 2, 3], [2, 3, 4, -1]]),
        torch.tensor([True, True, False, True, True]),
        torch.tensor([[0.0, 0.2], [0.2, 0.4], [0.4, 0.6], [0.6, 0.8], [0.8, 1.0]]),
        torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(num_views, 1),
    )
    steps, batch, window = Dim("S", min=1), Dim("B", min=1), Dim("T", min=1)
    shapes = ({0: steps}, {0: batch, 1: window}, {0: steps}, {0: steps}, None)
    return _export(graph, example, shapes, detector.info, "fused", Path(out))


def export_heads(detector: LoadedDetector | str | Path, out: str | Path) -> Path:
    """Write the heads alone, for features of any backbone: any number of windows, steps and tokens.

    Args:
        detector: a detector, or its folder.
        out: .onnx file to write, replaced only when finished.

    Raises:
        DetectorError: a head cannot be expressed in ONNX.
    """
    detector = _loaded(detector)
    width = next(iter(detector.info.heads.values())).width
    example = (
        torch.zeros(2, 4, 3, width),
        torch.ones(2, 4, 3, dtype=torch.bool),
        torch.rand(2, 4, 3, 4).sort(dim=-1).values,
        torch.arange(16.0).reshape(2, 4, 2) / 6,
    )
    batch, window, tokens = Dim("B", min=1), Dim("T", min=1), Dim("P", min=1)
    axes = {0: batch, 1: window, 2: tokens}
    return _export(
        HeadsGraph(detector.heads).eval(),
        example,
        (axes, axes, axes, {0: batch, 1: window}),
        detector.info,
        "heads",
        Path(out),
    )


def image_backbone(detector: LoadedDetector) -> nn.Module:
    """The backbone of a detector, if it can be fused.

    Raises:
        DetectorError: it works on whole clips, or there is none.
    """
    if not detector.info.views or detector.backbone is None:
        raise DetectorError(
            f"detector '{detector.info.model_id}' carries no image backbone to fuse; export it with --heads-only"
        )
    backbone = detector.build_backbone()
    if not (isinstance(backbone, nn.Module) and hasattr(backbone, "cells")):
        raise DetectorError(
            f"backbone '{detector.info.backbone_id}' takes clips, not single frames, and cannot be fused; "
            "export the heads with --heads-only"
        )
    return backbone


def strip_private(model: onnx.ModelProto) -> None:
    """Remove what tracing leaves behind: stack traces with source paths, module names, doc strings. In place."""
    model.doc_string = ""
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
    for graph in _graphs(model):
        graph.doc_string = ""
        del graph.metadata_props[:]
        # Inner shapes are inferred again by every runtime; here they only add size.
        del graph.value_info[:]
        for item in (*graph.input, *graph.output, *graph.initializer, *graph.node):
            item.doc_string = ""
            del item.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The main graph and all subgraphs of control flow."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]


def quiet_export(
    module: nn.Module, example: tuple[Tensor, ...], inputs: list[str], outputs: list[str], shapes: tuple[Any, ...]
) -> bytes:
    """A module's graph as the bytes of an ONNX file, without metadata.

    Raises:
        DetectorError: it cannot be expressed in ONNX.
    """
    program = _program(module, example, inputs, outputs, shapes, type(module).__name__)
    return program.model_proto.SerializeToString()


def _program(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    shapes: tuple[Any, ...],
    what: str,
) -> Any:
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                example,
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=shapes,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = error.__cause__ or error
        raise DetectorError(
            f"{what} cannot be exported: {str(cause).strip().splitlines()[0]}; "
            "a head or backbone uses an operation or a fixed size that ONNX cannot express"
        ) from error
    if program is None:
        raise DetectorError(f"{what} cannot be exported: the exporter gave no graph")
    return program


def _export(
    graph: HeadsGraph | FusedGraph,
    example: tuple[Tensor, ...],
    shapes: tuple[Any, ...],
    info: ModelInfo,
    kind: Graph,
    out: Path,
) -> Path:
    what = f"detector '{info.model_id}' as '{kind}'"
    program = _program(graph, example, list(graph.input_names), list(graph.output_names), shapes, what)
    model = program.model_proto
    strip_private(model)
    _require_axes(model, info, shapes)
    del model.metadata_props[:]
    if kind == "heads":
        info = replace(info, views=())
    for key, value in to_metadata(info, kind).items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    write_atomically(out, model.SerializeToString())
    return out


def _require_axes(model: onnx.ModelProto, info: ModelInfo, shapes: tuple[Any, ...]) -> None:
    """Refuse a graph with a frozen size, which the exporter lets pass, or with other axes than the heads' specs say."""
    found = {
        item.name: [dim.dim_param or dim.dim_value for dim in item.type.tensor_type.shape.dim]
        for item in (*model.graph.input, *model.graph.output)
    }
    for name, dynamic in zip((i.name for i in model.graph.input), shapes, strict=True):
        frozen = [str(dim.__name__) for axis, dim in (dynamic or {}).items() if not isinstance(found[name][axis], str)]
        if frozen:
            raise DetectorError(
                f"input '{name}': expected any size of {', '.join(frozen)}, the graph takes only {found[name]}; "
                "correct the operation that fixes a size"
            )
    # An image backbone gives a fixed number of tokens, so P is a number in a fused graph.
    # (The cells of a heads graph are an input, of any number.)
    fused = any(item.name == CELLS_OUTPUT for item in model.graph.output)
    tokens = found[CELLS_OUTPUT][0] if fused else "P"
    for head, spec in info.heads.items():
        for output in spec.outputs:
            name = f"{head}{ONNX_SEPARATOR}{output.name}"
            axes = [tokens if axis == "P" else axis for axis in output.axes]
            if found[name] != axes:
                raise DetectorError(
                    f"output '{name}': expected axes {axes} by the head's spec, the graph has {found[name]}; "
                    "correct the spec, or the operation that fixes a size"
                )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of axes that share a name, which is what we ask for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _loaded(detector: LoadedDetector | str | Path) -> LoadedDetector:
    return detector if isinstance(detector, LoadedDetector) else load_detector(detector)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in one step: the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp makes it private
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
