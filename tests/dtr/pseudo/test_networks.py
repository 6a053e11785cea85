from __future__ import annotations

import pytest
import torch

from dtr.errors import ConfigError
from dtr.pseudo.networks import FAMILIES, GRID, build_network


@pytest.mark.parametrize("family", FAMILIES)
def test_network__keeps_shapes_and_gives_every_parameter_a_gradient(family: str) -> None:
    network = build_network(family, {"width": 4})
    frames = torch.rand(2, network.num_frames, 3, 16, 24) * 2 - 1
    out = network(frames)
    assert out.shape == frames.shape
    out.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_network__no_pixel_sees_further_than_its_reach(family: str) -> None:
    torch.manual_seed(0)
    network = build_network(family, {"width": 4}).double()
    frames = torch.randn(1, network.num_frames, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    out = network(frames)
    furthest = 0
    for place in range(64, 64 + GRID):
        (gradient,) = torch.autograd.grad(out[..., place, place].sum(), frames, retain_graph=True)
        seen = gradient.abs().sum((0, 1, 2)).nonzero()
        furthest = max(furthest, int((seen - place).abs().max()))
    assert network.reach - GRID < furthest <= network.reach  # tiles need it; more would be waste
    assert network.reach % GRID == 0


def test_temporal_network__mixes_frames_and_others_do_not() -> None:
    network = build_network("temporal", {"width": 4})
    frames = torch.randn(1, 3, 3, 16, 16, requires_grad=True)
    network(frames)[:, 0].sum().backward()
    assert frames.grad is not None
    assert frames.grad[:, 2].abs().sum() > 0
    assert {FAMILIES[name].num_frames for name in FAMILIES if name != "temporal"} == {1}  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", FAMILIES)
def test_build_network__signals_keep_their_size(family: str) -> None:
    torch.manual_seed(0)
    network = build_network(family, {})
    with torch.no_grad():
        spread = network(torch.randn(1, network.num_frames, 3, 64, 64)).std().item()
    assert 0.1 < spread < 3


def test_build_network__refuses_an_unknown_family() -> None:
    with pytest.raises(ConfigError, match="got 'nosuch'"):
        build_network("nosuch", {})
