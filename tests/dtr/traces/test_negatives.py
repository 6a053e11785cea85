"""Hard negatives: each changes what it says, keeps the shape, and repeats."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.errors import ConfigError
from dtr.traces import camera_events, edit_events
from dtr.traces.negatives import NEGATIVES, RETIMING, Change, Negative, apply_negatives
from dtr.traces.scene import Scene
from tests.traces_scenes import moving_disc_scene, texture

SCENE = moving_disc_scene(14, 73, 97, start=(20.0, 36.0), step=(4.0, 0.0), radius=11.0)
FRAMES, TIMES = SCENE.frames, SCENE.times_s
DONOR = np.stack([texture(50, 60, 9, 200, 255).astype(np.uint8)] * 3)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def changed(out: np.ndarray) -> np.ndarray:
    """Mean change of every frame."""
    return np.abs(out.astype(float) - FRAMES).mean(axis=(1, 2, 3))


@pytest.mark.parametrize("negative", NEGATIVES, ids=lambda n: n.name)
def test_apply__keeps_shape_and_input_and_repeats(negative: Negative) -> None:
    before = FRAMES.copy()
    for donor in (None, DONOR):
        out = negative.apply(FRAMES, TIMES, rng(1), donor)
        assert out.shape == FRAMES.shape
        assert out.dtype == np.uint8
        assert np.array_equal(out, negative.apply(FRAMES, TIMES, rng(1), donor))
        assert np.array_equal(FRAMES, before)


@pytest.mark.parametrize("negative", NEGATIVES, ids=lambda n: n.name)
def test_apply__can_be_seen(negative: Negative) -> None:
    assert max(changed(negative.apply(FRAMES, TIMES, rng(seed), None)).max() for seed in range(4)) > 0.8


@pytest.mark.parametrize("negative", NEGATIVES, ids=lambda n: n.name)
def test_apply__takes_the_shortest_and_smallest_clip(negative: Negative) -> None:
    clip = texture(32, 32, 0, 0, 255).astype(np.uint8)[None].repeat(2, axis=0)
    assert negative.apply(clip, np.array([0.0, 0.2]), rng(), clip[:1]).shape == clip.shape


def test_motion_blur__smears_along_the_motion() -> None:
    """A disc that moves to the right loses its left and right edge, not its upper and lower one."""
    scene = moving_disc_scene(8, 96, 128, start=(40.0, 48.0), step=(5.0, 0.0), radius=20.0, back=(40, 60))
    for seed in range(6):
        out = camera_events.motion_blur(scene.frames, scene.times_s, rng(seed))
        index = int(np.abs(out.astype(float) - scene.frames).mean(axis=(1, 2, 3)).argmax())
        delta = np.abs(out[index].astype(float) - scene.frames[index]).mean(axis=-1)
        x = 40 + 5 * index
        if delta.max() > 30:
            sides = delta[44:52, x - 23 : x - 16].mean() + delta[44:52, x + 16 : x + 23].mean()
            assert sides > 2 * (delta[25:32, x - 4 : x + 4].mean() + delta[64:71, x - 4 : x + 4].mean())
            return
    pytest.fail("no seed smeared the disc")


def test_cut__begins_another_shot_and_keeps_to_it() -> None:
    for seed in range(4):
        out = edit_events.cut(FRAMES, TIMES, rng(seed), DONOR)
        first = int(np.flatnonzero(changed(out))[0])
        assert np.all(changed(out)[first:] > 0)
        assert np.array_equal(out[:first], FRAMES[:first])


def test_cut__is_found_by_the_scene_where_the_other_shot_is_another_clip() -> None:
    out = next(o for o in (edit_events.cut(FRAMES, TIMES, rng(s), DONOR) for s in range(20)) if o[-1].mean() > 190)
    first = int(np.flatnonzero(changed(out))[0])
    assert Scene(out, TIMES, SCENE.duration_s).cuts == (first,)


def test_dissolve__passes_over_without_a_jump() -> None:
    out = next(o for o in (edit_events.dissolve(FRAMES, TIMES, rng(s), DONOR) for s in range(20)) if o[-1].mean() > 150)
    level = out.mean(axis=(1, 2, 3))
    assert np.diff(level).max() < 0.8 * (level.max() - level.min())


def test_fade__ends_or_begins_dark_or_white() -> None:
    out = edit_events.fade(FRAMES, TIMES, rng(0))
    assert max(changed(out)[0], changed(out)[-1]) > 40


def test_occlusion__covers_the_frame_for_a_while_only() -> None:
    touched = [changed(camera_events.occlusion(FRAMES, TIMES, rng(s))) > 0 for s in range(6)]
    assert any(t.any() for t in touched)
    assert any(not t.all() for t in touched)
    runs = [np.abs(np.diff(np.r_[0, t, 0].astype(int))).sum() for t in touched]
    assert max(runs) == 2  # in one piece


def test_flash__only_adds_light() -> None:
    out = camera_events.flash(FRAMES, TIMES, rng(3))
    assert (out.astype(int) - FRAMES).min() >= 0
    assert changed(out).max() > 20


def test_refocus__takes_detail_only() -> None:
    out = camera_events.refocus(FRAMES, TIMES, rng(1))
    index = int(changed(out).argmax())
    assert out[index].astype(float).std() < FRAMES[index].std()
    assert out[index].mean() == pytest.approx(FRAMES[index].mean(), rel=0.02)


def test_shake__moves_everything_alike() -> None:
    still = np.repeat(texture(96, 128, 3, 0, 255).astype(np.uint8)[None], 10, axis=0)
    out = camera_events.shake(still, np.arange(10) / 10, rng(2))
    scene = Scene(out, np.arange(10) / 10, 1.0)
    steps = [np.abs(scene.camera(i)[:2, 2]).max() for i in range(9)]
    assert max(steps) > 0.3
    assert max(float(scene.own_motion(i).mean()) for i in range(9)) < 0.5


@pytest.mark.parametrize("overlay", [edit_events.caption, edit_events.logo])
def test_overlay__stays_at_one_place(overlay: Change) -> None:
    delta = np.abs(overlay(FRAMES, TIMES, rng(1), None).astype(int) - FRAMES).max(axis=(0, 3)) > 8
    assert 0.002 < delta.mean() < 0.35


def test_apply_negatives__does_nothing_at_chance_0_and_something_at_1() -> None:
    same, none = apply_negatives(FRAMES, TIMES, rng(), chance=0.0)
    assert same is FRAMES
    assert none == ()
    names = [apply_negatives(FRAMES, TIMES, rng(seed))[1] for seed in range(12)]
    assert all(1 <= len(n) <= 2 for n in names)
    assert {len(n) for n in names} == {1, 2}


def test_apply_negatives__repeats_and_takes_a_donor() -> None:
    first, second = (apply_negatives(FRAMES, TIMES, rng(4), donor=DONOR) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]


def test_apply_negatives__one_frame_is_left_alone() -> None:
    assert apply_negatives(FRAMES[:1], TIMES[:1], rng())[1] == ()


def test_apply_negatives__refuses_a_chance_that_is_none() -> None:
    with pytest.raises(ConfigError, match="chance of hard negatives"):
        apply_negatives(FRAMES, TIMES, rng(), chance=1.5)


def test_retiming__names_what_moves_pictures_in_time() -> None:
    assert {"cut", "dissolve"} == RETIMING
