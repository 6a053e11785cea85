from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dtr.backbones.image import ImageBackbone
from dtr.detector import LoadedDetector, load_detector, save_detector
from dtr.detector_files import sha256
from dtr.errors import DetectorError
from dtr.export.shipping import ship, without_backbone_weights
from dtr.views import ViewSpec
from tests.export.toy import ALLOW, ToyHead, make_backbone, make_detector, seeded
from tests.tiny_detector import rewrite_metadata, write_tiny_detector


def write(detector: LoadedDetector, folder: Path) -> Path:
    return save_detector(
        folder,
        info=detector.info,
        heads=detector.heads,
        head_init=detector.head_init,
        backbone=detector.backbone,
        card=detector.card,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A detector folder that carries the weights of its backbone."""
    backbone = make_backbone()
    return write(make_detector(backbone, binary=seeded(ToyHead, width=backbone.width)), tmp_path / "det")


def test_without_backbone_weights__is_the_same_detector_without_the_file(folder: Path, tmp_path: Path) -> None:
    whole = load_detector(folder, allow=ALLOW)
    small = load_detector(without_backbone_weights(whole, tmp_path / "small", weights="none"), allow=ALLOW)
    assert small.info == whole.info
    assert small.backbone is not None
    assert small.backbone.weights is None
    assert not (tmp_path / "small/backbone/weights.safetensors").exists()
    assert small.build_backbone().backbone_id == whole.info.backbone_id
    for name, value in whole.heads["binary"].state_dict().items():
        assert torch.equal(small.heads["binary"].state_dict()[name], value)


def test_without_backbone_weights__a_trained_backbone_cannot_be_left_out(tmp_path: Path) -> None:
    state = {name: value + 0.5 for name, value in make_backbone().net.state_dict().items() if value.is_floating_point()}
    state = make_backbone().net.state_dict() | state
    save_file({name: value.clone() for name, value in state.items()}, tmp_path / "trained.safetensors")
    views = [ViewSpec("full", 64), ViewSpec("native", 64, (0.0, 1.0))]
    backbone = ImageBackbone("test_resnet", str(tmp_path / "trained.safetensors"), (-1,), views)
    detector = make_detector(backbone, binary=seeded(ToyHead, width=backbone.width))
    with pytest.raises(DetectorError, match=rf"expected '{backbone.backbone_id}', got 'test_resnet@"):
        without_backbone_weights(detector, tmp_path / "small", weights="none")
    assert not (tmp_path / "small").exists()


def test_ship__writes_card_hash_and_heads(folder: Path, tmp_path: Path) -> None:
    onnx = write_tiny_detector(tmp_path / "toy.onnx")
    detector = load_detector(folder, allow=ALLOW)
    rewrite_metadata(onnx, "model_id", detector.info.model_id)
    card, record, heads = ship(folder, onnx, weights="none", allow=ALLOW)
    assert card.read_text() == detector.card
    assert json.loads(record.read_text()) == {"sha256": sha256(onnx)}
    assert load_detector(heads, allow=ALLOW).info == detector.info
    assert [card.name, record.name, heads.name] == ["toy.md", "toy.json", "toy"]


def test_ship__refuses_the_export_of_another_detector(folder: Path, tmp_path: Path) -> None:
    onnx = write_tiny_detector(tmp_path / "toy.onnx")
    with pytest.raises(DetectorError, match=r"expected the export of toy@\w+, got bright@1"):
        ship(folder, onnx, allow=ALLOW)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["det", "toy.onnx"]
