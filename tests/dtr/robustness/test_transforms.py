from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.robustness.catalogue import DEFAULT, parse
from dtr.video.types import VideoClip
from tests.dtr.robustness.conftest import HEIGHT, SECONDS, SQUARE_PX, SQUARE_S, WIDTH

SCALE = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def green(clip: VideoClip) -> np.ndarray:
    """(T, H, W) bool: where the square is seen."""
    r, g, b = (clip.frames[..., c].astype(int) for c in range(3))
    return g - np.maximum(r, b) > 70


@pytest.mark.parametrize("name", [*DEFAULT, "crop-0.6+hflip+speed-2", "screen+crop-0.8", "record-30+speed-0.5"])
def test_map_video__says_where_and_when_the_pixels_went(name: str, square_clip: VideoClip) -> None:
    box = tuple(float(v) for v in np.array(SQUARE_PX) / SCALE)
    trace = TraceAnnotation(span_s=SQUARE_S, box=box)  # type: ignore[arg-type]
    video = VideoAnnotation("a", Path("a.mp4"), "fake", duration_s=float(SECONDS), traces=(trace,))
    transform = parse(name)

    clip, mapped = transform.apply(square_clip, rng()), transform.map_video(video)

    seen = green(clip)
    shown = np.flatnonzero(seen.mean(axis=(1, 2)) > 0.01)
    rows, columns = np.nonzero(seen[shown].mean(axis=0) > 0.5)
    height, width = seen.shape[1:]
    found = np.array(
        [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    )
    assert mapped.traces is not None
    # A pixel and a half: codecs smear, and small frames have large pixels.
    assert np.abs(found - mapped.traces[0].box).max() <= 1.5 / min(width, height) + 1e-9

    ends = np.append(clip.times_s[1:], clip.duration_s)
    gap = np.diff(clip.times_s).max()
    assert (clip.times_s[shown[0]], ends[shown[-1]]) == pytest.approx(mapped.traces[0].span_s, abs=gap + 1e-9)
    assert clip.duration_s == pytest.approx(mapped.duration_s)


@pytest.mark.parametrize("name", DEFAULT)
def test_apply__gives_a_sound_clip_and_leaves_its_own_alone(name: str, square_clip: VideoClip) -> None:
    before = square_clip.frames.copy()
    clip = parse(name).apply(square_clip, rng())
    assert (square_clip.frames == before).all()
    assert clip.frames.dtype == np.uint8
    assert clip.frames.shape == (len(clip.times_s), clip.height, clip.width, 3)
    assert clip.times_s[0] == 0
    assert (np.diff(clip.times_s) > 0).all()
    assert clip.times_s[-1] < clip.duration_s


@pytest.mark.parametrize("name", ["h264-crf35", "h265-crf36", "vp9-crf48", "noise-6", "last-mile", "screen-recording"])
def test_apply__gives_the_same_bytes_every_time(name: str, square_clip: VideoClip) -> None:
    once, again = (parse(name).apply(square_clip, rng()).frames for _ in range(2))
    assert (once == again).all()
    assert (
        not name.startswith("noise") or (once != parse(name).apply(square_clip, np.random.default_rng(4)).frames).any()
    )


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9"])
def test_recode__takes_odd_sides_and_gets_coarser(codec: str, square_clip: VideoClip) -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (4, 61, 83, 3), dtype=np.uint8)
    clip = replace(square_clip, frames=noisy, times_s=np.arange(4) / 8, width=83, height=61, duration_s=0.5)
    errors = [np.abs(parse(f"{codec}-crf{q}").apply(clip, rng()).frames.astype(int) - noisy).mean() for q in (20, 45)]
    assert parse(f"{codec}-crf45").apply(clip, rng()).frames.shape == noisy.shape
    assert errors[0] < errors[1]


def test_scale__leaves_the_clip_small(square_clip: VideoClip) -> None:
    clip = parse("scale-0.25").apply(square_clip, rng())
    assert (clip.width, clip.height) == (WIDTH // 4, 30)


def test_rate__never_repeats_a_frame_of_a_slower_clip(square_clip: VideoClip) -> None:
    clip = replace(square_clip, frames=square_clip.frames[:3], times_s=np.array([0.0, 0.5, 1.0]), duration_s=1.5)
    assert parse("fps-8").apply(clip, rng()).times_s.tolist() == [0.0, 0.5, 1.0]


def test_record__repeats_what_stands_on_the_screen(square_clip: VideoClip) -> None:
    numbered = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 3), dtype=np.uint8)
    clip = replace(square_clip, frames=numbered, times_s=np.array([0.0, 0.3, 0.5]), duration_s=0.75)
    found = parse("record-8").apply(clip, rng())
    assert found.frames[:, 0, 0, 0].tolist() == [0, 0, 0, 1, 2, 2]
    assert found.times_s.tolist() == [i / 8 for i in range(6)]


def test_blur__is_the_same_share_of_every_frame(square_clip: VideoClip) -> None:
    edge = np.zeros((1, 360, 360, 3), dtype=np.uint8)
    edge[:, :, 180:] = 255
    large = edge.repeat(2, axis=1).repeat(2, axis=2)
    widths = []
    for frames in (edge, large):
        side = frames.shape[1]
        clip = replace(square_clip, frames=frames, times_s=np.zeros(1), width=side, height=side)
        row = parse("blur-3").apply(clip, rng()).frames[0, side // 2, :, 0]
        widths.append(((row > 25) & (row < 230)).sum() / side)
    assert widths[0] == pytest.approx(widths[1], rel=0.2)
    assert widths[0] > 0.01


def test_noise__has_the_strength_it_says_and_is_new_in_every_frame(square_clip: VideoClip) -> None:
    frames = parse("noise-6").apply(square_clip, rng()).frames
    grain = frames[:2, :30, :30].astype(float) - 60
    assert grain.std() == pytest.approx(6, rel=0.1)
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.1


def test_brightness__stops_at_white(square_clip: VideoClip) -> None:
    frames = parse("brightness-1.3").apply(square_clip, rng()).frames
    assert frames[0, 0, 0].tolist() == [78, 78, 78]
    assert frames[15, 50, 60].tolist() == [39, 255, 39]
