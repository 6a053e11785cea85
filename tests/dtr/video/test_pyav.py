from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from dtr.errors import LimitError, VideoError
from dtr.video import Limits, probe, read_clip
from dtr.video.pyav import PyavReader

Make = Callable[..., Path]

KINDS = {
    "clip.mp4": {},
    "clip.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "clip.mkv": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "clip.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}},
    "vp8.webm": {"codec": "libvpx", "options": {"deadline": "realtime", "crf": "4", "b": "2M"}},
    "clip.ts": {"codec": "mpeg2video"},
    "clip.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "old.avi": {"codec": "msmpeg4v2"},
    "jpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj422p"},
    "clip.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "av1.mp4": {"codec": "libsvtav1", "width": 128, "height": 96, "options": {"preset": "8", "crf": "20"}},
}


@pytest.mark.parametrize("name", KINDS)
def test_reader__every_container_and_codec_gives_every_frame_in_order(
    name: str, make_video: Make, media: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVT_LOG", "0")
    clip = read_clip(make_video(name, **KINDS[name]))
    assert [media.frame_number(rgb) for rgb in clip.frames] == list(range(12))
    tick = 0.011 if name.endswith(("gif", "webm", "mkv")) else 1e-6  # GIF counts hundredths, Matroska thousandths
    assert np.abs(clip.times_s - np.arange(12) / 12).max() < tick
    assert clip.duration_s == pytest.approx(1.0, abs=0.011)
    assert clip.damage == ()


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "name"),
    [
        ("yuv444p", "libx264", "a.mp4"),
        ("yuv420p10le", "libx264", "a.mp4"),
        ("gray", "libx264", "a.mp4"),
        ("bgr0", "ffv1", "a.mkv"),
        ("yuva444p10le", "prores_ks", "a.mov"),
    ],
)
def test_reader__pixel_formats_keep_numbers_and_brightness(
    pix_fmt: str, codec: str, name: str, make_video: Make, media: ModuleType
) -> None:
    clip = read_clip(make_video(name, codec=codec, pix_fmt=pix_fmt, width=98, height=66))
    assert clip.frames.dtype == np.uint8
    assert clip.frames.shape == (12, 66, 98, 3)
    assert [media.frame_number(rgb) for rgb in clip.frames] == list(range(12))
    drawn = np.stack([media.numbered_picture(i, 98, 66) for i in range(12)])
    error = np.abs(clip.frames.astype(int) - drawn).mean() if pix_fmt != "gray" else 0
    assert error < 8


def test_reader__colour_space_that_the_scaler_does_not_know(make_video: Make, media: ModuleType) -> None:
    clip = read_clip(make_video(options={"x264-params": "colormatrix=chroma-derived-nc"}))
    assert media.quarter_names(clip.frames[0]) == tuple(media.QUARTERS)


def test_reader__odd_size(make_video: Make, media: ModuleType) -> None:
    clip = read_clip(make_video(width=97, height=65, pix_fmt="yuv444p"))
    assert clip.frames.shape == (12, 65, 97, 3)
    assert media.quarter_names(clip.frames[5]) == tuple(media.QUARTERS)


@pytest.mark.parametrize("rotation_cw", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_reader__is_upright(rotation_cw: int, mirrored: bool, make_video: Make, media: ModuleType) -> None:
    path = make_video(rotation_cw=rotation_cw, mirrored=mirrored)
    with PyavReader(path) as reader:
        first = next(iter(reader)).rgb()
        assert (reader.info.width, reader.info.height) == (96, 64) == (first.shape[1], first.shape[0])
        assert media.quarter_names(first) == tuple(media.QUARTERS)
        if not mirrored:
            assert reader.info.rotation == rotation_cw


def test_reader__transparent_parts_are_black(tmp_path: Path) -> None:
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("prores_ks", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuva444p10le"
        rgba = np.full((64, 64, 4), 255, dtype=np.uint8)
        rgba[:, 32:, 3] = 0  # white everywhere, the right half invisible
        frame = av.VideoFrame.from_ndarray(rgba, format="rgba")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    rgb = read_clip(path).frames[0]
    assert rgb[:, :28].min() > 240
    assert rgb[:, 36:].max() < 15


def test_reader__variable_rate_and_last_length_are_true(make_video: Make) -> None:
    times = [0.0, 0.1, 0.15, 0.6, 1.4]
    clip = read_clip(make_video(times_s=times, last_duration_s=0.7))
    assert clip.times_s == pytest.approx(times, abs=1e-4)
    assert clip.duration_s == pytest.approx(2.1, abs=1e-3)


def test_reader__b_frames_come_in_display_order(make_video: Make, media: ModuleType) -> None:
    options = {"x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"}
    clip = read_clip(make_video(num_frames=30, fps=30, options=options))
    assert [media.frame_number(rgb) for rgb in clip.frames] == list(range(30))
    assert clip.times_s == pytest.approx(np.arange(30) / 30)


def test_reader__b_frames_in_avi_follow_the_chunks(make_video: Make, media: ModuleType) -> None:
    # AVI stores no presentation times, and FFmpeg guesses 1, 4, 3, 5, 2, … here.
    clip = read_clip(make_video("clip.avi", num_frames=30, fps=30, options={"x264-params": "bframes=3:b-adapt=0"}))
    assert [media.frame_number(rgb) for rgb in clip.frames] == list(range(30))
    assert clip.times_s == pytest.approx(np.arange(30) / 30)
    assert clip.damage == ()


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.mp4"])
def test_reader__start_offset_is_not_part_of_the_clip(name: str, make_video: Make) -> None:
    clip = read_clip(make_video(name, times_s=[1.5, 1.6, 1.7]))
    assert clip.times_s == pytest.approx([0.0, 0.1, 0.2], abs=2e-3)
    assert clip.duration_s == pytest.approx(0.3, abs=2e-3)


def test_reader__frames_cut_off_by_an_edit_list_are_not_shown(make_video: Make, media: ModuleType) -> None:
    path = make_video(num_frames=24, options={"bf": "0"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4
    assert int.from_bytes(data[at + 4 : at + 8], "big") == 1  # one edit
    with av.open(str(path)) as file:
        half = round(1.0 / file.streams.video[0].time_base)
    data[at + 12 : at + 16] = half.to_bytes(4, "big")  # start showing at 1 s
    path.write_bytes(bytes(data))
    clip = read_clip(path)
    assert [media.frame_number(rgb) for rgb in clip.frames] == list(range(12, 24))
    assert clip.times_s[0] == 0.0
    assert clip.damage == ()


def test_reader__single_frame_has_a_duration(make_video: Make) -> None:
    clip = read_clip(make_video(num_frames=1, fps=5))
    assert len(clip.frames) == 1
    assert clip.duration_s == pytest.approx(0.2)


def test_reader__cut_file_gives_what_is_there_and_says_so(make_video: Make, media: ModuleType) -> None:
    path = make_video("clip.mp4", num_frames=60, options={"movflags": "faststart", "bf": "0"}, width=192, height=128)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    # the muxer ignores encoder options, so the index may lie behind the cut: then nothing can be opened
    if data.index(b"moov") > data.index(b"mdat"):
        path.write_bytes(_moov_first(data)[: len(data) * 3 // 4])
    clip = read_clip(path)
    assert 5 < len(clip.frames) < 60
    assert [media.frame_number(rgb) for rgb in clip.frames[:5]] == list(range(5))
    assert any("of 60 declared frames" in words for words in clip.damage)
    with pytest.raises(VideoError, match=r"is damaged .*--strict"):
        read_clip(path, strict=True)


def test_reader__cut_webm_compares_seconds(make_video: Make) -> None:
    path = make_video("clip.webm", codec="libvpx-vp9", num_frames=60, options={"deadline": "realtime"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    damage = read_clip(path).damage
    assert any("of 5.00 declared seconds" in words for words in damage)


def test_reader__broken_bytes_are_counted_and_repeat(make_video: Make) -> None:
    path = make_video(num_frames=60, width=192, height=128)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat")
    rng = np.random.default_rng(0)
    for at in rng.integers(begin + 4000, begin + (len(data) - begin) * 2 // 3, 20):
        data[at] ^= 0xFF
    path.write_bytes(bytes(data))
    first, second = read_clip(path), read_clip(path)
    assert first.damage
    assert first.damage == second.damage
    assert np.array_equal(first.frames, second.frames)


def test_reader__no_frame_at_all_is_an_error(make_video: Make) -> None:
    path = make_video(num_frames=3)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4 if data.index(b"moov") > begin else len(data)
    data[begin:end] = bytes(end - begin)
    path.write_bytes(bytes(data))
    with pytest.raises(VideoError, match=r"no frame of .* can be decoded"):
        read_clip(path)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(max_frames=10), "10 frames"),
        (Limits(max_seconds=0.5), "0.5 s"),
        (Limits(max_decode_s=1e-6), "to decode"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_reader__limits_name_themselves_and_the_flag(name: str, limits: Limits, words: str, make_video: Make) -> None:
    with pytest.raises(LimitError, match=rf"more than the limit of .*{words}.*; lift it with --long"):
        read_clip(make_video(name), limits=limits)


def test_reader__limits_hold_where_nothing_is_declared(make_video: Make, tmp_path: Path) -> None:
    one = make_video("one.ts", codec="mpeg2video", num_frames=30).read_bytes()
    path = tmp_path / "many.ts"
    path.write_bytes(one * 4)  # the declared length is that of one part at most
    with pytest.raises(LimitError, match="100 frames"):
        read_clip(path, limits=Limits(max_frames=100))
    assert len(read_clip(path).frames) == 120


def test_reader__memory_limit_of_a_whole_clip(make_video: Make) -> None:
    with pytest.raises(LimitError, match="stream them"):
        read_clip(make_video(), limits=Limits(max_clip_bytes=50_000))


def test_reader__changing_size_is_rescaled_and_named(make_video: Make, tmp_path: Path) -> None:
    small = make_video("small.ts", codec="mpeg2video", num_frames=6)
    large = make_video("large.ts", codec="mpeg2video", num_frames=6, width=192, height=128)
    path = tmp_path / "both.ts"
    with path.open("wb") as out:
        for part in (small, large):
            with part.open("rb") as source:
                shutil.copyfileobj(source, out)
    clip = read_clip(path)
    assert clip.frames.shape[1:] == (64, 96, 3)
    assert any("size changes to 192×128" in words for words in clip.damage)


def test_reader__second_iteration_is_refused(make_video: Make) -> None:
    with PyavReader(make_video()) as reader:
        assert len(list(reader)) == 12
        with pytest.raises(VideoError, match="open it again"):
            list(reader)


def test_reader__counts_decoding_time_only(make_video: Make) -> None:
    with PyavReader(make_video()) as reader:
        for frame in reader:
            frame.rgb()
        assert 0 < reader.decode_s < 5


def test_probe__tells_the_facts(make_video: Make) -> None:
    info = probe(make_video(with_audio=True, fps=10, num_frames=20))
    assert (info.codec, info.pix_fmt, info.width, info.height, info.num_frames) == ("h264", "yuv420p", 96, 64, 20)
    assert info.fps == pytest.approx(10)
    assert info.duration_s == pytest.approx(2.0)
    assert info.has_audio
    assert info.size_bytes > 1000
    assert probe(make_video("silent.webm", codec="libvpx")).num_frames is None


def _moov_first(data: bytes) -> bytes:
    """An MP4 with its index in front; chunk offsets moved along (ISO 14496-12, 8.7.5)."""
    at = data.index(b"moov") - 4
    moov = bytearray(data[at:])
    mdat = data.index(b"mdat") - 4
    table = moov.index(b"stco") + 8
    for i in range(int.from_bytes(moov[table : table + 4], "big")):
        place = table + 4 + 4 * i
        offset = int.from_bytes(moov[place : place + 4], "big") + len(moov)
        moov[place : place + 4] = offset.to_bytes(4, "big")
    return data[:mdat] + bytes(moov) + data[mdat:at]
