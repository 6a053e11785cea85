from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.clock import Clock
from dtr.errors import LimitError
from dtr.traces.shots import FEWEST_FRAMES, Shot, most_frames, read_donor, read_shots, shot_length_s
from dtr.traces.writer import TICK_S
from dtr.video import open_video

MakeVideo = Callable[..., Path]


def shots_of(path: Path, **options: object) -> list[Shot]:
    with open_video(path) as reader:
        return list(read_shots(reader, (96, 64), **{"frames": 100, **options}))  # type: ignore[arg-type]


def numbers(shots: list[Shot], media: ModuleType) -> list[int]:
    return [media.frame_number(rgb) for shot in shots for rgb in shot.frames]


def test_read_shots__gives_every_frame_once_at_its_time(make_video: MakeVideo, media: ModuleType) -> None:
    shots = shots_of(make_video(num_frames=30, fps=10.0), shot_s=1.0)
    assert [len(shot.frames) for shot in shots] == [10, 10, 10]
    assert numbers(shots, media) == list(range(30))
    ticks = np.concatenate([shot.ticks for shot in shots])
    np.testing.assert_allclose(ticks * float(TICK_S), np.arange(30) / 10, atol=float(TICK_S))
    assert [shot.end for shot in shots] == [shots[1].ticks[0], shots[2].ticks[0], 36_000]
    assert shots[1].start_s == pytest.approx(1.0)
    assert shots[1].times_s[0] == 0
    assert shots[1].length_s == pytest.approx(1.0)
    assert sum(int(shot.lengths.sum()) for shot in shots) == 36_000


def test_read_shots__is_bounded_in_frames(make_video: MakeVideo, media: ModuleType) -> None:
    shots = shots_of(make_video(num_frames=25, fps=10.0), frames=7)
    assert [len(shot.frames) for shot in shots] == [7, 7, 7, 4]
    assert numbers(shots, media) == list(range(25))


def test_read_shots__thins_and_stops(make_video: MakeVideo, media: ModuleType) -> None:
    shots = shots_of(make_video(num_frames=24, fps=12.0), every=2, end_s=1.0)
    assert numbers(shots, media) == [0, 2, 4, 6, 8, 10]
    assert shots[-1].end == 12_000


def test_read_shots__keeps_an_uneven_rate(make_video: MakeVideo) -> None:
    times = [0.0, 0.1, 0.35, 0.4]
    (shot,) = shots_of(make_video(times_s=times, last_duration_s=0.2))
    np.testing.assert_allclose(shot.times_s, times, atol=1e-4)
    assert shot.length_s == pytest.approx(0.6, abs=1e-3)


@pytest.mark.parametrize(
    ("duration", "length"), [(13.0, 13 / 3), (6.0, 6.0), (0.0, 6.0), (float("inf"), 6.0), (None, 6.0)]
)
def test_shot_length_s__divides_evenly(duration: float | None, length: float) -> None:
    assert shot_length_s(duration, 6.0) == pytest.approx(length)


def test_most_frames__grows_with_memory_and_refuses_too_little() -> None:
    assert most_frames(512, 288, 2**30) > 2 * most_frames(854, 480, 2**30) > 2 * FEWEST_FRAMES
    with pytest.raises(LimitError, match=r"needs \d+ MiB, more than the limit of 64; raise it with --memory"):
        most_frames(1920, 1080, 64 * 2**20)


def test_read_donor__covers_the_shape_and_is_short(make_video: MakeVideo) -> None:
    path = make_video(width=160, height=64, num_frames=40, fps=10.0)
    scene = read_donor(path, (96, 96), most=30)
    assert scene is not None
    assert scene.frames.shape == (20, 96, 96, 3)
    assert scene.duration_s == pytest.approx(2.0)


def test_read_donor__is_none_for_a_broken_clip(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("no video")
    assert read_donor(tmp_path / "x.mp4", (96, 96), most=30) is None


def test_read_donor__keeps_true_times_on_a_clock_and_no_more_frames_than_allowed(
    make_video: MakeVideo, media: ModuleType
) -> None:
    path = make_video(num_frames=24, fps=24.0)
    scene = read_donor(path, (96, 64), most=30, clock=Clock(rate_hz=12.0))
    assert scene is not None
    assert [media.frame_number(rgb) for rgb in scene.frames] == list(range(0, 24, 2))
    np.testing.assert_allclose(scene.times_s, np.arange(12) / 12, atol=float(TICK_S))
    assert scene.duration_s == pytest.approx(1.0)
    short = read_donor(path, (96, 64), most=5, every=3)
    assert short is not None
    assert [media.frame_number(rgb) for rgb in short.frames] == [0, 3, 6, 9, 12]
