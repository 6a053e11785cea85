from __future__ import annotations

from typing import Any

import pytest

from dtr.backbones.build import build_backbone
from dtr.backbones.image import ImageBackbone
from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.views import ViewSpec

IMAGE = "dtr.backbones.image.ImageBackbone"


def test_build_backbone__turns_plain_values_into_types() -> None:
    init = {"views": [{"kind": "native", "size": 64}], "clock": {"rate_hz": 8}, "stages": [4]}
    backbone = build_backbone({"class_path": IMAGE, "init_args": init})
    assert isinstance(backbone, ImageBackbone)
    assert backbone.views == (ViewSpec("native", 64),)
    assert backbone.clock == Clock(rate_hz=8)
    assert backbone.stages == (4,)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "importable class"),
        ({"class_path": "ImageBackbone"}, "importable class"),
        ({"class_path": "dtr.backbones.image.Nothing"}, "importable class"),
        ({"class_path": "dtr.backbones.protocol.one_size"}, "expected a class"),
        ({"class_path": "dtr.clock.Clock"}, "expected a backbone"),
        ({"class_path": IMAGE, "init_args": {"colour": 1}}, "colour"),
        ({"class_path": IMAGE, "init_args": {"batch_size": "many"}}, "batch_size"),
        ({"class_path": IMAGE, "init_args": {"views": [{"kind": "round"}]}}, "kind"),
    ],
)
def test_build_backbone__refuses_in_one_sentence(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        build_backbone(config)
    assert "\n" not in str(caught.value)
