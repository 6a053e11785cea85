from __future__ import annotations

from pathlib import Path

import pytest

from dtr.detector import LoadedDetector
from dtr.heads.box import BoxHead
from tests.export.toy import ToyHead, make_backbone, make_detector, seeded


@pytest.fixture(scope="session")
def fused_detector() -> LoadedDetector:
    """Two views of 64 pixels, a label head and a box head."""
    backbone = make_backbone()
    box = seeded(BoxHead, width=backbone.width, hidden=8)
    return make_detector(backbone, binary=seeded(ToyHead, width=backbone.width), box=box)


@pytest.fixture(scope="session")
def fused_file(fused_detector: LoadedDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dtr.export.to_onnx import export_fused

    return export_fused(fused_detector, tmp_path_factory.mktemp("fused") / "detector.onnx")


@pytest.fixture(scope="session")
def heads_detector() -> LoadedDetector:
    """A label head on features of a backbone that is elsewhere."""
    return make_detector(binary=seeded(ToyHead, width=6))


@pytest.fixture(scope="session")
def heads_file(heads_detector: LoadedDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dtr.export.to_onnx import export_heads

    return export_heads(heads_detector, tmp_path_factory.mktemp("heads") / "heads.onnx")
