from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dtr.canonical.clips import LookJob, Made, MakeJob, Setup, Source, look, make
from dtr.canonical.recipe import CanonicalRecipe
from dtr.job_pool import JobFailure
from dtr.video import Limits, VideoClip, read_clip

MakeVideo = Callable[..., Path]
SMALL = CanonicalRecipe(short_side=64, enlarge=1.0)


def looked(path: Path, recipe: CanonicalRecipe = SMALL) -> Source:
    found = look(LookJob("v", path), Setup(recipe, Limits()))
    assert isinstance(found, Source), found
    return found


def made(path: Path, frames: int, recipe: CanonicalRecipe = SMALL) -> tuple[Made, VideoClip]:
    target = path.with_name("new.mp4")
    found = make(MakeJob("v", path, target, frames), Setup(recipe, Limits()))
    assert isinstance(found, Made), found
    return found, read_clip(target)


def test_look__reads_only_as_far_as_needed(make_video: MakeVideo) -> None:
    source = looked(make_video(num_frames=144, fps=24.0, with_audio=True))
    assert (source.frames, source.repeated, source.damage) == (24, 0, [])
    assert 4.0 < source.length_s < 4.2
    assert source.facts["duration_s"] == pytest.approx(6.0)
    assert source.facts["has_audio"]
    assert "encoder" in source.facts["tags"]
    assert "path" not in source.facts


@pytest.mark.parametrize(("fps", "frames", "repeated"), [(30.0, 15, 0), (12.0, 12, 0), (6.0, 6, 0), (4.0, 8, 4)])
def test_look__counts_steps_and_repeats(make_video: MakeVideo, fps: float, frames: int, repeated: int) -> None:
    source = looked(make_video(num_frames=frames, fps=fps))
    assert (source.frames, source.repeated) == (max(1, int(frames / fps * 6 + 0.02)), repeated)


def test_make__takes_frames_of_a_variable_rate_by_their_times(make_video: MakeVideo, media: ModuleType) -> None:
    times = [0.0, 0.05, 0.17, 0.2, 0.33, 0.5, 0.55, 0.66, 0.7, 0.82, 0.9]
    path = make_video(times_s=times, last_duration_s=0.1, width=128, height=96)
    assert (looked(path).frames, looked(path).repeated) == (6, 0)
    new, clip = made(path, 6)
    assert [media.frame_number(f) for f in clip.frames] == [0, 2, 4, 5, 7, 9]
    assert clip.times_s.tolist() == pytest.approx(np.arange(6) / 6)
    assert clip.duration_s == pytest.approx(1.0)
    assert new.shift_s == pytest.approx(5 / 6 - 0.82, abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ({"width": 96, "height": 160}, (64, 106)),
        ({"width": 160, "height": 96, "rotation_cw": 90}, (106, 64)),
        ({"width": 96, "height": 160, "rotation_cw": 270}, (64, 106)),
        ({"width": 163, "height": 97, "pix_fmt": "yuv444p"}, (108, 64)),
        ({"width": 48, "height": 40}, (48, 40)),
    ],
)
def test_make__applies_rotation_and_gives_even_sides(
    make_video: MakeVideo, media: ModuleType, shape: dict[str, Any], size: tuple[int, int]
) -> None:
    new, clip = made(make_video(num_frames=12, fps=12.0, **shape), 6)
    assert (new.width, new.height) == (clip.width, clip.height) == size
    assert media.quarter_names(clip.frames[0]) == ("top_left", "top_right", "bottom_left", "bottom_right")


def test_make__repeats_frames_only_where_the_recipe_says_so(make_video: MakeVideo, media: ModuleType) -> None:
    path = make_video(num_frames=4, fps=3.0, width=96, height=64)
    refused = make(MakeJob("v", path, path.with_name("no.mp4"), 8), Setup(SMALL, Limits()))
    assert isinstance(refused, JobFailure)
    assert not path.with_name("no.mp4").exists()
    new, clip = made(path, 8, CanonicalRecipe(short_side=64, slow="repeat"))
    assert new.repeated == 4
    assert [media.frame_number(f) for f in clip.frames] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_jobs__bad_files_are_failures_with_their_names(tmp_path: Path, make_video: MakeVideo) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "cut.mp4").write_bytes(make_video("whole.mp4").read_bytes()[:300])
    for name in ("text.mp4", "cut.mp4", "missing.mp4"):
        path, setup = tmp_path / name, Setup(SMALL, Limits())
        for found in (look(LookJob("v", path), setup), make(MakeJob("v", path, tmp_path / "new.mp4", 3), setup)):
            assert isinstance(found, JobFailure)
            assert found.kind == "video"
            assert name in found.message
    assert not (tmp_path / "new.mp4").exists()


def test_look__a_long_file_needs_its_limit_lifted(make_video: MakeVideo) -> None:
    found = look(LookJob("v", make_video(num_frames=24)), Setup(SMALL, Limits(max_seconds=1.0)))
    assert isinstance(found, JobFailure)
    assert found.kind == "limit"
    assert "--long" in found.message
