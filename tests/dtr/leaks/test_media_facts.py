from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.errors import VideoError
from dtr.leaks.media_facts import ClipFacts, FailedFile, gather_facts, read_clip_facts


def test_read_clip_facts__tells_size_rate_sound_and_rotation(make_video: Callable[..., Path]) -> None:
    path = make_video(width=64, height=96, fps=10.0, num_frames=20, with_audio=True, rotation_cw=90)
    facts = read_clip_facts(path)
    assert (facts.width, facts.height, facts.fps, facts.codec, facts.has_audio) == (64, 96, 10.0, "h264", True)
    assert facts.num_bytes == path.stat().st_size
    assert facts.container["rotation"] == 90.0
    assert len(facts.hashes) == 4  # two seconds, a frame each half
    assert facts.bars == (0.0, 0.0, 0.0, 0.0)


def test_read_clip_facts__counts_frames_shown_again(make_video: Callable[..., Path], media: ModuleType) -> None:
    def held(number: int, width: int, height: int) -> np.ndarray:
        return media.numbered_picture(number // 3 * 7, width, height)

    still = read_clip_facts(make_video("held.mp4", num_frames=25, picture=held, options={"crf": "0"}))
    moving = read_clip_facts(make_video("moving.mp4", num_frames=25))
    assert still.nearly_identical == pytest.approx(2 / 3, abs=0.01)
    assert still.identical == still.nearly_identical
    assert moving.nearly_identical == 0.0


def test_read_clip_facts__measures_bars_and_hashes_inside_them(
    make_video: Callable[..., Path], media: ModuleType
) -> None:
    def boxed(number: int, width: int, height: int) -> np.ndarray:
        picture = np.zeros((height, width, 3), dtype=np.uint8)
        picture[16:-16] = media.numbered_picture(number, width, height - 32)
        return picture

    shape = {"width": 128, "num_frames": 12, "options": {"crf": "12"}}
    inner = read_clip_facts(make_video("inner.mp4", height=64, **shape))
    outer = read_clip_facts(make_video("outer.mp4", height=96, picture=boxed, **shape))
    assert outer.bars is not None
    assert outer.bars[1] == pytest.approx(1 / 6, abs=0.02)
    assert outer.bars[3] == pytest.approx(1 / 6, abs=0.02)
    apart = [(a ^ b).bit_count() for a, b in zip(inner.hashes, outer.hashes, strict=True)]
    assert max(apart) <= 6


def test_read_clip_facts__one_frame_has_no_repeats_and_no_motion(make_video: Callable[..., Path]) -> None:
    facts = read_clip_facts(make_video(num_frames=1))
    assert (facts.identical, facts.statistics["motion"]) == (None, None)


def test_read_clip_facts__looks_at_the_first_seconds_only(make_video: Callable[..., Path]) -> None:
    facts = read_clip_facts(make_video(num_frames=14, fps=2.0))  # seven seconds
    assert len(facts.hashes) == 8


def test_clip_facts__go_through_json_unchanged(make_video: Callable[..., Path]) -> None:
    facts = read_clip_facts(make_video())
    assert ClipFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_gather_facts__keeps_order_and_tells_what_failed(make_video: Callable[..., Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 500)
    paths = [make_video("a.mp4"), bad, make_video("b.mp4", width=64)]
    ticks: list[tuple[int, int]] = []
    found = list(gather_facts(paths, workers=2, on_progress=lambda done, total: ticks.append((done, total))))
    assert [path for path, _ in found] == paths
    assert [type(facts).__name__ for _, facts in found] == ["ClipFacts", "FailedFile", "ClipFacts"]
    failed = found[1][1]
    assert isinstance(failed, FailedFile)
    assert failed.kind == "video"
    assert "bad.mp4" in failed.message
    assert ticks == [(1, 3), (2, 3), (3, 3)]


def test_read_clip_facts__a_missing_file_is_a_video_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        read_clip_facts(tmp_path / "none.mp4")
