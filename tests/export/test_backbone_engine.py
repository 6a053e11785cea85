"""An image backbone by onnxruntime: equal to torch, for any number of steps, and refused for others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dtr.backbones.image import ImageBackbone
from dtr.errors import ConfigError
from dtr.export.backbone_engine import onnx_engine
from dtr.sampling import steps_from_frames
from dtr.views import ViewSpec


@pytest.fixture(scope="module")
def backbone() -> ImageBackbone:
    return ImageBackbone("resnet10t", weights="none", stages=(-1,), views=[ViewSpec(size=64)], batch_size=2)


def test_onnx_engine__gives_the_features_that_torch_gives(backbone: ImageBackbone) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 72, 96, 3), dtype=np.uint8)
    steps = steps_from_frames(frames, np.arange(5) / 6, 5 / 6, backbone.clock, backbone.views)
    wanted = backbone.encode(steps)
    backbone.engine = onnx_engine(backbone)
    try:
        found = backbone.encode(steps)
    finally:
        backbone.engine = None
    np.testing.assert_allclose(found.tokens, wanted.tokens, rtol=1e-3, atol=1e-4)
    assert found.tokens.any()
    np.testing.assert_array_equal(found.cells, wanted.cells)


def test_onnx_engine__other_backbones_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected an image backbone, got Linear"):
        onnx_engine(nn.Linear(2, 2))


def test_onnx_engine__a_graph_that_computes_something_else_is_refused(backbone: ImageBackbone) -> None:
    class Unsteady(ImageBackbone):
        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            shift = 0.0 if torch.compiler.is_exporting() else 1.0
            return super().forward(frames) + shift

    other = Unsteady("resnet10t", weights="none", stages=(-1,), views=[ViewSpec(size=64)])
    with pytest.raises(ConfigError, match="differs from torch"):
        onnx_engine(other)
