from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dtr.data.unpack import UnpackLimits, member_path, unpack
from dtr.errors import ArchiveError, ConfigError

A, B, C = (np.random.default_rng(i).bytes(3000 + i) for i in range(3))


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], pieces: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, data in members:
            out.writestr(name, data)
    if pieces:
        data = path.read_bytes()
        size = -(-len(data) // pieces)
        for number in range(pieces):
            path.with_name(f"{path.name}.{number + 1:03d}").write_bytes(data[number * size : (number + 1) * size])
        path.unlink()
    return path


@pytest.fixture
def download(tmp_path: Path) -> Path:
    folder = tmp_path / "download"
    folder.mkdir()
    archive(folder / "videos.zip", ("videos/", b""), ("videos/a.mp4", A), ("videos/b.mp4", B), pieces=4)
    archive(folder / "real_video.zip", ("c.mp4", C), ("__MACOSX/._c.mp4", b"x"), ("read.me", b"y"))
    (folder / "all_data.json").write_text("[]")
    return folder


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_unpack__pieces_and_bare_members_become_the_released_folders(download: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = unpack(download, tmp_path / "out", on_progress=lambda *n: seen.append(n))
    assert files(tmp_path / "out") == {
        "all_data.json": b"[]",
        "real_videos/c.mp4": C,
        "videos/a.mp4": A,
        "videos/b.mp4": B,
    }
    assert (report.made, report.ready, report.failures, report.has_rows) == (3, 0, {}, True)
    assert report.skipped == ["__MACOSX/._c.mp4", "read.me"]
    assert seen[-1] == (report.num_bytes, report.num_bytes) == (9003, 9003)
    again = unpack(download, tmp_path / "out")
    assert (again.made, again.ready) == (0, 3)


def test_unpack__into_the_download_itself(download: Path) -> None:
    (download / "all_data.json").unlink()
    report = unpack(download)
    assert (report.out, report.made, report.has_rows) == (download, 3, False)
    assert (download / "videos" / "a.mp4").read_bytes() == A


def test_unpack__never_overwrites_and_goes_on(download: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "videos").mkdir(parents=True)
    (out / "videos" / "a.mp4").write_bytes(A[:-1] + b"\0")  # the right size, other content
    (out / "videos" / ".b.mp4.part").write_bytes(b"left by a kill")
    report = unpack(download, out)
    assert list(report.failures) == ["videos/a.mp4"]
    assert (out / "videos" / "a.mp4").read_bytes() != A
    assert (out / "videos" / "b.mp4").read_bytes() == B
    assert not (out / "videos" / ".b.mp4.part").exists()
    (out / "videos" / "a.mp4").unlink()
    assert unpack(download, out).made == 1


def test_unpack__a_damaged_member_is_named_and_the_others_follow(download: Path, tmp_path: Path) -> None:
    first = download / "videos.zip.001"
    data = bytearray(first.read_bytes())
    data[200] ^= 1
    first.write_bytes(bytes(data))
    report = unpack(download, tmp_path / "out")
    assert list(report.failures) == ["videos/a.mp4"]
    assert "damaged in the archive" in report.failures["videos/a.mp4"]
    assert sorted(files(tmp_path / "out")) == ["all_data.json", "real_videos/c.mp4", "videos/b.mp4"]


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("videos.zip.002", r"videos\.zip\.002 is missing"),
        ("videos.zip.001", r"videos\.zip\.001 is missing"),
        ("videos.zip.004", r"is videos\.zip\.004, or a later piece, missing\?"),
    ],
)
def test_unpack__a_missing_piece_is_named(download: Path, gone: str, words: str) -> None:
    (download / gone).unlink()
    with pytest.raises(ArchiveError, match=words):
        unpack(download)
    assert not (download / "real_videos").exists()


def test_unpack__a_lost_beginning_is_noticed_where_pieces_count_from_zero(download: Path) -> None:
    for number in range(1, 5):
        (download / f"videos.zip.00{number}").rename(download / f"videos.zip.00{number - 1}")
    assert unpack(download).made == 3
    (download / "videos.zip.000").unlink()
    with pytest.raises(ArchiveError, match="expected the beginning of a zip archive"):
        unpack(download)


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.mp4", "expected names below videos/"),
        ("videos/../../evil.mp4", "expected names below videos/"),
        ("/etc/evil.mp4", "expected names below videos/"),
        ("C:evil.mp4", "expected names below videos/"),
        ("videos\\..\\evil.mp4", "expected names below videos/"),
        ("a\nb.mp4", "expected names below videos/"),
        (link("videos/link.mp4"), "it is a link or device"),
    ],
)
def test_unpack__unsafe_members_stop_everything(tmp_path: Path, name: str | zipfile.ZipInfo, words: str) -> None:
    download = tmp_path / "download"
    download.mkdir()
    archive(download / "videos.zip", ("videos/good.mp4", A), (name, B))
    with pytest.raises(ArchiveError, match=words):
        unpack(download, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob("evil*"))


def test_unpack__bombs_and_doubles_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "videos.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bomb.mp4", b"\0" * 3_000_000)
    with pytest.raises(ArchiveError, match="would grow to 3,000,000"):
        unpack(tmp_path)
    archive(tmp_path / "videos.zip", ("videos/a.mp4", A), ("b.mp4", B))
    with pytest.raises(ArchiveError, match=r"declare 2 of .* --max-gb"):
        unpack(tmp_path, limits=UnpackLimits(total_bytes=5000))
    with pytest.raises(ArchiveError, match="declares"):
        unpack(tmp_path, limits=UnpackLimits(file_bytes=3000))
    archive(tmp_path / "videos.zip", ("videos/a.mp4", A), ("a.mp4", B))
    with pytest.raises(ArchiveError, match=r"expected one file for videos/a\.mp4, got two"):
        unpack(tmp_path)


def test_unpack__what_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"expected videos\.zip, real_video\.zip"):
        unpack(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        unpack(tmp_path / "gone")
    (tmp_path / "videos.zip").write_bytes(b"hello")
    with pytest.raises(ArchiveError, match="expected the end of a zip archive"):
        unpack(tmp_path)


def test_unpack__damage_anywhere_gives_one_of_our_errors_or_a_failure(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = archive(tmp_path / "videos.zip", ("videos/a.mp4", A[:99]), ("videos/b.mp4", B[:99])).read_bytes()
    for number in range(150):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=rng.integers(1, 4)):
            data[place] = rng.integers(256)
        end = int(rng.integers(1, len(data) + 1)) if number % 3 else len(data)
        (tmp_path / "videos.zip").write_bytes(bytes(data[:end]))
        with contextlib.suppress(ArchiveError, ConfigError):
            unpack(tmp_path, tmp_path / f"out{number}")


def test_member_path__keeps_folders_below_the_top_one() -> None:
    assert member_path("./videos/x/y.MP4", "videos") == "videos/x/y.MP4"
    assert member_path("real_videos/y.mp4", "real_videos") == "real_videos/y.mp4"
    assert member_path("videos/.DS_Store", "videos") is None
    with pytest.raises(ArchiveError, match="expected names below videos/"):
        member_path("", "videos")


def test_unpack__a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(4_000_000)
    archive(tmp_path / "videos.zip", *[(f"videos/{i}.mp4", data) for i in range(12)])
    code = f"from pathlib import Path; from dtr.data.unpack import unpack; unpack(Path({str(tmp_path)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code])
    while process.poll() is None and not list(tmp_path.glob("videos/*.mp4")):
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = list(tmp_path.glob("videos/[0-9]*.mp4"))
    assert left
    assert all(p.read_bytes() == data for p in left)
    report = unpack(tmp_path)
    assert report.made + report.ready == 12
    assert report.ready >= len(left)
    assert not list(tmp_path.rglob("*.part"))


def test_unpack__rows_of_another_download_are_a_failure(download: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "all_data.json").write_text('["other rows"]')
    report = unpack(download, out)
    assert list(report.failures) == ["all_data.json"]
    assert "never overwritten" in report.failures["all_data.json"]
    assert (out / "all_data.json").read_text() == '["other rows"]'
