from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dtr.cli.main import run

    out = tmp_path_factory.mktemp("cli") / "download"
    assert run(["data", "standin", str(out), "--videos", "20"]) == 0
    return out


def test_standin_unpack_convert__say_what_they_did(dtr: Run, download: Path, tmp_path: Path) -> None:
    code, out, _ = dtr("data", "unpack", download, tmp_path / "release")
    assert (code, out.startswith("22 files unpacked, 0 were there, 0.00 GB: ")) == (0, True)
    code, out, _ = dtr("data", "unpack", download, tmp_path / "release", "--json")
    assert json.loads(out)["ready"] == 22
    code, out, _ = dtr("data", "convert", tmp_path / "release", tmp_path / "plain", "--to", "folder")
    assert code == 0
    assert "20 videos, 13 traces, links of 20 media files: " in out
    assert "lost: splits of 20 videos are left out" in out
    code, out, _ = dtr("data", "stats", tmp_path / "plain", "--json")
    assert {row["source"] for row in json.loads(out)["sources"]} >= {"Pika 1.5", "Sora"}
    code, out, _ = dtr("data", "convert", tmp_path / "release", tmp_path / "l", "--to", "jsonl", "--copy", "--json")
    assert (code, json.loads(out)["losses"], json.loads(out)["media"]) == (0, [], 20)
    assert not any(path.is_symlink() for path in (tmp_path / "l").rglob("*"))


def test_unpack__a_damaged_file_is_1_and_a_missing_piece_too(dtr: Run, download: Path, tmp_path: Path) -> None:
    for path in download.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = bytearray((tmp_path / "real_video.zip").read_bytes())
    data[300] ^= 255
    (tmp_path / "real_video.zip").write_bytes(bytes(data))
    code, out, _ = dtr("data", "unpack", tmp_path, tmp_path / "out")
    assert code == 1
    assert "failed: real_videos/0_30_s_academic_v0_1_00000.mp4: damaged in the archive" in out
    (tmp_path / "videos.zip.002").unlink()
    code, out, err = dtr("data", "unpack", tmp_path, tmp_path / "other")
    assert (code, out) == (1, "")
    assert err.startswith("dtr: error: archive: ")
    assert "videos.zip.002 is missing; download it again" in err


def test_convert__wrong_usage_is_2(dtr: Run, download: Path, tmp_path: Path) -> None:
    assert dtr("data", "convert", download, tmp_path / "x")[0] == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    code, _, err = dtr("data", "convert", download, tmp_path / "full", "--to", "jsonl")
    assert (code, "got one with content" in err) == (2, True)
    assert dtr("data", "standin", tmp_path / "y", "--videos", "3")[0] == 2
    for size in ("nan", "inf", "0"):
        code, _, err = dtr("data", "unpack", download, tmp_path / "y", "--max-gb", size)
        assert (code, "--max-gb" in err) == (2, True)
    assert not (tmp_path / "y").exists()


def test_data__lists_every_command(dtr: Run) -> None:
    _, out, _ = dtr("data", "--help")
    for name in ("check", "stats", "convert", "unpack", "standin"):
        assert f"\n  {name} " in out
        assert f"dtr data {name} " in dtr("data", name, "--help")[1]
