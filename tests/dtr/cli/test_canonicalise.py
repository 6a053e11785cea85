from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dtr.canonical.root import canonical_info
from dtr.cli.main import run


@pytest.fixture
def root(tmp_path: Path, media: ModuleType) -> Path:
    folder = tmp_path / "set"
    for name, label, shift in (("videos", "fake", 0), ("real_videos", "real", 100)):
        (folder / name).mkdir(parents=True)

        def picture(number: int, width: int, height: int, shift: int = shift) -> Any:
            return media.numbered_picture(number + shift, width, height)

        media.write_video(folder / name / f"{label}.mp4", num_frames=12, fps=12.0, picture=picture)
    shared = {"split": "train", "video_width": 96, "video_height": 64, "video_frame_rate": 12, "video_duration": 1}
    rows = [
        {"video_id": "f", "video_path": "videos/fake.mp4", "video_type": "fake_video", **shared},
        {"video_id": "r", "video_path": "real_videos/real.mp4", "video_type": "real_video", **shared},
    ]
    (folder / "all_data.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def canonicalise(*args: object) -> int:
    return run(["data", "canonicalise", *map(str, args), "--workers", "0", "--short-side", "64"])


def test_canonicalise__writes_and_counts(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert canonicalise(root, tmp_path / "out", "--crf", 30) == 0
    text = capsys.readouterr().out
    assert "2 files written now" in text
    assert "fake: 1 of 1 videos (0 left out as too slow, 0 failed)" in text
    info = canonical_info(tmp_path / "out")
    assert info is not None
    assert info["recipe"]["crf"] == 30
    assert run(["data", "check", str(tmp_path / "out")]) == 0


def test_canonicalise__answers_1_where_a_file_failed(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "videos/fake.mp4").write_text("not a video")
    assert canonicalise(root, tmp_path / "out", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [failure["video_id"] for failure in report["failures"]] == ["f"]
    assert report["info"]["counts"]["fake"]["failed"] == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--fps", 0], "fps"),
        (["--split", "test"], "found none"),
        (["--slow", "drop"], "leave-out"),
        ([], "other content"),
    ],
)
def test_canonicalise__answers_2_to_wrong_usage(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[object], words: str
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/mine.txt").write_text("mine")
    assert canonicalise(root, tmp_path / ("out" if args else "foreign"), *args) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_canonicalise__help_says_what_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "canonicalise", "--help"]) == 0
    text = capsys.readouterr().out
    assert "What stays" in text
    assert "dtr data canonicalise DeeptraceReward/ canonical/" in text
