from __future__ import annotations

import random
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from dtr.errors import DetectorError
from dtr.export.onnx_file import read_properties
from tests.tiny_detector import write_tiny_detector


def test_read_properties__are_those_that_onnx_reads(tmp_path: Path) -> None:
    path = write_tiny_detector(tmp_path / "a.onnx", training={"name": "ü" * 200, "nothing": ""})
    model = onnx.load(path)
    model.metadata_props.add(key="empty", value="")
    path.write_bytes(model.SerializeToString())
    assert read_properties(path) == {entry.key: entry.value for entry in model.metadata_props}


def test_read_properties__of_a_file_without_any(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    (tmp_path / "a.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    assert read_properties(tmp_path / "a.onnx") == {}


def test_read_properties__a_file_cut_short_is_refused(tmp_path: Path) -> None:
    whole = write_tiny_detector(tmp_path / "a.onnx").read_bytes()
    (tmp_path / "a.onnx").write_bytes(whole[:-3])
    with pytest.raises(DetectorError, match=r"a\.onnx: expected an ONNX file, got other bytes"):
        read_properties(tmp_path / "a.onnx")


@pytest.mark.parametrize("content", [b"not a model", b"\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x07"])
def test_read_properties__what_is_no_onnx_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(DetectorError, match="expected an ONNX file"):
        read_properties(tmp_path / "a.onnx")


def test_read_properties__any_bytes_give_properties_or_one_kind_of_error(tmp_path: Path) -> None:
    whole = write_tiny_detector(tmp_path / "whole.onnx").read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(20):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        (tmp_path / "a.onnx").write_bytes(broken)
        try:
            read_properties(tmp_path / "a.onnx")
        except DetectorError:
            refused += 1
    assert refused > 0


def test_read_properties__a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"b\.onnx: expected an \.onnx file, got no such file"):
        read_properties(tmp_path / "b.onnx")
