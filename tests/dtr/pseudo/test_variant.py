"""Pseudo-fakes and synthesised traces as variants of cached features: what each job gives, and what its key holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from dtr.augment import AugmentSpec
from dtr.clip_jobs import ClipJob, DecodeSetup, Variant, decode_job
from dtr.clock import Clock
from dtr.job_pool import JobFailure
from dtr.planted import Planted
from dtr.steps import ClipSteps
from dtr.views import ViewSpec

MakeVideo = Callable[..., Path]
STILL = AugmentSpec(resize_p=0, recode_p=0, flip_p=0, colour_p=0, soften_p=0, noise_p=0)
SETUP = DecodeSetup(Clock(), (ViewSpec("full", 64),), augment=STILL)


def made(path: Path, setup: DecodeSetup, variant: Variant) -> ClipSteps:
    steps = decode_job(ClipJob("clip", path, variant, "ab" * 32), setup)
    assert isinstance(steps, ClipSteps), steps
    return steps


def test_decode_job__a_pseudo_fake_shows_the_clip_through_a_network(
    make_video: MakeVideo, write_tiny: Callable[..., Path]
) -> None:
    path, setup = make_video(num_frames=6, fps=6.0), replace(SETUP, networks=write_tiny("nearest"))
    fake, again = (made(path, setup, Variant("pseudo", 1)) for _ in range(2))
    real = made(path, setup, Variant())
    assert fake.planted == Planted(fake=True)
    assert real.planted is None
    np.testing.assert_array_equal(fake.frames, again.frames)
    np.testing.assert_array_equal(fake.step_s, real.step_s)
    assert not np.array_equal(fake.frames, real.frames)


def test_decode_job__networks_that_are_not_there_are_a_failure_of_the_clip(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    setup = replace(SETUP, networks=tmp_path / "none")
    result = decode_job(ClipJob("clip", make_video(num_frames=6, fps=6.0), Variant("pseudo", 1), "ab" * 32), setup)
    assert isinstance(result, JobFailure)
    assert "none" in result.message


def test_variant_parts__hold_the_networks_and_the_mechanisms(write_tiny: Callable[..., Path]) -> None:
    one = replace(SETUP, networks=write_tiny("nearest")).variant_parts(Variant("pseudo", 1))
    two = replace(SETUP, networks=write_tiny("nearest", "upscaler")).variant_parts(Variant("pseudo", 1))
    assert one != two
    synth = SETUP.variant_parts(Variant("synth", 1))
    assert "melt" in synth["mechanisms"]
    assert synth != SETUP.variant_parts(Variant("synth", 2))
