from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import VideoAnnotation
from dtr.api import detect, load
from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.robustness import run
from dtr.robustness.catalogue import parse
from dtr.robustness.run import ClipJob, Setup, answer_clip, choose_videos, clip_rng, render, thinned, write_answers
from dtr.sampling import steps_from_frames
from dtr.video.types import Limits, VideoClip
from dtr.views import ViewSpec

NAMES = ("none", "hflip", "noise-6", "scale-0.5", "fps-4")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def videos(grey_clip: Callable[..., Path]) -> list[VideoAnnotation]:
    return [
        VideoAnnotation("bright", grey_clip("bright.mp4", 250), "fake"),
        VideoAnnotation("dark", grey_clip("dark.mp4", 10), "real"),
        VideoAnnotation("gone", grey_clip("gone.mp4", 10).with_name("not-there.mp4"), "real"),
    ]


@pytest.fixture
def setup(tiny_model: Path) -> Setup:
    return Setup(load, str(tiny_model), NAMES)


def rows(path: Path) -> list[dict[str, Any]]:
    """Lines without what differs from run to run."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for row in found:
        row.get("verdict", {}).pop("timing_s", None)
    return found


def test_none__is_what_detect_says(tmp_path: Path, media: ModuleType, tiny_model: Path) -> None:
    times = [0.0, 0.1, 0.35, 0.4, 0.9, 1.7, 1.75, 2.5]
    path = media.write_video(tmp_path / "odd.mp4", times_s=times, width=70, height=54)
    job = ClipJob(0, "x", path, ("none",))
    (row,) = answer_clip(job, Setup(load, str(tiny_model), ("none",)))
    said = detect(path, model=tiny_model, video_id="x").to_json()
    assert {k: v for k, v in row["verdict"].items() if k != "timing_s"} == {
        k: v for k, v in said.items() if k != "timing_s"
    }
    assert said["provenance"]["masked_steps"] > 0  # the clip is an odd one indeed


def test_write_answers__has_a_line_for_every_clip_and_transform(
    videos: list[VideoAnnotation], setup: Setup, tmp_path: Path
) -> None:
    out, seen = tmp_path / "out.jsonl", []
    assert write_answers(videos, setup, out, on_row=lambda row, done: seen.append(done)) == 0
    found = rows(out)
    assert [(r["video_id"], r["transform"]) for r in found] == [(v.video_id, n) for v in videos for n in NAMES]
    assert [r["verdict"]["label"] for r in found[:10]] == ["fake"] * 5 + ["real"] * 5
    assert all(r["error"]["kind"] == "video" and "not-there" in r["error"]["message"] for r in found[10:])
    assert (found[3]["verdict"]["width"], found[3]["verdict"]["height"]) == (32, 24)
    assert seen == list(range(1, 16))


@pytest.mark.parametrize("stop_after", [1, 5, 7])
def test_write_answers__goes_on_after_a_kill(
    stop_after: int, videos: list[VideoAnnotation], setup: Setup, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    write_answers(videos, setup, whole)

    def stop(row: dict[str, Any], done: int) -> None:
        if done == stop_after:
            raise Killed

    with pytest.raises(Killed):
        write_answers(videos, setup, out, on_row=stop)
    with out.open("a") as file:
        file.write('{"video_id": "bri')  # what a kill in the middle of a write leaves
    assert write_answers(videos, setup, out) == stop_after
    assert rows(out) == rows(whole)


def test_write_answers__refuses_to_overwrite_a_finished_run_or_to_mix_two(
    videos: list[VideoAnnotation], setup: Setup, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    write_answers(videos[:1], setup, out)
    before = out.read_bytes()
    with pytest.raises(ConfigError, match="--no-resume"):
        write_answers(videos[:1], setup, out)
    assert out.read_bytes() == before

    def stop(row: dict[str, Any], done: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        write_answers(videos[:1], setup, out, resume=False, on_row=stop)
    for other, clips in ((replace(setup, seed=1), videos[:1]), (setup, videos[:2])):
        with pytest.raises(ConfigError, match="unfinished run with other"):
            write_answers(clips, other, out)


def test_write_answers__is_the_same_with_workers(videos: list[VideoAnnotation], setup: Setup, tmp_path: Path) -> None:
    write_answers(videos, setup, tmp_path / "one.jsonl")
    write_answers(videos, setup, tmp_path / "two.jsonl", workers=2)
    assert rows(tmp_path / "one.jsonl") == rows(tmp_path / "two.jsonl")


def test_write_answers__counts_a_clip_that_killed_its_worker(
    videos: list[VideoAnnotation], setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(jobs: list[ClipJob], work: Callable[[ClipJob], Any], workers: int) -> Any:
        yield jobs[1], work(jobs[1])  # the second is ready first
        yield jobs[0], None

    monkeypatch.setattr(run, "run_jobs", lossy)
    write_answers(videos[:2], setup, tmp_path / "out.jsonl", workers=1)
    found = rows(tmp_path / "out.jsonl")
    assert ["error" in r for r in found] == [True] * 5 + [False] * 5
    assert "worker" in found[0]["error"]["message"]


def test_answer_clip__says_what_is_too_large(videos: list[VideoAnnotation], setup: Setup) -> None:
    small = replace(setup, limits=Limits(max_clip_bytes=64 * 48 * 3 * 4))
    found = answer_clip(ClipJob(0, "bright", videos[0].path, NAMES), small)
    assert [r["error"]["kind"] for r in found] == ["limit"] * len(NAMES)


def test_answer_clip__loses_only_the_transform_that_fails(videos: list[VideoAnnotation], setup: Setup) -> None:
    names = ("none", "crop-0.1+h265-crf28", "hflip")  # H.265 takes no frames of 6 × 4 pixels
    found = answer_clip(ClipJob(0, "bright", videos[0].path, names), setup)
    assert [r.get("error", {}).get("kind") for r in found] == [None, "video", None]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 0.6), min_size=1, max_size=40), st.floats(0.02, 1.0), st.floats(1, 20))
def test_thinned__keeps_the_steps(gaps: list[float], last_s: float, rate_hz: float) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    frames = np.arange(len(times), dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), dtype=np.uint8)
    clip, clock = VideoClip(frames, times, 32, 32, float(times[-1] + last_s), "a"), Clock(rate_hz=rate_hz)
    views = (ViewSpec(size=32),)
    whole, few = (
        steps_from_frames(c.frames, c.times_s, c.duration_s, clock, views) for c in (clip, thinned(clip, clock))
    )
    np.testing.assert_array_equal(whole.frames, few.frames)
    np.testing.assert_array_equal(whole.step_mask, few.step_mask)
    np.testing.assert_array_equal(whole.step_s, few.step_s)


@pytest.mark.parametrize("name", ["crop-0.8", "h264-crf35+badge", "fps-4+blur-2+caption", "speed-1.5"])
def test_render__is_the_whole_clip_transformed_and_then_sampled(name: str, tiny_model: Path) -> None:
    info = load(tiny_model).info
    frames = np.random.default_rng(0).integers(0, 255, (24, 48, 64, 3), dtype=np.uint8)
    clip = VideoClip(frames, np.arange(24) / 12, 64, 48, 2.0, "a", ("one frame lost",))
    clip_after = parse(name).apply(clip, np.random.default_rng(5))
    wanted = steps_from_frames(clip_after.frames, clip_after.times_s, clip_after.duration_s, info.clock, info.views)
    found = render(clip, parse(name), info, np.random.default_rng(5))
    np.testing.assert_array_equal(found.frames, wanted.frames)
    np.testing.assert_array_equal(found.step_s, wanted.step_s)
    assert found.damage == ("one frame lost",)


def test_clip_rng__depends_on_seed_video_and_transform_only() -> None:
    draws = [
        clip_rng(*key).integers(2**60)
        for key in [(0, "a", "badge"), (0, "a", "badge"), (1, "a", "badge"), (0, "b", "badge"), (0, "a", "caption")]
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4


def test_choose_videos__is_balanced_and_seeded() -> None:
    clips = [VideoAnnotation(f"v{i}", Path("v.mp4"), "fake" if i % 3 else "real") for i in range(60)]
    found = choose_videos(clips, 11, seed=1)
    assert [v.label for v in found] == ["fake", "real"] * 5 + ["fake"]
    assert found == choose_videos(list(reversed(clips)), 11, seed=1)
    assert found != choose_videos(clips, 11, seed=2)
    assert len(choose_videos(clips, None)) == 60


def test_choose_videos__takes_one_class_and_refuses_none() -> None:
    clips = [VideoAnnotation(f"v{i}", Path("v.mp4"), "fake") for i in range(3)]
    assert len(choose_videos(clips, None)) == 3
    with pytest.raises(ConfigError, match="labelled"):
        choose_videos([replace(clips[0], label=None)], None)
