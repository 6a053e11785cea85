from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.clock import Clock
from dtr.video import Limits, open_video, read_clip, taken_frames
from dtr.video.array import ArrayReader
from dtr.video.clip import collect_clip

gaps = st.lists(st.floats(1e-3, 1.5), min_size=1, max_size=60)


@settings(deadline=None)
@given(gaps, st.sampled_from([0.5, 1.0, 6.0, 7.3, 25.0]))
def test_taken_frames__equals_the_clock_on_all_times(lengths: list[float], rate_hz: float) -> None:
    ends = np.cumsum(lengths)
    times = np.concatenate([[0.0], ends[:-1]])
    clock = Clock(rate_hz=rate_hz)
    reader = ArrayReader(np.zeros((len(times), 1, 1, 3), dtype=np.uint8), times, float(ends[-1]))
    taken = list(taken_frames(reader, clock))
    assert [step for step, _ in taken] == list(range(clock.num_steps(float(ends[-1]))))
    assert [-1 if f is None else f.index for _, f in taken] == clock.pick_frames(times, float(ends[-1])).tolist()


def test_taken_frames__stamps_rounded_to_microseconds_still_meet_their_step() -> None:
    reader = ArrayReader(np.zeros((3, 1, 1, 3), dtype=np.uint8), [0.0, 0.166667, 0.3333335], 0.5)
    assert [f.index for _, f in taken_frames(reader, Clock()) if f is not None] == [0, 1, 2]


@pytest.mark.parametrize("fps", [4, 6, 8, 24, 29.97])
def test_taken_frames__equals_the_clock_on_a_file(fps: float, make_video: Callable[..., Path]) -> None:
    path, clock = make_video(num_frames=30, fps=fps), Clock()
    everything = read_clip(path)
    with open_video(path) as reader:
        taken = [-1 if f is None else f.index for _, f in taken_frames(reader, clock)]
    assert taken == clock.pick_frames(everything.times_s, everything.duration_s).tolist()
    assert (-1 in taken) == (fps < 6)


def test_collect_clip__clock_takes_the_frames_shown_then(make_video: Callable[..., Path], media: ModuleType) -> None:
    clip = read_clip(make_video(num_frames=24, fps=24), clock=Clock(), video_id="v1")
    assert [media.frame_number(rgb) for rgb in clip.frames] == [0, 4, 8, 12, 16, 20]
    assert clip.times_s == pytest.approx(np.arange(6) / 6)
    assert (clip.duration_s, clip.video_id) == (pytest.approx(1.0), "v1")


def test_collect_clip__is_cut_and_resized(make_video: Callable[..., Path]) -> None:
    path = make_video(num_frames=24, fps=12)
    with open_video(path) as reader:
        clip = collect_clip(reader, size=(48, 32), max_s=0.5)
    assert clip.frames.shape == (6, 32, 48, 3)
    assert (clip.width, clip.height, clip.duration_s) == (96, 64, 0.5)
    with open_video(path) as reader:
        assert collect_clip(reader, max_s=10.0, limits=Limits()).duration_s == pytest.approx(2.0)


def test_read_clip__takes_the_stem_as_id(make_video: Callable[..., Path]) -> None:
    assert read_clip(make_video("a.b.mp4")).video_id == "a.b"
