from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from dtr.errors import VideoError
from dtr.report.frames import MAX_SIDE, Still, read_still


def pixels(still: Still) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(still.jpeg)))


@pytest.mark.parametrize(("time_s", "number"), [(0.0, 0), (1.5, 18), (1.54, 18), (99.0, 47), (-1.0, 0)])
def test_read_still__takes_what_is_on_the_screen(
    media_folder: Path, media: ModuleType, time_s: float, number: int
) -> None:
    still = read_still(media_folder / "good.mp4", time_s)
    assert media.frame_number(pixels(still)) == number
    assert abs(still.time_s - number / 12) < 1e-6


def test_read_still__is_upright(media_folder: Path, media: ModuleType) -> None:
    still = read_still(media_folder / "turned.mp4", 0.0)
    assert (still.width, still.height) == (64, 96)
    assert media.quarter_names(pixels(still))[0] == "top_left"


def test_read_still__is_small(tmp_path: Path, media: ModuleType) -> None:
    still = read_still(media.write_video(tmp_path / "wide.mp4", width=1280, height=720, num_frames=2), 0.0)
    assert pixels(still).shape == (202, MAX_SIDE, 3)
    assert len(still.jpeg) < 40_000


@pytest.mark.parametrize("name", ["broken.mp4", "missing.mp4"])
def test_read_still__of_no_video_is_one_error(media_folder: Path, name: str) -> None:
    with pytest.raises(VideoError):
        read_still(media_folder / name, 0.0)
