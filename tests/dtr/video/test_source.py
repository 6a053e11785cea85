from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import av
import pytest

from dtr.errors import LimitError, VideoError
from dtr.video import Limits, open_video, probe
from dtr.video.source import check_file

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"hello, this is text\n" * 50, "got text"),
        ("\ufeffkäse\n".encode(), "got text"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "HLS playlist"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "concat script"),
        (b"<?xml version='1.0'?><MPD/>", "XML"),
        (b"\x00\x01\x02\xff" * 300, "no such file or too damaged"),
    ],
)
def test_open_video__what_is_no_video_is_one_clear_sentence(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(content)
    with pytest.raises(VideoError, match=word) as caught:
        open_video(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("padding", [b"", b"\x00" * 4])
def test_open_video__a_script_cannot_pull_in_another_file(make_video: Make, tmp_path: Path, padding: bytes) -> None:
    other = make_video("other.mp4")
    script = tmp_path / "clip.mp4"
    # FFmpeg itself follows this, whatever the name; the padding hides it from the look at the first bytes.
    script.write_bytes(b"ffconcat version 1.0\nfile " + other.name.encode() + b"\n" + padding)
    with pytest.raises(VideoError):
        open_video(script)
    if not padding:
        with av.open(str(script), format="concat", options={"safe": "0"}) as followed:
            assert followed.streams.video  # the danger is real: without the lists the other file is read


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.mp4", "concat:a.mp4|b.mp4", "missing.mp4", "nul\0.mp4"])
def test_check_file__urls_and_missing_files_are_refused(name: str) -> None:
    with pytest.raises(VideoError, match="cannot be found"):
        check_file(name, Limits())


def test_check_file__folders_and_pipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="folder"):
        check_file(tmp_path, Limits())
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="pipe"):  # opening it would wait for ever
        check_file(tmp_path / "pipe.mp4", Limits())


def test_check_file__size_limit_is_named(make_video: Make) -> None:
    with pytest.raises(LimitError, match=r"limit of 100; lift it with --long"):
        open_video(make_video(), limits=Limits(max_bytes=100))


def test_open_video__a_name_like_a_protocol_is_a_file(
    make_video: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video("concat:a.mp4")
    monkeypatch.chdir(tmp_path)
    assert probe("concat:a.mp4").num_frames == 12


def test_open_video__sound_only_is_refused(media: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="sound only"):
        open_video(media.write_audio(tmp_path / "audio.mp4"))


def test_open_video__codec_off_the_list_is_refused(make_video: Make) -> None:
    with pytest.raises(VideoError, match=r"'magicyuv' of .* is not allowed"):
        open_video(make_video("clip.mov", codec="magicyuv", pix_fmt="yuv444p"))


def test_open_video__container_off_the_list_is_refused(make_video: Make) -> None:
    with pytest.raises(VideoError, match="no such file or too damaged"):
        open_video(make_video("clip.nut", codec="mpeg4"))


def test_open_video__too_many_pixels_is_refused_before_decoding(make_video: Make) -> None:
    avi = make_video("clip.avi", codec="rawvideo")
    data = bytearray(avi.read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = (12_000).to_bytes(4, "little") * 2  # width and height of the stream header
    avi.write_bytes(bytes(data))
    with pytest.raises(LimitError, match="12000×12000"):
        open_video(avi)


def test_open_video__sizes_that_the_probe_itself_refuses_are_explained(make_video: Make) -> None:
    gif = make_video("clip.gif", codec="gif", pix_fmt="rgb8")
    data = bytearray(gif.read_bytes())
    data[6:10] = (16_384).to_bytes(2, "little") * 2  # the logical screen
    gif.write_bytes(bytes(data))
    with pytest.raises(VideoError, match="frames above 16,777,216 pixels are refused"):
        open_video(gif)


def test_open_video__side_limit(make_video: Make) -> None:
    with pytest.raises(LimitError, match="64 a side"):
        open_video(make_video(), limits=Limits(max_side=64))
