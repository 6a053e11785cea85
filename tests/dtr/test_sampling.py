from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.clock import Clock
from dtr.errors import LimitError, VideoError
from dtr.sampling import iter_steps, load_steps, render_views, steps_from_frames
from dtr.video import DecodedFrame, Limits, open_video, read_clip
from dtr.video.array import ArrayReader
from dtr.views import ViewSpec

VIEWS = (ViewSpec("full", 64), ViewSpec("native", 64, (1.0, 0.0)))


def test_render_views__full_shows_all_and_native_keeps_pixels(media: ModuleType) -> None:
    rgb = media.numbered_picture(5, 160, 120)
    full, native = render_views(rgb, VIEWS)
    assert media.quarter_names(full) == tuple(media.QUARTERS)
    assert np.array_equal(native, rgb[:64, 96:])


def test_render_views__small_frame_gives_a_resized_crop(media: ModuleType) -> None:
    out = render_views(media.numbered_picture(0, 40, 30), VIEWS)
    assert out.shape == (2, 64, 64, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"num_frames": 30, "fps": 24},
        {"num_frames": 9, "fps": 4},
        {"num_frames": 1},
        {"times_s": [0.0, 0.05, 0.4, 0.5, 1.3], "last_duration_s": 0.6},
    ],
)
def test_load_steps__equals_the_clock_on_all_frames(options: dict, make_video: Callable[..., Path]) -> None:
    path, clock = make_video(**options), Clock()
    clip, steps = read_clip(path), load_steps(path, clock, VIEWS)
    picks = clock.pick_frames(clip.times_s, clip.duration_s)
    frame_times = np.where(picks < 0, np.nan, clip.times_s[picks])
    assert np.array_equal(steps.step_mask, picks >= 0)
    assert np.array_equal(steps.frame_times_s, frame_times, equal_nan=True)
    assert np.array_equal(steps.step_s, clock.step_spans(frame_times, clip.duration_s))
    for pick, views in zip(picks, steps.frames, strict=True):
        assert np.array_equal(views, render_views(clip.frames[pick], VIEWS) if pick >= 0 else np.zeros_like(views))
    assert (steps.width, steps.height, steps.duration_s) == (96, 64, clip.duration_s)
    assert steps.view_boxes[1].tolist() == pytest.approx([32 / 96, 0.0, 1.0, 1.0])
    assert steps.decode_s > 0


def test_iter_steps__spans_equal_those_of_the_whole(make_video: Callable[..., Path]) -> None:
    path, clock = make_video(times_s=[0.0, 0.05, 0.4, 0.5, 1.3]), Clock()
    with open_video(path) as reader:
        streamed = list(iter_steps(reader, clock, VIEWS))
    whole = load_steps(path, clock, VIEWS)
    assert np.array_equal(np.array([s.span_s for s in streamed], dtype=np.float32), whole.step_s)
    assert [s.frames is not None for s in streamed] == whole.step_mask.tolist()
    assert [s.index for s in streamed] == list(range(len(whole.step_mask)))


def test_iter_steps__converts_only_frames_that_are_taken(make_video: Callable[..., Path]) -> None:
    converted = []

    class Counting(ArrayReader):
        def __iter__(self):
            for frame in super().__iter__():
                yield DecodedFrame(
                    frame.index, frame.time_s, None, lambda f=frame: converted.append(f.index) or f.rgb()
                )

    clip = np.zeros((24, 40, 40, 3), dtype=np.uint8)
    steps = list(iter_steps(Counting(clip, np.arange(24) / 24, 1.0), Clock(), VIEWS))
    assert len(steps) == 6
    assert converted == [0, 4, 8, 12, 16, 20]


def test_load_steps__many_steps_outgrow_the_first_buffer(make_video: Callable[..., Path], media: ModuleType) -> None:
    steps = load_steps(make_video(num_frames=150, fps=6), Clock(), (ViewSpec("full", 64),))
    assert steps.frames.shape == (150, 1, 64, 64, 3)
    assert [media.frame_number(f) for f in steps.frames[:, 0]] == list(range(150))


def test_load_steps__memory_limit_is_an_error(make_video: Callable[..., Path]) -> None:
    with pytest.raises(LimitError, match="iter_steps"):
        load_steps(make_video(num_frames=30), Clock(), VIEWS, limits=Limits(max_clip_bytes=100_000))


def test_load_steps__damage_travels_along(make_video: Callable[..., Path]) -> None:
    path = make_video("clip.webm", codec="libvpx-vp9", num_frames=60, options={"deadline": "realtime"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert any("ends early" in words for words in load_steps(path, Clock(), VIEWS).damage)
    with pytest.raises(VideoError, match="--strict"):
        load_steps(path, Clock(), VIEWS, strict=True)


def test_steps_from_frames__equals_the_file(make_video: Callable[..., Path]) -> None:
    path = make_video(num_frames=20, fps=15)
    clip, steps = read_clip(path), load_steps(path, Clock(), VIEWS)
    again = steps_from_frames(clip.frames, clip.times_s, clip.duration_s, Clock(), VIEWS)
    assert np.array_equal(again.frames, steps.frames)
    assert np.array_equal(again.step_s, steps.step_s)
