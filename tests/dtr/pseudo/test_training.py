from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dtr.errors import ConfigError
from dtr.pseudo.faker import PseudoFaker
from dtr.pseudo.networks import FAMILIES
from dtr.pseudo.run import measure
from dtr.pseudo.training import PseudoRecipe, draw_batch, rise_and_fall, train_network


@pytest.fixture(scope="module")
def crops(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(4, 3, 32, 32, 3) uint8."""
    return np.stack([texture[:3, y : y + 32, x : x + 32] for y, x in ((0, 0), (40, 20), (10, 90), (50, 60))])


def recipe(**changes: object) -> PseudoRecipe:
    tiny = {name: {"width": 4} for name in FAMILIES}
    return PseudoRecipe(**({"init": tiny, "steps": 2, "batch": 2} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", FAMILIES)
def test_train_network__repeats_with_its_seed(family: str, crops: NDArray[np.uint8]) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, again, other = (train_network(family, crops, recipe(), seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), state)


def test_train_network__learns(crops: NDArray[np.uint8]) -> None:
    quality = []
    for steps in (2, 60):
        network = train_network("upscaler", crops, recipe(steps=steps), 0)
        quality.append(measure(PseudoFaker({"upscaler": network}, ""), "upscaler", crops)[0])
    assert quality[1] > quality[0] + 3


def test_train_network__says_how_far_it_is_and_when_it_diverges(crops: NDArray[np.uint8]) -> None:
    told: list[tuple[int, int]] = []
    train_network("upscaler", crops, recipe(), 0, lambda *at: told.append(at))
    assert told == [(1, 2), (2, 2)]
    with pytest.raises(ConfigError, match="diverged"):
        train_network("upscaler", crops, recipe(edges=1e40), 0)


def test_draw_batch__keeps_range_and_frames_together(crops: NDArray[np.uint8]) -> None:
    rng = np.random.default_rng(0)
    for num_frames in (1, 3):
        batch = draw_batch(crops, num_frames, 5, rng)
        assert batch.shape == (5, num_frames, 3, 32, 32)
        assert batch.abs().max() <= 1
    numbered = np.broadcast_to(np.array([10, 20, 30], np.uint8)[None, :, None, None, None], (2, 3, 8, 8, 3))
    orders = {
        tuple(draw_batch(numbered, 3, 1, rng)[0, :, 0, 0, 0].mul(127.5).add(127.5).round().tolist()) for _ in range(20)
    }
    assert orders == {(10, 20, 30), (30, 20, 10)}


def test_rise_and_fall__rises_then_falls() -> None:
    rates = [rise_and_fall(step, 50) for step in range(50)]
    top = int(np.argmax(rates))
    assert rates[top] == 1
    assert rates == sorted(rates[: top + 1]) + sorted(rates[top + 1 :], reverse=True)
    assert rise_and_fall(0, 1) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"families": ("x",)},
        {"families": ()},
        {"steps": 0},
        {"learning_rate": 0.0},
        {"learning_rate": 2.0},
        {"edges": -1},
    ],
)
def test_recipe__refuses_what_cannot_be_trained(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="got"):
        recipe(**wrong)
