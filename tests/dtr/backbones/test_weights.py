from __future__ import annotations

from dataclasses import replace

import pytest
import timm
import torch
from torch import nn

from dtr.backbones.weights import PACKAGED, backbone_id, load_exactly, packaged_state, timm_name
from dtr.errors import DetectorError, MissingExtraError

LITE0 = "tf_efficientnet_lite0"


def test_backbone_id__covers_names_values_types_shapes_and_config() -> None:
    base = [("a", torch.zeros(2, 3))]
    others = [
        [("b", torch.zeros(2, 3))],
        [("a", torch.ones(2, 3))],
        [("a", torch.zeros(3, 2))],
        [("a", torch.zeros(2, 3, dtype=torch.bfloat16))],
    ]
    ids = {backbone_id("toy", state, {}) for state in [base, *others]} | {backbone_id("toy", base, {"layer": 1})}
    assert len(ids) == 6


def test_backbone_id__does_not_depend_on_order_or_memory_layout() -> None:
    a, b = torch.arange(6.0).reshape(2, 3), torch.ones(1)
    assert backbone_id("toy", [("a", a), ("b", b)], {"x": 1, "y": 2}) == backbone_id(
        "toy", [("b", b), ("a", a.T.contiguous().T)], {"y": 2, "x": 1}
    )


def test_packaged_state__refuses_a_file_that_is_not_the_pinned_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, LITE0, replace(PACKAGED[LITE0], sha256="0" * 64))
    with pytest.raises(DetectorError, match="expected SHA-256 0000"):
        packaged_state(LITE0)


def test_packaged_state__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, LITE0, replace(PACKAGED[LITE0], package="no_such_package_anywhere"))
    with pytest.raises(MissingExtraError, match="pip install"):
        packaged_state(LITE0)
    with pytest.raises(DetectorError, match="tf_efficientnet_lite2 only, got model 'resnet18'"):
        packaged_state("resnet18")


@pytest.mark.parametrize("model", PACKAGED)
def test_packaged_state__has_exactly_the_tensors_of_timms_model(model: str) -> None:
    load_exactly(timm.create_model(model), packaged_state(model), model)


@pytest.mark.parametrize("name", ["blocks.0", "_blocks.99._bn0.weight", "_blocks.x._bn0", "_blocks.0._expand_conv.w"])
def test_timm_name__refuses_unknown_tensors(name: str) -> None:
    with pytest.raises(DetectorError, match="unknown tensor"):
        timm_name(name, PACKAGED[LITE0].depths)


def test_load_exactly__refuses_missing_unknown_and_misshapen_tensors() -> None:
    net = nn.Linear(2, 3)
    good = {"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}
    load_exactly(net, good, "toy")
    assert not net.weight.any()
    bad = ({"weight": good["weight"]}, good | {"more": torch.zeros(1)}, good | {"bias": torch.zeros(4)})
    for state, words in zip(bad, ("1 missing", "1 unknown", "1 of another shape"), strict=True):
        with pytest.raises(DetectorError, match=words):
            load_exactly(net, state, "toy")
