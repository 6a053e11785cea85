from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dtr.errors import VideoError
from dtr.leaks.container import container_facts
from dtr.video.types import Limits

LIMITS = Limits()


def test_container_facts__are_equal_for_files_made_alike(make_video: Callable[..., Path]) -> None:
    one, two = make_video("one.mp4"), make_video("two.mp4", num_frames=20)
    a, b = container_facts(one, LIMITS), container_facts(two, LIMITS)
    assert {key for key in a if a[key] != b.get(key)} <= {"key_frame_gap"}
    assert a["codec"] == "h264"
    assert str(a["writer"]).startswith("x264 - core ")
    assert str(a["tag:encoder"]).startswith("Lavf")


def test_container_facts__tell_order_and_key_frames(make_video: Callable[..., Path]) -> None:
    options = {"g": "5", "keyint_min": "5", "sc_threshold": "0"}
    straight = make_video("straight.mp4", num_frames=21, options={**options, "bf": "0"})
    mixed = make_video("mixed.mp4", num_frames=21, options={**options, "bf": "2", "b_strategy": "0"})
    facts = [container_facts(path, LIMITS) for path in (straight, mixed)]
    assert [f["reordered"] for f in facts] == [0.0, 1.0]
    assert facts[0]["key_frame_gap"] == 5.0


def test_container_facts__name_the_sound_track_and_another_codec(make_video: Callable[..., Path]) -> None:
    facts = container_facts(make_video("a.mp4", codec="mpeg4", with_audio=True), LIMITS)
    assert (facts["codec"], facts["sound_streams"], facts["sound_codec"]) == ("mpeg4", 1, "aac")
    assert "sound:handler_name" in facts
    assert "sound_codec" not in container_facts(make_video("b.mp4"), LIMITS)


def test_container_facts__a_file_that_is_cut_off_still_tells(make_video: Callable[..., Path]) -> None:
    path = make_video("cut.mkv", num_frames=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert container_facts(path, LIMITS)["codec"] == "h264"


def test_container_facts__no_video_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"\0\1\2" * 100)
    with pytest.raises(VideoError):
        container_facts(tmp_path / "x.mp4", LIMITS)
