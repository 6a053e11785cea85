from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dtr.errors import ConfigError, DTRError
from dtr.video import Limits, open_video

GOOD = {"a.ts": 48, "ok.mp4": 72, "ok.webm": 48, "tiny.gif": 24, "tenbit.mp4": 24, "odd444.mp4": 24, "one_frame.mp4": 1}
DAMAGED = ("bitflip_mdat.mp4", "trunc.webm", "trunc_moovfirst.mp4")
REFUSED = (
    "audio_only.mp4",
    "bomb_200kframes.mp4",
    "empty.mp4",
    "hdr_only.mp4",
    "random.mp4",
    "ssrf_concat.mp4",
    "ssrf_hls_file.mp4",
    "ssrf_hls_http.mp4",
    "text.mp4",
    "trunc_nomoov.mp4",
)


def test_open_video__unknown_decoder(make_video: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="one of pyav, decord, got 'vlc'"):
        open_video(make_video(), decoder="vlc")


def test_import__loads_no_decoder() -> None:
    code = "import sys, dtr.video, dtr.sampling, dtr.augment; sys.exit('av' in sys.modules or 'decord' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", GOOD)
def test_shared_media__good_but_odd_files_decode_whole(name: str, shared_data: Path) -> None:
    with open_video(shared_data / "media" / name, strict=True) as reader:
        assert sum(frame.rgb().shape == (240, 320, 3) for frame in reader) == GOOD[name]


@pytest.mark.parametrize("name", DAMAGED)
def test_shared_media__damaged_files_give_what_there_is(name: str, shared_data: Path) -> None:
    with open_video(shared_data / "media" / name) as reader:
        assert sum(1 for _ in reader) >= 20
        assert reader.damage


@pytest.mark.parametrize("name", REFUSED)
def test_shared_media__the_rest_is_one_sentence(name: str, shared_data: Path) -> None:
    with pytest.raises(DTRError) as caught, open_video(shared_data / "media" / name):
        pass
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shared_media__long_lifts_the_frame_limit(shared_data: Path) -> None:
    with open_video(shared_data / "media" / "bomb_200kframes.mp4", limits=Limits.long()) as reader:
        assert reader.info.num_frames == 200_000
