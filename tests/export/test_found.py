from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import onnx
import pytest

from dtr.detector import save_detector
from dtr.detector_files import sha256
from dtr.errors import DetectorError
from dtr.export import runtime
from dtr.export.found import Found, embedded_detectors, local_detectors
from tests.export.toy import ToyHead, make_detector, seeded
from tests.tiny_detector import rewrite_metadata, write_tiny_detector


def write_folder(path: Path) -> Path:
    toy = make_detector(binary=seeded(ToyHead, width=6))
    return save_detector(path, info=toy.info, heads=toy.heads, head_init=toy.head_init, card=toy.card)


def names(folder: Path) -> list[str]:
    return [found.name for found in local_detectors(folder) if isinstance(found, Found)]


def test_local_detectors__files_and_folders_here_and_below_runs(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "runs/all/pretrained/box/detector")
    for place in ("mine", "runs/all/detector", "deep/er/detector", ".hidden", "runs/a/b/c/d/e/detector"):
        shutil.copytree(first, tmp_path / place)
    write_tiny_detector(tmp_path / "tiny.onnx")
    found = {f.name: f for f in local_detectors(tmp_path) if isinstance(f, Found)}
    assert list(found) == ["mine", "runs/all/detector", "runs/all/pretrained/box/detector", "tiny.onnx"]
    assert (found["tiny.onnx"].form, found["tiny.onnx"].sha256) == ("fused", sha256(tmp_path / "tiny.onnx"))
    assert (found["mine"].form, found["mine"].info.training) == ("folder", {"clips": 3})
    assert "label" in found["mine"].info.calibration  # of the head's own file


def test_local_detectors__a_detector_folder_itself(tmp_path: Path) -> None:
    assert names(write_folder(tmp_path / "det")) == ["."]


def test_local_detectors__passes_files_of_others_by(tmp_path: Path) -> None:
    model = onnx.load(write_tiny_detector(tmp_path / "foreign.onnx"))
    del model.metadata_props[:]
    (tmp_path / "foreign.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "words.onnx").write_text("no model")
    (tmp_path / "folder.onnx").mkdir()
    assert list(local_detectors(tmp_path)) == []


def test_local_detectors__tells_which_of_ours_cannot_be_read(tmp_path: Path) -> None:
    rewrite_metadata(write_tiny_detector(tmp_path / "newer.onnx"), "format", 99)
    (write_folder(tmp_path / "torn") / "detector.json").write_text("{")
    write_folder(tmp_path / "whole")
    newer, torn = (str(found) for found in local_detectors(tmp_path) if isinstance(found, DetectorError))
    assert "newer.onnx: expected metadata of format" in newer
    assert "torn/detector.json: not a JSON file" in torn
    assert names(tmp_path) == ["whole"]


def test_local_detectors__a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list(local_detectors(tmp_path / "nowhere")) == []


def test_embedded_detectors__a_folder_of_heads_beside_the_file_is_no_other_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_detector(tmp_path / "tiny.onnx")
    write_folder(tmp_path / "tiny")
    (tmp_path / "tiny.json").write_text(f'{{"sha256": "{hashlib.sha256(path.read_bytes()).hexdigest()}"}}')
    monkeypatch.setattr(runtime.resources, "files", lambda _: tmp_path)
    (found,) = embedded_detectors()
    assert (found.name, found.form, found.info.model_id) == ("tiny", "fused", "bright@1")
    assert names(tmp_path) == ["./tiny", "tiny.onnx"]  # "tiny" alone names the embedded one
    (tmp_path / "tiny.json").write_text('{"sha256": "00ff"}')
    with pytest.raises(DetectorError, match="tiny: expected the embedded detector with SHA-256 00ff"):
        list(embedded_detectors())
