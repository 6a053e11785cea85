"""A thing of another clip takes on the look of this one."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.guest import Look, guest_from
from dtr.traces.paint import grain_of
from tests.traces_scenes import flat_scene, moving_disc_scene, texture


def test_look__brings_colours_and_grain_nearer_to_those_of_the_scene() -> None:
    theirs = texture(120, 160, 1, 20, 90).astype(np.uint8)
    rng = np.random.default_rng(0)
    ours = np.clip(texture(120, 160, 2, 140, 240) + rng.normal(0, 8, (120, 160, 1)), 0, 255).astype(np.uint8)
    dressed = Look(theirs, ours, 1.0, rng).on(theirs, 3)
    assert abs(dressed.mean() - ours.mean()) < 0.75 * abs(theirs.mean() - ours.mean())
    assert abs(grain_of(dressed) - grain_of(ours)) < 0.6 * abs(grain_of(theirs) - grain_of(ours))


def test_look__noise_is_another_one_on_every_frame() -> None:
    rng = np.random.default_rng(0)
    ours = rng.normal(128, 12, (64, 64, 3)).astype(np.uint8)
    grey = np.full((64, 64, 3), 100, np.uint8)
    look = Look(grey, ours, 1.0, rng)
    assert not np.array_equal(look.on(grey, 1), look.on(grey, 2))


def test_guest_from__is_the_disc_of_the_other_clip() -> None:
    donor = moving_disc_scene(10, start=(80.0, 70.0), step=(1.0, 0.0), radius=24, seed=9)
    found = [guest_from(donor, np.random.default_rng(s)) for s in range(5)]
    sides = [g.side_px for g in found if g is not None]
    assert len(sides) >= 2
    assert np.median(sides) == pytest.approx(np.sqrt(np.pi) * 24, rel=0.35)


def test_guest_from__finds_nothing_on_grey() -> None:
    assert guest_from(flat_scene(), np.random.default_rng(0)) is None
