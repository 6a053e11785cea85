from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.augment import (
    AugmentSpec,
    CanonicalSpec,
    augment_rgb_steps,
    canonical_steps,
    clip_rng,
    draw_plan,
    load_augmented_steps,
)
from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.sampling import load_steps
from dtr.video.recode import RECIPES
from dtr.views import ViewSpec

VIEWS = (ViewSpec("full", 64), ViewSpec("native", 64))
NOTHING = AugmentSpec(resize_p=0, recode_p=0, flip_p=0, colour_p=0, soften_p=0, noise_p=0)
SHA = "ab" * 32


@pytest.fixture
def clip(make_video: Callable[..., Path]) -> Path:
    return make_video(num_frames=24, fps=12, width=192, height=128)


@pytest.mark.parametrize("codec", RECIPES)
def test_load_augmented_steps__same_arguments_same_bytes(codec: str, clip: Path) -> None:
    spec = AugmentSpec(codecs=(codec,), recode_p=1, colour_p=1, noise_p=1, soften_p=1)
    once, again = (load_augmented_steps(clip, Clock(), VIEWS, spec, 3, 1, content_sha256=SHA) for _ in range(2))
    other = load_augmented_steps(clip, Clock(), VIEWS, spec, 3, 2, content_sha256=SHA)
    assert hashlib.sha256(once.frames).digest() == hashlib.sha256(again.frames).digest()
    assert once.flipped == again.flipped
    assert not np.array_equal(once.frames, other.frames)


def test_load_augmented_steps__changes_pixels_but_no_time_and_no_place(clip: Path) -> None:
    plain = load_steps(clip, Clock(), VIEWS)
    changed = load_augmented_steps(clip, Clock(), VIEWS, AugmentSpec(flip_p=1), 0, 1, content_sha256=SHA)
    assert changed.flipped
    assert np.array_equal(changed.step_s, plain.step_s)
    assert np.array_equal(changed.frame_times_s, plain.frame_times_s)
    assert (changed.width, changed.height, changed.duration_s) == (192, 128, plain.duration_s)
    assert not np.array_equal(changed.frames, plain.frames)
    mirrored = changed.frames[:, 0, :, ::-1].astype(int)
    assert np.abs(mirrored - plain.frames[:, 0]).mean() < np.abs(mirrored[:, :, ::-1] - plain.frames[:, 0]).mean() / 2


def test_load_augmented_steps__nothing_on_is_the_plain_clip(clip: Path) -> None:
    plain = load_steps(clip, Clock(), VIEWS)
    same = load_augmented_steps(clip, Clock(), VIEWS, NOTHING, 0, 1, content_sha256=SHA)
    assert np.array_equal(same.frames, plain.frames)
    assert np.array_equal(same.view_boxes, plain.view_boxes)
    assert not same.flipped


def test_load_augmented_steps__slow_source_keeps_its_masked_steps(make_video: Callable[..., Path]) -> None:
    path = make_video(num_frames=8, fps=4)
    changed = load_augmented_steps(path, Clock(), VIEWS, AugmentSpec(recode_p=1), 0, 1, content_sha256=SHA)
    assert np.array_equal(changed.step_mask, load_steps(path, Clock(), VIEWS).step_mask)
    assert not changed.frames[~changed.step_mask].any()


def test_clip_rng__every_argument_matters() -> None:
    draws = [clip_rng(*key).integers(2**40) for key in ((0, 1, SHA), (1, 1, SHA), (0, 2, SHA), (0, 1, "cd" * 32))]
    assert len(set(draws)) == 4
    with pytest.raises(ConfigError, match="hexadecimal"):
        clip_rng(0, 1, "no hash")
    with pytest.raises(ConfigError, match="seed >= 0"):
        clip_rng(-1, 1, SHA)


def test_draw_plan__stays_inside_the_spec() -> None:
    spec, rng = AugmentSpec(), np.random.default_rng(0)
    plans = [draw_plan(spec, 640, 360, rng) for _ in range(300)]
    assert {plan.codec for plan in plans} == {*RECIPES, None}
    assert all(min(plan.size) <= 482 and min(plan.size) >= 142 for plan in plans)
    assert all(side % 2 == 0 for plan in plans for side in plan.size)
    levels = [(RECIPES[p.codec].finest, p.level, RECIPES[p.codec].coarsest) for p in plans if p.codec]
    assert all(low <= level <= high for low, level, high in levels)
    assert 0.4 < np.mean([plan.flip for plan in plans]) < 0.6


def test_draw_plan__never_enlarges_much() -> None:
    rng = np.random.default_rng(0)
    assert max(min(draw_plan(AugmentSpec(), 200, 100, rng).size) for _ in range(100)) <= 150


def test_augment_rgb_steps__each_change_does_what_it_says(media: ModuleType) -> None:
    frames = np.stack([media.numbered_picture(i, 96, 64) for i in range(3)])
    plan = draw_plan(NOTHING, 96, 64, np.random.default_rng(0))
    run = lambda **change: augment_rgb_steps(frames, replace(plan, **change), np.random.default_rng(0), fps=6)  # noqa: E731
    assert np.array_equal(run(), frames)
    assert run(brightness=1.15).mean() > frames.mean() + 5
    assert np.ptp(run(saturation=0.0).astype(int), axis=-1).max() <= 1
    assert run(contrast=0.8).std() < frames.std() - 3
    sharp, soft = np.diff(frames.astype(int), axis=2), np.diff(run(soften=0.5).astype(int), axis=2)
    assert np.abs(soft).max() < np.abs(sharp).max() * 0.9
    assert 2 < np.std(run(noise=4.0)[0, :10, 40:46].astype(int) - frames[0, :10, 40:46]) < 6


def test_augment_spec__json_round_trip_and_bad_values() -> None:
    spec = AugmentSpec(short_side=(200, 300), codecs=("vp9",))
    assert AugmentSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    bad = [{"flip_p": 1.5}, {"short_side": (300, 200)}, {"codecs": ("vhs",)}, {"codecs": ()}, {"short_side": (2, 300)}]
    for values in bad:
        with pytest.raises(ConfigError, match=f"augment.*{next(iter(values))}"):
            AugmentSpec(**values)


def test_canonical_steps__one_size_codec_and_length(make_video: Callable[..., Path], media: ModuleType) -> None:
    path = make_video(num_frames=60, fps=12, width=640, height=360)
    steps = canonical_steps(path, Clock(), (ViewSpec("full", 64),))
    assert steps.duration_s == 4.0
    assert len(steps.frames) == 24
    assert steps.step_mask.all()
    assert [media.frame_number(f) for f in steps.frames[:, 0]] == list(range(0, 48, 2))


def test_canonical_steps__native_crop_comes_from_the_small_picture(make_video: Callable[..., Path]) -> None:
    path = make_video(num_frames=4, width=640, height=360)
    steps = canonical_steps(path, Clock(), (ViewSpec("native", 128),), spec=CanonicalSpec(short_side=128))
    assert steps.view_boxes[0].tolist() == pytest.approx([50 / 228, 0.0, 178 / 228, 1.0])
    assert (steps.width, steps.height) == (640, 360)


def test_canonical_steps__repeats(clip: Path) -> None:
    once, again = (canonical_steps(clip, Clock(), VIEWS) for _ in range(2))
    assert np.array_equal(once.frames, again.frames)
    assert not np.array_equal(once.frames, load_steps(clip, Clock(), VIEWS).frames)
