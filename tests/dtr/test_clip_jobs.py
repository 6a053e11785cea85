from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.augment import AugmentSpec
from dtr.clip_jobs import ClipJob, DecodeSetup, Variant, decode_job, decode_jobs
from dtr.clock import Clock
from dtr.job_pool import JobFailure
from dtr.steps import ClipSteps
from dtr.views import ViewSpec

SETUP = DecodeSetup(Clock(), (ViewSpec(size=32),))
MakeVideo = Callable[..., Path]


class KillsItsReader:
    """Unpickling it ends the process that does, as a crash inside a codec would."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (3,)


def job(path: Path, variant: Variant | None = None) -> ClipJob:
    return ClipJob(path.stem, path, variant or Variant(), "ab" * 32)


@pytest.mark.parametrize("variant", [Variant(), Variant("canonical"), Variant("augmented", 1)])
def test_decode_job__gives_steps_of_every_variant(make_video: MakeVideo, variant: Variant) -> None:
    steps = decode_job(job(make_video(num_frames=12, fps=12.0), variant), SETUP)
    assert isinstance(steps, ClipSteps)
    assert steps.frames.shape == (6, 1, 32, 32, 3)
    assert steps.decode_s > 0


def test_decode_job__augmented_variants_differ_and_repeat(make_video: MakeVideo) -> None:
    path = make_video(num_frames=6, fps=6.0)
    one, again, two = (decode_job(job(path, Variant("augmented", k)), SETUP) for k in (1, 1, 2))
    assert isinstance(one, ClipSteps)
    assert isinstance(again, ClipSteps)
    assert isinstance(two, ClipSteps)
    np.testing.assert_array_equal(one.frames, again.frames)
    assert not np.array_equal(one.frames, two.frames)


def test_decode_job__a_bad_file_is_a_failure_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("not a video")
    for path in (tmp_path / "bad.mp4", tmp_path / "missing.mp4"):
        failure = decode_job(job(path), SETUP)
        assert isinstance(failure, JobFailure)
        assert failure.kind == "video"
        assert path.name in failure.message


def test_decode_jobs__workers_give_the_same_as_this_process_and_survive_a_crash(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    jobs = [job(make_video(f"clip{i}.mp4", num_frames=6 + i, fps=6.0)) for i in range(3)]
    (tmp_path / "bad.mp4").write_text("not a video")
    deadly = ClipJob("deadly", KillsItsReader(), Variant(), "")  # type: ignore[arg-type]
    found = {j.video_id: r for j, r in decode_jobs([*jobs[:1], deadly, *jobs[1:], job(tmp_path / "bad.mp4")], SETUP, 1)}
    assert found.keys() == {"clip0", "clip1", "clip2", "deadly", "bad"}
    for (own, expected), name in zip(decode_jobs(jobs, SETUP, 0), ("clip0", "clip1", "clip2"), strict=True):
        assert own.video_id == name
        assert isinstance(expected, ClipSteps)
        got = found[name]
        assert isinstance(got, ClipSteps)
        np.testing.assert_array_equal(got.frames, expected.frames)
    crash, bad = found["deadly"], found["bad"]
    assert isinstance(crash, JobFailure)
    assert "ended the worker process" in crash.message
    assert isinstance(bad, JobFailure)


def test_variant_parts__hold_what_changes_pixels() -> None:
    setups = [SETUP, replace(SETUP, seed=1), replace(SETUP, augment=AugmentSpec(flip_p=0.0))]
    variants = [Variant("augmented", 1), Variant("augmented", 2)]
    assert len({str(s.variant_parts(v)) for s in setups for v in variants}) == 6
    assert len({str(s.variant_parts(Variant("canonical"))) for s in setups}) == 1


def test_module__loads_no_torch() -> None:
    code = "import sys, dtr.clip_jobs; sys.exit('torch' in sys.modules or 'av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
