"""Tiny untrained networks and small moving pictures for the tests of pseudo-fakes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dtr.pseudo.faker import PseudoFaker
from dtr.pseudo.files import NetworkInfo, write_network
from dtr.pseudo.networks import FAMILIES, PseudoNetwork, build_network

TINY = {name: {"width": 4} for name in FAMILIES}


def tiny_network(family: str) -> PseudoNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build_network(family, TINY[family]).eval()


@pytest.fixture(scope="session")
def faker() -> PseudoFaker:
    """All families, untrained, four channels wide."""
    return PseudoFaker({family: tiny_network(family) for family in FAMILIES}, "tiny")


@pytest.fixture
def write_tiny(tmp_path: Path) -> Callable[..., Path]:
    """`write_tiny("nearest", …)` writes untrained networks into the test's own folder."""

    def write(*families: str) -> Path:
        from safetensors.torch import save

        for family in families:
            weights = save(tiny_network(family).state_dict())
            digest = hashlib.sha256(weights).hexdigest()
            write_network(tmp_path, NetworkInfo(family, TINY[family], digest, {}, {}, {}, 20.0, 0.5), weights)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def texture() -> NDArray[np.uint8]:
    """(5, 90, 130, 3) uint8 RGB: waves that drift, with some noise."""
    y, x = np.mgrid[:90, :130]
    phase = np.arange(5)[:, None, None, None] * 0.7 + np.arange(3)
    waves = 127 + 90 * np.sin(x[None, ..., None] / 5 + phase) * np.cos(y[None, ..., None] / 9 - phase)
    noise = np.random.default_rng(0).normal(0, 6, waves.shape)
    return np.clip(waves + noise, 0, 255).astype(np.uint8)
