from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dtr.robustness.catalogue import parse
from dtr.video.types import VideoClip


def changed(name: str, clip: VideoClip, seed: int = 0) -> np.ndarray:
    """(H, W) bool: pixels that the transform touched in the first frame."""
    frames = parse(name).apply(clip, np.random.default_rng(seed)).frames
    return (frames[0] != clip.frames[0]).any(axis=-1)


def test_caption__darkens_the_lower_edge_only(square_clip: VideoClip) -> None:
    touched = changed("caption", square_clip)
    height = touched.shape[0]
    assert touched[-3:].all()
    assert not touched[: int(0.84 * height)].any()


def test_badge__is_in_a_corner_that_the_seed_chooses(square_clip: VideoClip) -> None:
    corners = set()
    for seed in range(12):
        rows, columns = np.nonzero(changed("badge", square_clip, seed))
        assert 0 < len(rows) < 0.12 * square_clip.width * square_clip.height
        corners.add((rows.mean() > square_clip.height / 2, columns.mean() > square_clip.width / 2))
    assert len(corners) == 4


@pytest.mark.parametrize(("width", "height"), [(16, 16), (20, 200), (200, 20)])
@pytest.mark.parametrize("name", ["caption", "badge", "screen"])
def test_drawing__fits_into_small_and_narrow_frames(name: str, width: int, height: int, square_clip: VideoClip) -> None:
    frames = np.full((2, height, width, 3), 90, dtype=np.uint8)
    clip = replace(square_clip, frames=frames, times_s=np.array([0.0, 1.0]), width=width, height=height)
    found = parse(name).apply(clip, np.random.default_rng(0))
    assert found.frames.shape == frames.shape
    assert (found.frames != frames).any()


def test_screen__is_dark_around_and_rippled_inside(square_clip: VideoClip) -> None:
    frame = parse("screen").apply(square_clip, np.random.default_rng(0)).frames[0].astype(float)
    height, width = frame.shape[:2]
    assert frame[:3, :3].max() < 40
    inside = frame[height // 4 : height // 2, width // 4 : width // 2, 0]
    assert 0.5 < inside.std() < 5
