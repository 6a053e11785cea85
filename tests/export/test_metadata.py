from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dtr.detector import LoadedDetector
from dtr.errors import DetectorError
from dtr.export.metadata import GRAPH_KEY, from_metadata, to_metadata
from dtr.model_info import FORMAT


def test_metadata__comes_back_whole_and_covers_every_field(fused_detector: LoadedDetector) -> None:
    info = fused_detector.info
    properties = to_metadata(info, "fused")
    assert from_metadata(properties, "x.onnx") == (info, "fused")
    assert {key.removeprefix("dtr.") for key in properties} == {*info.__dataclass_fields__, "graph"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtr.format": json.dumps(FORMAT + 1)}, "upgrade DTR"),
        ({"dtr.format": '"1"'}, "not a DTR model"),
        ({"dtr.clock": "{"}, "not JSON"),
        ({"dtr.clock": '{"rate": 1}'}, "lacks a valid"),
        ({"dtr.heads": "[]"}, "lacks a valid"),
        ({GRAPH_KEY: '"whole"'}, "'fused' or 'heads'"),
        ({"dtr.views": "[]"}, "'fused' or 'heads'"),
    ],
)
def test_from_metadata__names_what_is_wrong(
    fused_detector: LoadedDetector, change: dict[str, str], message: str
) -> None:
    with pytest.raises(DetectorError, match=message) as caught:
        from_metadata(to_metadata(fused_detector.info, "fused") | change, "x.onnx")
    assert "x.onnx" in str(caught.value)


@pytest.mark.parametrize("missing", ["dtr.clock", "dtr.heads", "dtr.model_id", "dtr.format", GRAPH_KEY])
def test_from_metadata__a_missing_key_is_refused(fused_detector: LoadedDetector, missing: str) -> None:
    properties = to_metadata(fused_detector.info, "fused")
    del properties[missing]
    with pytest.raises(DetectorError, match=r"x\.onnx"):
        from_metadata(properties, "x.onnx")


def test_from_metadata__foreign_properties_are_refused() -> None:
    with pytest.raises(DetectorError, match="without dtr"):
        from_metadata({"author": "someone"}, "x.onnx")


def test_from_metadata__the_first_files_carry_no_operating_data(fused_detector: LoadedDetector) -> None:
    info = replace(fused_detector.info, operating={"real_logits": [-1.0, 0.5], "fake_logits": [2.0]})
    properties = to_metadata(info, "fused")
    assert from_metadata(properties, "x.onnx")[0].operating == info.operating
    del properties["dtr.operating"]
    assert from_metadata(properties, "x.onnx")[0] == replace(info, operating={})
