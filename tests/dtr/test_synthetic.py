from __future__ import annotations

import numpy as np
import pytest

from dtr.annotation import CATEGORIES
from dtr.synthetic import EFFECTS, apply_effect, box_blur, ellipse_mask

REGION, SOURCE = (40, 20, 80, 60), (0, 20, 40, 60)


def photo() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (80, 120, 3)).astype(np.float32)


@pytest.mark.parametrize("category", EFFECTS)
def test_apply_effect__changes_the_region_and_nothing_else(category: str) -> None:
    before = photo()
    after = apply_effect(before, category, REGION, SOURCE, 0.4, 1.0)
    changed = np.abs(after - before).max(axis=-1)
    assert changed[25:55, 45:75].mean() > 5
    changed[20:60, 40:80] = 0
    assert changed.max() == 0
    assert category in CATEGORIES


@pytest.mark.parametrize("category", EFFECTS)
def test_apply_effect__amount_zero_is_the_photograph(category: str) -> None:
    after = apply_effect(photo(), category, REGION, SOURCE, 0.0, 0.0)
    assert np.abs(after - photo()).max() < 1e-3


def test_apply_effect__redundant_object_is_a_copy() -> None:
    after = apply_effect(photo(), "Redundant Object", REGION, SOURCE, 0.0, 1.0)
    assert np.allclose(after[35:45, 55:65], photo()[35:45, 15:25])


def test_apply_effect__disappearance_takes_the_colour_around() -> None:
    scene = np.full((80, 120, 3), 50, dtype=np.float32)
    scene[30:50, 50:70] = 250
    after = apply_effect(scene, "Object Disappearance", REGION, SOURCE, 0.0, 1.0)
    assert after[40, 60].max() < 70


def test_box_blur__keeps_the_mean_and_widens_as_asked() -> None:
    impulse = np.zeros((61, 61, 1), dtype=np.float32)
    impulse[30, 30] = 1
    blurred = box_blur(impulse, 4.0)[..., 0]
    deviation = np.sqrt((blurred.sum(axis=0) * (np.arange(61) - 30) ** 2).sum())
    assert blurred.sum() == pytest.approx(1.0, abs=1e-5)
    assert deviation == pytest.approx(4.0, rel=0.15)
    assert np.array_equal(box_blur(impulse, 0.0), impulse)


def test_ellipse_mask__is_one_inside_and_zero_in_the_corners() -> None:
    mask = ellipse_mask(40, 60)
    assert mask[20, 30] == 1
    assert mask[0, 0] == mask[-1, -1] == 0
