from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dtr.errors import ConfigError, VideoError
from dtr.mp4 import Mp4Writer


def write(path: Path, times: list[float], end_s: float | None = None, level: int = 200) -> Path:
    with Mp4Writer(path, 64, 48) as writer:
        for time_s in times:
            writer.add(np.full((48, 64, 3), level, dtype=np.uint8), time_s)
        if end_s is not None:
            writer.end(end_s)
    return path


def test_writer__keeps_uneven_times_and_the_last_duration(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.4]
    with av.open(str(write(tmp_path / "a.mp4", times, 0.9))) as file:
        assert [round(float(f.time), 4) for f in file.decode(video=0)] == times
        assert file.duration == 900_000


def test_writer__keeps_colours(tmp_path: Path) -> None:
    path = tmp_path / "red.mp4"
    with Mp4Writer(path, 64, 48) as writer:
        writer.add(np.broadcast_to(np.array([220, 40, 60], dtype=np.uint8), (48, 64, 3)), 0.0)
    with av.open(str(path)) as file:
        pixel = next(file.decode(video=0)).to_ndarray(format="rgb24")[20, 20]
    assert np.abs(pixel.astype(int) - (220, 40, 60)).max() <= 6


def test_writer__same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.mp4", [0.0, 0.1]), write(tmp_path / "2.mp4", [0.0, 0.1])
    assert one.read_bytes() == two.read_bytes()


def test_writer__an_error_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [0.0])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, [0.0, None])  # type: ignore[list-item]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.avi", "nowhere/a.mp4"])
def test_writer__refuses_a_wrong_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"a\.avi|nowhere"):
        Mp4Writer(tmp_path / name, 64, 48)


def write_two(writer: Mp4Writer) -> None:
    with writer:  # FFmpeg opens the file only with the first packet
        writer.add(np.zeros((48, 64, 3), dtype=np.uint8), 0.0)
        writer.add(np.zeros((48, 64, 3), dtype=np.uint8), 0.1)


def test_writer__says_which_file_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    writer = Mp4Writer(folder / "a.mp4", 64, 48)
    folder.rmdir()
    with pytest.raises(VideoError, match=r"cannot write '.*a\.mp4': No such file"):
        write_two(writer)
