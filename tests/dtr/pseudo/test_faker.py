from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.errors import ConfigError, DetectorError, VideoError
from dtr.pseudo.faker import PseudoFaker, group_starts, load_network
from dtr.pseudo.files import info_path, read_info, weights_path
from dtr.pseudo.networks import FAMILIES, PseudoNetwork

WriteTiny = Callable[..., Path]
Frames = NDArray[np.uint8]


class Negative(PseudoNetwork):
    """Three frames at once, each inverted; the first of a group darkened, so that places in a group show."""

    num_frames = 3

    def reconstruct(self, pictures):  # type: ignore[no-untyped-def]
        inverted = -pictures
        inverted[:, :3] = -1
        return inverted


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 9, 70), (4, 64, 48)])
def test_apply__gives_frames_of_any_size_and_number(faker: PseudoFaker, family: str, shape: tuple[int, ...]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = frames.copy()
    out = faker.apply(frames, family)
    assert (out.shape, out.dtype) == (frames.shape, np.uint8)
    assert np.array_equal(frames, before)
    assert np.array_equal(out, faker.apply(frames, family))


def test_apply__takes_no_frames(faker: PseudoFaker) -> None:
    for family in FAMILIES:
        assert faker.apply(np.zeros((0, 8, 8, 3), dtype=np.uint8), family, phase=1).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_apply__tiles_give_the_whole_picture(faker: PseudoFaker, texture: Frames, family: str) -> None:
    small = PseudoFaker(faker._networks, "tiny", tile=40)
    whole, tiled = faker.apply(texture, family), small.apply(texture, family)
    difference = np.abs(whole.astype(int) - tiled)
    assert difference.max() <= 1  # the order of sums may differ between sizes
    assert difference.mean() < 0.01


def test_apply__changes_every_part_of_a_frame(faker: PseudoFaker, texture: Frames) -> None:
    changed = faker.apply(texture, "nearest") != texture
    blocks = changed[0, :88, :128].reshape(11, 8, 16, 8, 3).any(axis=(1, 3, 4))  # of 8 × 8 pixels
    assert blocks.all()


def test_apply__strength_blends() -> None:
    faker = PseudoFaker({"negative": Negative()}, "")
    frames = np.full((3, 8, 8, 3), 55, dtype=np.uint8)
    assert np.array_equal(faker.apply(frames, strength=0.0), frames)
    assert (faker.apply(frames, strength=1.0)[1:] == 200).all()
    assert (faker.apply(frames, strength=0.5)[1:] == 128).all()


@pytest.mark.parametrize(("phase", "first_of_group"), [(0, {0, 3, 6}), (1, {2, 5}), (2, {1, 4}), (3, {0, 3, 6})])
def test_apply__phase_shifts_the_groups(phase: int, first_of_group: set[int]) -> None:
    frames = np.full((7, 8, 8, 3), 55, dtype=np.uint8)
    out = PseudoFaker({"negative": Negative()}, "").apply(frames, phase=phase)
    dark = {int(i) for i in np.flatnonzero((out == 0).all(axis=(1, 2, 3)))}
    assert dark == first_of_group


def test_group_starts__hold_every_frame_once() -> None:
    for count in range(8):
        for phase in range(3):
            starts = group_starts(count, 3, phase)
            held = [i for start in starts for i in range(start, start + 3) if 0 <= i < count]
            assert held == list(range(count))
            assert all(start + 2 >= 0 for start in starts)


@pytest.mark.parametrize(
    "frames", [np.zeros((2, 8, 8), np.uint8), np.zeros((1, 8, 8, 3), np.float32), np.zeros((1, 0, 8, 3), np.uint8)]
)
def test_apply__refuses_other_arrays(faker: PseudoFaker, frames: NDArray) -> None:
    with pytest.raises(VideoError, match="uint8 RGB"):
        faker.apply(frames)


@pytest.mark.parametrize("wrong", [{"family": "nosuch"}, {"strength": 1.5}, {"strength": float("nan")}, {"phase": -1}])
def test_apply__refuses_other_options(faker: PseudoFaker, texture: Frames, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="got"):
        faker.apply(texture, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("tile", [0, 100])
def test_faker__refuses_tiles_off_the_grid(faker: PseudoFaker, tile: int) -> None:
    with pytest.raises(ConfigError, match="multiple of 8"):
        PseudoFaker(faker._networks, "", tile=tile)


def test_load__networks_are_those_that_were_written(write_tiny: WriteTiny, faker: PseudoFaker, texture: Frames) -> None:
    loaded = PseudoFaker.load(write_tiny("nearest", "temporal"))
    assert loaded.families == ("nearest", "temporal")
    assert len(loaded.digest) == 12
    for family in loaded.families:
        assert np.array_equal(loaded.apply(texture, family), faker.apply(texture, family))


def test_load_network__refuses_what_does_not_fit(write_tiny: WriteTiny) -> None:
    folder = write_tiny("nearest")
    info = read_info(folder, "nearest")
    with pytest.raises(DetectorError, match="another shape"):
        load_network(folder, replace(info, init={"width": 8}))
    with pytest.raises(DetectorError, match="init does not fit"):
        load_network(folder, replace(info, init={"depth": 8}))
    with pytest.raises(DetectorError, match="expected a family among"):
        load_network(folder, replace(info, family="later"))


def test_load__refuses_a_pickle_under_another_name(write_tiny: WriteTiny) -> None:
    import pickle

    folder = write_tiny("nearest")
    data = pickle.dumps({"weight": 1})
    weights_path(folder, "nearest").write_bytes(data)
    path = info_path(folder, "nearest")
    facts = json.loads(path.read_text()) | {"weights_sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(json.dumps(facts))
    with pytest.raises(DetectorError, match="safetensors"):
        PseudoFaker.load(folder)
