from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from dtr.errors import ConfigError, VideoError
from dtr.overlay import fitted_size, write_overlay
from dtr.verdict import Trace, Verdict

TRACE = Trace(0.8, (0.0, 1.0), (0.2, 0.2, 0.8, 0.8))


def verdict(video: Path | str) -> Verdict:
    return Verdict(str(video), "a", 1.0, 96, 64, "fake", 0.9, traces=(TRACE,))


def test_write_overlay__keeps_every_frame_and_its_time(make_video: Callable[..., Path], tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.3, 0.35, 0.9]
    source = make_video("vfr.mp4", num_frames=5, times_s=times)
    seen: list[int] = []
    path = verdict(source).save_overlay(tmp_path / "o.mp4", progress=seen.append)
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    assert [float(f.time) for f in frames] == pytest.approx(times, abs=1e-3)
    assert seen == [1, 2, 3, 4, 5]
    assert {(f.width % 2, f.height % 2) for f in frames} == {(0, 0)}
    assert frames[0].width >= 240


def test_write_overlay__shows_rotation_as_displayed(make_video: Callable[..., Path], tmp_path: Path) -> None:
    source = make_video("turned.mp4", width=64, height=96, rotation_cw=90)
    with av.open(str(write_overlay(verdict(source), tmp_path / "o.mp4"))) as file:
        frame = next(file.decode(video=0))
    assert frame.height > frame.width


def test_write_overlay__a_lost_source_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        write_overlay(verdict(tmp_path / "gone.mp4"), tmp_path / "o.mp4")
    assert list(tmp_path.iterdir()) == []


def test_write_overlay__never_writes_over_its_source(make_video: Callable[..., Path]) -> None:
    source = make_video()
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="another name"):
        write_overlay(verdict(source), source)
    assert source.read_bytes() == before


@pytest.mark.parametrize("size", [(1, 1), (5, 4000), (64, 64), (1920, 1080), (8192, 4096), (100, 1000)])
def test_fitted_size__stays_legible_and_bounded(size: tuple[int, int]) -> None:
    width, height = fitted_size(*size)
    assert max(width, height) <= 1920
    assert min(width, height) >= 1
    if max(size) < 1280 and min(size) * 5 > max(size):
        assert min(width, height) >= 240
