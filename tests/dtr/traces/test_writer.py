from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dtr.errors import VideoError
from dtr.traces.writer import CODECS, TICK_S, Coding, VideoFile, quality_level
from dtr.video import probe, read_clip
from tests.synth_clips import disc_picture

TICKS = [0, 1000, 1500, 3100, 4000]
END = 5200


def write(path: Path, codec: str, level: float | None = None) -> Path:
    place = quality_level(codec, 0.0) if level is None else level
    picture = disc_picture(0)
    with VideoFile(path, Coding(96, 64, 1, codec, place, 12), 12.0) as file:
        for number, (tick, after) in enumerate(zip(TICKS, [*TICKS[1:], END], strict=True)):
            file.add(picture(number, 96, 64), tick, after - tick)
        file.commit()
    return path


@pytest.mark.parametrize("codec", CODECS)
def test_video_file__keeps_pictures_and_true_times(tmp_path: Path, codec: str) -> None:
    clip = read_clip(write(tmp_path / "a.mp4", codec))
    np.testing.assert_allclose(clip.times_s, np.array(TICKS) * float(TICK_S), atol=1e-9)
    if codec != "vp9":  # FFmpeg's reader makes up lengths of VP9 frames from a guessed rate; it is right for even ones
        assert clip.duration_s == pytest.approx(END * float(TICK_S), abs=1e-4)
    assert probe(tmp_path / "a.mp4").duration_s == pytest.approx(END * float(TICK_S), abs=1e-4)
    wanted = np.stack([disc_picture(0)(n, 96, 64) for n in range(len(TICKS))]).astype(float)
    # Colours of the sharp blocks are halved in resolution; a swapped or shifted matrix would move the mean as well.
    assert np.abs(clip.frames - wanted).mean() < 12
    np.testing.assert_allclose(clip.frames.mean(axis=(0, 1, 2)), wanted.mean(axis=(0, 1, 2)), atol=2.0)


@pytest.mark.parametrize("codec", CODECS)
def test_video_file__same_frames_same_bytes_and_no_remarks(tmp_path: Path, codec: str) -> None:
    first, second = (write(tmp_path / name, codec).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert first == second
    for remark in (b"x264", b"x265", b"Lavc", b"Lavf"):
        assert remark not in first
    info = probe(tmp_path / "a.mp4")
    assert (info.has_audio, info.width, info.height, info.codec) == (False, 96, 64, codec)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert "encoder" not in container.metadata
        assert not {"creation_time", "encoder"} & set(container.streams.video[0].metadata)


def test_video_file__coarser_is_smaller(tmp_path: Path) -> None:
    fine, coarse = (write(tmp_path / f"{level}.mp4", "h264", level).stat().st_size for level in (18.0, 38.0))
    assert coarse < 0.7 * fine


def test_video_file__without_commit_leaves_nothing(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "a.mp4", Coding(96, 64, 1, "h264", 23, 12), 12.0) as file:
        file.add(disc_picture(0)(0, 96, 64), 0, 1000)
        assert not (tmp_path / "a.mp4").exists()
    assert list(tmp_path.iterdir()) == []


def test_video_file__says_where_it_cannot_write(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match="cannot write"),
        VideoFile(tmp_path / "no" / "a.mp4", Coding(96, 64, 1, "mpeg4", 4, 12), 12.0) as file,
    ):
        file.add(disc_picture(0)(0, 96, 64), 0, 1000)
