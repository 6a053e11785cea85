from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.errors import ConfigError, DetectorError
from dtr.pseudo.crops import CropSpec
from dtr.pseudo.faker import PseudoFaker
from dtr.pseudo.frames import pseudo_frames
from dtr.pseudo.networks import FAMILIES
from dtr.pseudo.run import measure, train_autoencoders
from dtr.pseudo.training import PseudoRecipe
from dtr.video import read_clip

RECIPE = PseudoRecipe(
    families=("nearest", "upscaler"),
    init={name: {"width": 4} for name in FAMILIES},
    steps=2,
    batch=2,
    held_out=0.3,
    crops=CropSpec(size=32, triples=1, crops=1),
)
Clips = list[VideoAnnotation]


@pytest.fixture
def clips(make_video: Callable[..., Path]) -> Clips:
    """Three camera clips of three sources."""
    paths = [make_video(f"{name}.mp4", num_frames=6) for name in "abc"]
    return [VideoAnnotation(path.stem, path, "real", source=path.stem, split="train") for path in paths]


def test_train_autoencoders__gives_a_faker_for_real_clips(clips: Clips, tmp_path: Path) -> None:
    lines: list[str] = []
    steps: list[tuple[int, int]] = []
    faker = train_autoencoders(
        clips, tmp_path / "out", 0, lines.append, recipe=RECIPE, progress=lambda *at: steps.append(at)
    )
    frames = read_clip(clips[0].path).frames
    fake = pseudo_frames(frames, faker, np.random.default_rng(0))
    assert fake.shape == frames.shape
    assert not np.array_equal(fake, frames)
    assert [line.split(":")[0] for line in lines[1:]] == ["nearest", "upscaler"]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    facts = json.loads((tmp_path / "out" / "nearest.json").read_text())
    assert (facts["clips"]["count"], facts["held_out_clips"]["count"]) == (2, 1)
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json"] * 2 + [".safetensors"] * 2


def test_train_autoencoders__goes_on_where_a_killed_run_stopped(clips: Clips, tmp_path: Path) -> None:
    whole, broken_off = tmp_path / "whole", tmp_path / "broken_off"
    train_autoencoders(clips, whole, recipe=RECIPE)

    def stop(line: str) -> None:
        if line.startswith("nearest"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_autoencoders(clips, broken_off, 0, stop, recipe=RECIPE)
    os.utime(broken_off / "nearest.safetensors", (1, 1))
    (broken_off / "upscaler.safetensors").write_bytes(b"half")  # weights without facts count as none
    lines: list[str] = []
    train_autoencoders(clips[::-1], broken_off, 0, lines.append, recipe=RECIPE)
    assert [line.split(":")[0] for line in lines[1:]] == ["upscaler"]
    assert (broken_off / "nearest.safetensors").stat().st_mtime == 1
    for name in ("nearest", "upscaler"):
        assert (whole / f"{name}.safetensors").read_bytes() == (broken_off / f"{name}.safetensors").read_bytes()
    lines.clear()
    train_autoencoders(clips, broken_off, 0, lines.append, recipe=RECIPE)
    assert not lines


def test_train_autoencoders__refuses_a_folder_of_something_else(clips: Clips, tmp_path: Path) -> None:
    one = replace(RECIPE, families=("upscaler",))
    train_autoencoders(clips, tmp_path / "out", recipe=one)
    for seed, other in ((1, one), (0, replace(one, steps=3))):
        with pytest.raises(ConfigError, match="made of other clips, another recipe or seed"):
            train_autoencoders(clips, tmp_path / "out", seed, recipe=other)
    (tmp_path / "out" / "upscaler.safetensors").write_bytes(b"half")
    with pytest.raises(DetectorError, match="expected SHA-256"):
        train_autoencoders(clips, tmp_path / "out", recipe=one)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        train_autoencoders(clips, tmp_path / "file", recipe=one)


def test_train_autoencoders__takes_real_clips_for_training_only(clips: Clips, tmp_path: Path) -> None:
    for wrong in (
        [replace(clips[0], split="val"), *clips[1:]],
        [replace(clips[0], label="fake"), *clips[1:]],
        [replace(clips[0], label=None), *clips[1:]],
        [],
    ):
        with pytest.raises(ConfigError, match="label real and split train"):
            train_autoencoders(wrong, tmp_path / "out", recipe=RECIPE)
    with pytest.raises(ConfigError, match="on both sides"):
        train_autoencoders(clips[:1], tmp_path / "out", recipe=RECIPE)
    with pytest.raises(ConfigError, match="at least 0"):
        train_autoencoders(clips, tmp_path / "out", -1, recipe=RECIPE)
    assert not (tmp_path / "out").exists()


def test_measure__compares_with_the_original(faker: PseudoFaker) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3), dtype=np.uint8)
    quality, detail = measure(faker, "upscaler", crops)
    assert 3 < quality < 30
    assert 0 < detail < 1  # a picture of half the size holds no such noise
