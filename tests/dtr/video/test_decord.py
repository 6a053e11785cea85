from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.errors import LimitError, MissingExtraError, VideoError
from dtr.video import Limits, open_video, read_clip

Make = Callable[..., Path]


@pytest.fixture
def decord() -> ModuleType:
    return pytest.importorskip("decord", reason="the extra 'decord' is not installed")


FILES = {
    "b_frames.mp4": {"options": {"x264-params": "keyint=12:bframes=3:b-adapt=0"}},
    "open_gop.mp4": {"options": {"x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"}},
    "offset.mkv": {"times_s": [0.5, 0.6, 0.75, 1.4]},
    "vfr.mp4": {"times_s": [0.0, 0.1, 0.15, 0.6, 1.4]},
    "turned.mp4": {"rotation_cw": 90},
    "upside_down.mp4": {"rotation_cw": 180},
    "turned_left.mp4": {"rotation_cw": 270},
    "odd.mp4": {"width": 97, "height": 65, "pix_fmt": "yuv444p"},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
    "clip.avi": {"codec": "mpeg4"},
    "clip.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}},
}


@pytest.mark.parametrize("name", FILES)
def test_decord__equals_pyav_frame_by_frame(name: str, decord: ModuleType, make_video: Make, media: ModuleType) -> None:
    path = make_video(name, **({"num_frames": 30} | FILES[name]))
    ours, theirs = read_clip(path), read_clip(path, decoder="decord")
    assert [media.frame_number(rgb) for rgb in theirs.frames] == [media.frame_number(rgb) for rgb in ours.frames]
    assert np.array_equal(theirs.times_s, ours.times_s)
    assert theirs.duration_s == pytest.approx(ours.duration_s)
    assert np.abs(theirs.frames.astype(int) - ours.frames).mean() < 4  # colour is scaled up differently


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("clip.ts", {"codec": "mpeg2video"}, "the container mpegts"),
        ("clip.gif", {"codec": "gif", "pix_fmt": "rgb8"}, "the container gif"),
        ("av1.mp4", {"codec": "libsvtav1", "options": {"preset": "8"}}, "the codec av1"),
        ("mirror.mp4", {"mirrored": True}, "a mirrored picture"),
    ],
)
def test_decord__refuses_what_it_gets_wrong(
    name: str, options: dict, words: str, decord: ModuleType, make_video: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVT_LOG", "0")
    with pytest.raises(VideoError, match=f"decord cannot read {words} .*; use the default decoder, pyav"):
        open_video(make_video(name, **options), decoder="decord")


def test_decord__damaged_file_is_refused_or_named(decord: ModuleType, make_video: Make) -> None:
    path = make_video("clip.webm", codec="libvpx-vp9", num_frames=60, options={"deadline": "realtime"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert any("ends early" in words for words in read_clip(path, decoder="decord").damage)
    broken = make_video("broken.mp4", num_frames=30, options={"bf": "0"})
    content = bytearray(broken.read_bytes())
    middle = (content.index(b"mdat") + content.index(b"moov")) // 2
    content[middle : middle + 400] = bytes(400)
    broken.write_bytes(bytes(content))
    with pytest.raises(VideoError, match="pyav"):
        read_clip(broken, decoder="decord")


def test_decord__limits_hold(decord: ModuleType, make_video: Make) -> None:
    with pytest.raises(LimitError, match="10 frames"):
        read_clip(make_video(), decoder="decord", limits=Limits(max_frames=10))


def test_decord__missing_package_is_explained(make_video: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dtr-video\[decord\]'"):
        open_video(make_video(), decoder="decord")
