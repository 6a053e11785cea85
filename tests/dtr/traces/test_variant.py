"""Synthesised variants in memory: the same bytes again, and places and times as displayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dtr.augment import AugmentSpec
from dtr.backbones.protocol import clip_cells
from dtr.clock import Clock
from dtr.errors import ConfigError, VideoError
from dtr.sampling import load_steps
from dtr.steps import ClipSteps
from dtr.traces import negatives
from dtr.traces.synthesise import SynthSpec
from dtr.traces.variant import SynthVariant, load_synth_steps
from dtr.views import ViewSpec
from tests.synth_clips import disc_picture, grey_picture

MakeVideo = Callable[..., Path]
SIDE = 64
VIEWS = (ViewSpec("full", SIDE),)
SHA = "cd" * 32
NO_CHANGE = AugmentSpec(resize_p=0, recode_p=0, flip_p=0, colour_p=0, soften_p=0, noise_p=0)
MELT = SynthSpec(traces=(1, 1), severity=(0.9, 1.0), mechanisms=("melt",))
QUIET = SynthVariant(spec=MELT, negatives=0.0, augment=NO_CHANGE)


@pytest.fixture
def clip(make_video: MakeVideo) -> Path:
    return make_video("disc.mp4", num_frames=18, fps=12.0, width=128, height=96, picture=disc_picture(0))


def variant_of(path: Path, variant: SynthVariant = QUIET, k: int = 0, **how: Any) -> ClipSteps:
    return load_synth_steps(path, Clock(), VIEWS, variant, 0, k, **({"content_sha256": SHA} | how))


def test_load_synth_steps__same_arguments_same_bytes(clip: Path) -> None:
    busy = SynthVariant(spec=SynthSpec(traces=(1, 2)), negatives=1.0)
    first, again, other = (variant_of(clip, busy, k, donor=clip) for k in (1, 1, 2))
    np.testing.assert_array_equal(first.frames, again.frames)
    assert first.planted == again.planted
    assert first.flipped == again.flipped
    assert not np.array_equal(first.frames, other.frames)
    elsewhere = variant_of(clip, busy, 1, donor=clip, content_sha256="ef" * 32)
    assert not np.array_equal(first.frames, elsewhere.frames)


def test_load_synth_steps__its_twin_is_the_same_but_for_the_traces(clip: Path) -> None:
    noisy = SynthVariant(spec=MELT, negatives=1.0, augment=AugmentSpec(recode_p=1.0, noise_p=1.0))
    for variant in (QUIET, noisy):
        traced, twin, again = variant_of(clip, variant), *(variant_of(clip, variant, clean=True) for _ in range(2))
        np.testing.assert_array_equal(twin.frames, again.frames)
        assert twin.planted is not None
        assert traced.planted is not None
        assert (twin.planted.traces, twin.planted.keeps_time) == ((), traced.planted.keeps_time)
        assert (twin.flipped, twin.step_s.tolist()) == (traced.flipped, traced.step_s.tolist())
        assert not np.array_equal(traced.frames, twin.frames)
    np.testing.assert_array_equal(variant_of(clip, clean=True).frames, load_steps(clip, Clock(), VIEWS).frames)


def test_load_synth_steps__changes_pixels_but_not_the_clock(clip: Path) -> None:
    plain, made = load_steps(clip, Clock(), VIEWS), variant_of(clip)
    np.testing.assert_array_equal(made.step_mask, plain.step_mask)
    np.testing.assert_allclose(made.step_s, plain.step_s, atol=1e-6)
    np.testing.assert_array_equal(made.view_boxes, plain.view_boxes)
    assert (made.width, made.height, made.duration_s) == (plain.width, plain.height, plain.duration_s)


def test_load_synth_steps__planted_traces_lie_in_the_clip(clip: Path) -> None:
    variant = SynthVariant(spec=SynthSpec(traces=(1, 2)), negatives=0.0, max_s=1.2)
    for k in range(3):
        steps = variant_of(clip, variant, k)
        assert steps.duration_s == pytest.approx(1.2)
        assert steps.planted is not None
        assert steps.planted.keeps_time
        for trace in steps.planted.traces:
            assert trace.span_s is not None
            assert 0 <= trace.span_s[0] < trace.span_s[1] <= steps.duration_s
            assert all(trace.span_s[0] <= t < trace.span_s[1] for t, _ in trace.boxes)
            assert all(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 for _, (x0, y0, x1, y1) in trace.boxes)


@pytest.mark.parametrize("flip_p", [0.0, 1.0])
def test_load_synth_steps__boxes_hold_for_the_displayed_frame_mirrored_or_not(clip: Path, flip_p: float) -> None:
    spec = SynthSpec(traces=(1, 1), severity=(1.0, 1.0), mechanisms=("melt",), from_start_p=0.0, to_end_p=1.0)
    augment = AugmentSpec(resize_p=0, recode_p=0, flip_p=flip_p, colour_p=0, soften_p=0, noise_p=0)
    made = variant_of(clip, SynthVariant(spec, 0.0, augment))
    assert made.flipped == bool(flip_p)
    assert made.planted is not None
    (trace,) = made.planted.traces
    plain = load_steps(clip, Clock(), VIEWS).frames[:, 0].astype(int)
    shown = made.frames[:, 0, :, ::-1] if made.flipped else made.frames[:, 0]
    changed = np.abs(shown - plain).max(axis=-1)[-1]  # of the last step, as displayed
    # Each pixel of the view as a token of its own: where its cell says that it lies in the displayed frame.
    cells = clip_cells(made.view_boxes, (SIDE,), flipped=made.flipped).reshape(SIDE, SIDE, 4)
    seen = (changed[:, ::-1] if made.flipped else changed) > 8
    assert seen.sum() > 20
    x, y = ((cells[seen][:, :2] + cells[seen][:, 2:]) / 2).T
    x0, y0, x1, y1 = trace.boxes[-1][1]
    near = 1.5 / SIDE
    assert ((x > x0 - near) & (x < x1 + near) & (y > y0 - near) & (y < y1 + near)).mean() > 0.95
    assert abs((x0 + x1) / 2 - 0.5) > 0.05  # else a box that is mirrored by mistake would not be noticed


@pytest.mark.parametrize(("names", "kept"), [(("cut", "dissolve"), False), (("flash", "exposure"), True)])
def test_load_synth_steps__negatives_that_move_pictures_in_time_say_so(
    clip: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], kept: bool
) -> None:
    monkeypatch.setattr(negatives, "NEGATIVES", tuple(n for n in negatives.NEGATIVES if n.name in names))
    variant = SynthVariant(spec=SynthSpec(traces=(0, 0)), negatives=1.0, augment=NO_CHANGE)
    made = variant_of(clip, variant)
    assert made.planted is not None
    assert (made.planted.keeps_time, made.planted.traces, made.planted.fake) == (kept, (), False)
    assert not np.array_equal(made.frames, load_steps(clip, Clock(), VIEWS).frames)


def test_load_synth_steps__a_donor_that_cannot_be_read_is_no_donor(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    alone = variant_of(clip)
    for donor in (broken, tmp_path / "missing.mp4"):
        made = variant_of(clip, donor=donor)
        np.testing.assert_array_equal(made.frames, alone.frames)
        assert made.planted == alone.planted


def test_load_synth_steps__a_donor_of_another_shape_is_brought_in(clip: Path, make_video: MakeVideo) -> None:
    donor = make_video("donor.mp4", num_frames=30, fps=15.0, width=64, height=160, picture=disc_picture(9))
    spec = SynthSpec(traces=(1, 1), severity=(1.0, 1.0), mechanisms=("Redundant Object",), use="all")
    made = [variant_of(clip, SynthVariant(spec, 0.0, NO_CHANGE), k, donor=donor) for k in range(2)]
    assert any(steps.planted is not None and steps.planted.traces for steps in made)


@pytest.mark.parametrize("frames", [1, 2])
def test_load_synth_steps__a_clip_of_one_or_two_frames_gets_no_trace(make_video: MakeVideo, frames: int) -> None:
    path = make_video("short.mp4", num_frames=frames, fps=6.0, width=64, height=48, picture=disc_picture(1))
    made = variant_of(path, SynthVariant(negatives=1.0))
    assert made.planted is not None
    assert made.planted.traces == ()
    assert made.step_mask.sum() == frames


def test_load_synth_steps__a_grey_clip_does_not_break(make_video: MakeVideo) -> None:
    path = make_video("grey.mp4", num_frames=8, fps=8.0, width=64, height=48, picture=grey_picture)
    assert variant_of(path).planted is not None


@pytest.mark.parametrize(
    "given", [{"negatives": 1.2}, {"negatives": float("nan")}, {"max_s": 0.0}, {"max_s": float("nan")}]
)
def test_synth_variant__refuses_what_makes_no_sense(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"synth needs negatives in \[0, 1\] and max_s above 0"):
        SynthVariant(**given)


def test_load_synth_steps__a_failure_inside_opencv_costs_this_clip_only(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        cv2.resize(np.zeros((0, 0), np.uint8), (0, 0))

    monkeypatch.setattr("dtr.traces.variant.put_traces", fail)
    with pytest.raises(VideoError, match=r"disc\.mp4: OpenCV could not put a trace in"):
        variant_of(clip)
