from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from dtr.detector import LoadedDetector
from dtr.errors import ConfigError, DetectorError
from dtr.export.clips import synthetic_clips
from dtr.export.verify import Parity, export_verified, verify
from tests.export.toy import ToyHead, make_detector, seeded
from tests.tiny_detector import rewrite_metadata


def _shift(source: Path, target: Path, amount: float) -> Path:
    """A copy with one weight of the label head moved."""
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("linear.bias"):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + amount, tensor.name))
            onnx.save(model, target)
            return target
    raise LookupError("no linear.bias")


def test_verify__fused_file_equals_torch_on_numbers_and_traces(
    fused_detector: LoadedDetector, fused_file: Path
) -> None:
    parity = verify(fused_detector, fused_file)
    assert set(parity.max_abs) >= {"binary.video_logit", "box.boxes", "box.side_logits", "cells"}
    assert parity.worst <= 1e-4
    assert (parity.cases, parity.clips) == (3, 4)
    assert parity.traced >= 2
    assert parity.note == ""


def test_verify__heads_file_says_that_no_trace_was_compared(heads_detector: LoadedDetector, heads_file: Path) -> None:
    parity = verify(heads_detector, heads_file)
    assert parity.worst <= 1e-4
    assert (parity.cases, parity.clips, parity.traced) == (5, 3, 0)
    assert "0 of 3 clips" in parity.note


def test_verify__counts_clips_whose_traces_reach_the_threshold(
    fused_detector: LoadedDetector, fused_file: Path, tmp_path: Path
) -> None:
    info = dataclasses.replace(fused_detector.info, thresholds={"trace": 0.999})
    strict = shutil.copy(fused_file, tmp_path / "strict.onnx")
    rewrite_metadata(strict, "thresholds", info.thresholds)
    parity = verify(dataclasses.replace(fused_detector, info=info), strict, synthetic_clips(info)[:2])
    assert (parity.clips, parity.traced) == (2, 0)
    assert "0 of 2 clips" in parity.note


def test_verify__takes_the_clips_it_is_given(fused_detector: LoadedDetector, fused_file: Path) -> None:
    clips = synthetic_clips(fused_detector.info, seed=9)[:2]
    assert verify(fused_detector, fused_file, clips).clips == 2


def test_verify__heads_of_a_backbone_elsewhere_cannot_see_clips(
    heads_detector: LoadedDetector, heads_file: Path, fused_detector: LoadedDetector
) -> None:
    with pytest.raises(DetectorError, match="holds heads only"):
        verify(heads_detector, heads_file, synthetic_clips(fused_detector.info))


@pytest.mark.parametrize("amount", [1e-3, float("nan"), float("inf")])
def test_verify__a_changed_weight_is_found(
    heads_detector: LoadedDetector, heads_file: Path, tmp_path: Path, amount: float
) -> None:
    with pytest.raises(DetectorError, match=r"differs from torch by (0\.001|nan|inf)"):
        verify(heads_detector, _shift(heads_file, tmp_path / "changed.onnx", amount))


def test_verify__another_detectors_file_is_refused(heads_file: Path) -> None:
    other = make_detector(binary=seeded(ToyHead, 1, width=6))
    with pytest.raises(DetectorError, match="model_id differs"):
        verify(other, heads_file)


def test_export_verified__leaves_the_old_file_when_the_new_one_fails(
    heads_detector: LoadedDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "heads.onnx"
    out.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr("dtr.export.verify.TOLERANCE", -1.0)
        with pytest.raises(DetectorError, match="differs"):
            export_verified(heads_detector, out, heads_only=True)
    assert out.read_bytes() == b"old"
    assert export_verified(heads_detector, out, heads_only=True).worst <= 1e-4
    assert verify(heads_detector, out).worst <= 1e-4
    assert [p.name for p in tmp_path.iterdir()] == ["heads.onnx"]


def test_parity__note_speaks_up_below_half() -> None:
    assert Parity(clips=4, traced=2).note == ""
    assert "1 of 4" in Parity(clips=4, traced=1).note
    assert dataclasses.asdict(Parity())["clips"] == 0
    assert Parity().note


def test_export_verified__names_a_place_that_cannot_be_written(heads_detector: LoadedDetector, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        export_verified(heads_detector, tmp_path / "file" / "a.onnx", heads_only=True)
