"""Unexpected Move: the still disc slides, swings or grows; where it stood there is background."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces import unexpected_move
from dtr.traces.scene import Scene
from tests import traces_contract as contract
from tests.traces_scenes import flat_scene, moving_disc_scene, painted, ramp_stage

BEGINS = [m.begin for m in unexpected_move.MECHANISMS]
START, RADIUS = (90.0, 72.0), 20.0


@pytest.fixture(scope="module")
def disc() -> Scene:
    scene = moving_disc_scene(start=START, step=(0.0, 0.0), radius=RADIUS)
    frames = scene.frames.astype(np.float32)
    faint = np.where(frames.min(axis=-1, keepdims=True) < 125, 60 + 0.2 * (frames - 60), frames)  # the disc stands out
    return Scene(faint.astype(np.uint8), scene.times_s, scene.duration_s)


def test_mechanisms__one_is_held_out() -> None:
    assert {m.category for m in unexpected_move.MECHANISMS} == {"Unexpected Move"}
    assert [m.name for m in unexpected_move.MECHANISMS if m.held_out] == ["creep"]


class TestContract(contract.MechanismContract):
    begins = BEGINS


def bright(scene: Scene, begin: contract.Begin) -> list[np.ndarray]:
    """Where the disc is on every frame: (K, 2) pixels, x then y."""
    return [np.argwhere(frame.min(axis=-1) > 125)[:, ::-1] for frame in contract.traced(begin, scene)]


def test_slide__moves_the_disc_and_uncovers_background(disc: Scene) -> None:
    places = bright(disc, unexpected_move.slide)
    way = np.array([p.mean(axis=0) for p in places]) - START
    far = np.linalg.norm(way, axis=1)
    assert far[1] < 0.5
    assert far[-1] > RADIUS
    assert np.abs(np.diff(far)).max() < 0.35 * far[-1]  # glides, does not jump
    assert 0.7 < len(places[-1]) / len(places[0]) < 1.3  # and nothing of it is left behind


def test_sway__swings_to_both_sides(disc: Scene) -> None:
    centres = np.array([p.mean(axis=0) for p in bright(disc, unexpected_move.sway)]) - START
    axis = np.linalg.svd(centres, full_matrices=False)[2][0]
    assert (centres @ axis).max() > 1.5
    assert (centres @ axis).min() < -1.5


def test_creep__changes_the_size(disc: Scene) -> None:
    sizes = [len(p) for p in bright(disc, unexpected_move.creep)]
    assert not 0.8 < sizes[-1] / sizes[0] < 1.25


@pytest.mark.parametrize("begin", BEGINS)
def test_begin__takes_nothing_that_moves_by_itself_already(begin: contract.Begin) -> None:
    scene = moving_disc_scene(start=(50.0, 72.0), step=(3.0, 0.0), radius=RADIUS)
    for seed in range(4):
        for stroke in painted(ramp_stage(scene, seed=seed), begin).values():
            assert stroke.pixels.max() < 200 or stroke.support.mean() < 0.9


@pytest.mark.parametrize("begin", BEGINS)
def test_begin__leaves_a_plain_scene_alone(begin: contract.Begin) -> None:
    assert begin(ramp_stage(flat_scene())) is None
