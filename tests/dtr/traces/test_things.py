"""Regions that are things: the disc is one, a piece of it or of the background is not."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.scene import Scene
from dtr.traces.things import clear_masks, clear_region, likeness_to_thing
from tests.traces_scenes import disc_centre, disc_mask, flat_scene, moving_disc_scene, ramp_stage

START, STEP, RADIUS = (60.0, 72.0), (2.0, 0.0), 22.0


@pytest.fixture(scope="module")
def disc() -> Scene:
    return moving_disc_scene(start=START, step=STEP, radius=RADIUS)


def test_likeness__is_higher_for_the_disc_than_for_a_piece_of_it_or_of_the_background(disc: Scene) -> None:
    x, y = disc_centre(4, start=START, step=STEP)
    whole = likeness_to_thing(disc, 4, disc_mask(disc, x, y, RADIUS))
    assert whole > 15
    assert likeness_to_thing(disc, 4, disc_mask(disc, x + RADIUS, y, 12)) < 0.5 * whole
    assert likeness_to_thing(disc, 4, disc_mask(disc, 150, 40, 18)) < 0.5 * whole


def test_likeness__is_nothing_on_grey() -> None:
    scene = flat_scene()
    assert likeness_to_thing(scene, 0, disc_mask(scene, 60, 40, 20)) == pytest.approx(0, abs=0.5)


def test_clear_region__finds_the_disc(disc: Scene) -> None:
    hits = 0
    for seed in range(4):
        stage = ramp_stage(disc, seed=seed)
        found = clear_region(stage, area=(0.03, 0.09))
        truth = disc_mask(disc, *disc_centre(stage.anchor, start=START, step=STEP), RADIUS) > 0.5
        if found is not None:
            hits += ((found.mask > 0.5) & truth).sum() / ((found.mask > 0.5) | truth).sum() > 0.6
    assert hits >= 3


def test_clear_masks__the_clearest_comes_first(disc: Scene) -> None:
    masks = clear_masks(disc, 4, np.random.default_rng(2))
    clear = [likeness_to_thing(disc, 4, m) for m in masks]
    assert len(clear) > 2
    assert clear == sorted(clear, reverse=True)
