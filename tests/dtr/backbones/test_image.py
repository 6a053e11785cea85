from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from dtr.backbones.image import ImageBackbone
from dtr.backbones.protocol import clip_cells
from dtr.backbones.weights import packaged_state
from dtr.clock import Clock
from dtr.errors import ConfigError, DetectorError
from dtr.views import ViewSpec
from tests.backbone_contract import BackboneContract, make_steps

SMALL = [ViewSpec(size=64)]


class TestImageBackbone(BackboneContract):
    changes = (
        {"weights": "none"},
        {"stages": (3, 4)},
        {"views": [ViewSpec(size=96)]},
        {"views": [ViewSpec("native", 64)]},
        {"views": [ViewSpec("full", 64)]},
        {"grids": [1]},
        {"clock": Clock(rate_hz=8)},
    )

    def make(self, **changes: Any) -> ImageBackbone:
        return ImageBackbone(**({"views": SMALL} | changes))


class TestNativeViews(BackboneContract):
    changes = ({"views": [ViewSpec(size=64), ViewSpec("native", 64, (0.0, 0.5))]},)

    def make(self, **changes: Any) -> ImageBackbone:
        views = [ViewSpec(size=64), ViewSpec("native", 64)]
        return ImageBackbone(**({"views": views, "grids": [2, 1]} | changes))


class TestTransformer(BackboneContract):
    changes = ({"stages": (11,)},)

    def make(self, **changes: Any) -> ImageBackbone:
        given = {"model": "vit_tiny_patch16_224", "weights": "none", "views": SMALL, "stages": (5, 11)}
        return ImageBackbone(**(given | changes))


def test_default__is_lite0_with_two_views_of_472_channels_on_7_by_7() -> None:
    backbone = ImageBackbone()
    assert (backbone.width, backbone.num_tokens, backbone.stages) == (472, 98, (2, 3, 4))
    assert backbone.clock == Clock() == backbone.head_clock


def test_packaged_weights__give_the_logits_of_a_known_network() -> None:
    """A wrong tensor name would load nothing or noise; a picture of one colour pins the numbers of the whole net."""
    net = timm.create_model("tf_efficientnet_lite0").eval()
    net.load_state_dict(packaged_state("tf_efficientnet_lite0"))
    backbone = ImageBackbone(stages=(0, 4), views=[ViewSpec()])
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 224, 224, 3), dtype=np.uint8)
    pixels = torch.from_numpy(frames[:, 0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        first = net.bn1(net.conv_stem(pixels))
        last = net.blocks(first)
        tokens = backbone(torch.from_numpy(frames))
    expected = last.flatten(2).transpose(1, 2)  # (2, 49, 320)
    torch.testing.assert_close(tokens[..., -320:], expected, atol=1e-4, rtol=1e-4)


def test_encode__batch_size_changes_no_value() -> None:
    steps = make_steps(tuple(SMALL), Clock(), num_steps=7)
    one, many = (ImageBackbone(views=SMALL, batch_size=n).encode(steps).tokens for n in (1, 32))
    np.testing.assert_allclose(one, many, atol=1e-4)


def test_stages__are_averaged_to_the_coarsest_grid() -> None:
    views = [ViewSpec(size=64)]
    frames = torch.from_numpy(make_steps(tuple(views), Clock(), num_steps=1).frames)
    fine = ImageBackbone(views=views, stages=(3,))(frames).view(1, 4, 4, 112)
    both = ImageBackbone(views=views, stages=(3, 4))(frames)[..., :112].view(1, 2, 2, 112)
    torch.testing.assert_close(both[0, 0, 1], fine[0, :2, 2:].mean((0, 1)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("grids", [None, [2, 1]])
def test_cells__in_torch_equal_those_in_numpy(grids: list[int] | None) -> None:
    backbone = ImageBackbone(views=[ViewSpec(size=64), ViewSpec("native", 64)], grids=grids)
    boxes = np.array([[0, 0, 1, 1], [0.2, 0.3, 0.6, 0.9]], np.float32)
    expected = clip_cells(boxes, backbone.grids)
    np.testing.assert_allclose(backbone.cells(torch.from_numpy(boxes)).numpy(), expected, atol=1e-6)


def test_weights__of_a_local_file_equal_the_packaged_ones(tmp_path: Path) -> None:
    """Both forms are accepted: a published checkpoint of the whole model, and a backbone's own copy."""
    packaged = ImageBackbone(views=SMALL)
    whole, own = tmp_path / "whole.safetensors", tmp_path / "own.pth"
    save_file(packaged_state("tf_efficientnet_lite0"), whole)
    torch.save(packaged.net.state_dict(), own)
    for path in (whole, own):
        assert ImageBackbone(views=SMALL, weights=str(path)).backbone_id == packaged.backbone_id


def test_weights__missing_cut_or_foreign_files_are_refused(tmp_path: Path) -> None:
    state = packaged_state("tf_efficientnet_lite0")
    cut, foreign, code = tmp_path / "cut.safetensors", tmp_path / "foreign.safetensors", tmp_path / "code.pth"
    save_file(state, cut)
    cut.write_bytes(cut.read_bytes()[:1000])
    save_file({"x": torch.zeros(1)}, foreign)
    torch.save({"x": Path("/")}, code)
    for path, words in (
        (tmp_path / "none.safetensors", "found none"),
        (cut, "whole safetensors"),
        (foreign, "exactly the"),
        (code, "loaded safely"),
    ):
        with pytest.raises(DetectorError, match=words) as caught:
            ImageBackbone(views=SMALL, weights=str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "no_such_model"}, "knows no model"),
        ({"stages": (4, 9)}, "increasing stages"),
        ({"stages": ()}, "increasing stages"),
        ({"grids": [3]}, "divisors"),
        ({"grids": [1, 1]}, "one per view"),
        ({"views": [ViewSpec(size=64), ViewSpec(size=96)]}, "one size"),
        ({"views": [ViewSpec(size=80)], "stages": (2, 3)}, None),
        ({"views": [ViewSpec(size=72)]}, "divide each other"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_constructor__refuses_what_does_not_fit(given: dict[str, Any], words: str | None) -> None:
    options = {"views": SMALL} | given
    if words is None:
        assert ImageBackbone(**options).num_tokens == 25
        return
    with pytest.raises(ConfigError, match=words):
        ImageBackbone(**options)


def test_weights__packaged_exist_for_few_models_only() -> None:
    with pytest.raises(DetectorError, match="lite2 only, got model 'resnet18'"):
        ImageBackbone(model="resnet18", views=SMALL)
