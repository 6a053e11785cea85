from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.data import standin
from dtr.data.check import check_dataset
from dtr.data.dataset import read_dataset
from dtr.data.standin import GENERATORS, REAL_SOURCE, TAGS, shares, split_names, write_standin
from dtr.data.standin_clips import Trace, render, write_clip
from dtr.data.unpack import unpack
from dtr.errors import ConfigError
from dtr.video import probe, read_clip

FIELDS = {
    *("video_id", "video_path", "video_type", "video_source", "split", "video_prompt", "video_mime_type"),
    *("video_width", "video_height", "video_frame_rate", "video_frame_count", "video_duration"),
}
TRACE_FIELDS = {
    *("faketrace_bbox", "faketrace_first_frame", "faketrace_duration"),
    *("faketrace_check_applies", "faketrace_explanations"),
}


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("standin") / "download"
    assert write_standin(out, videos=40, seed=3) == {"rows": 46, "videos": 40, "files": 42}
    return out


@pytest.fixture(scope="module")
def root(download: Path) -> Path:
    out = download.parent / "release"
    assert unpack(download, out).made == 42
    return out


@pytest.fixture(scope="module")
def rows(download: Path) -> list[dict[str, Any]]:
    return json.loads((download / "all_data.json").read_text())


def test_download__has_pieces(download: Path) -> None:
    names = sorted(p.name for p in download.iterdir())
    assert names == ["all_data.json", "real_video.zip", "videos.zip.001", "videos.zip.002", "videos.zip.003"]


def test_rows__have_the_released_fields_and_quirks(rows: list[dict[str, Any]]) -> None:
    fake = [row for row in rows if row["video_type"] == "fake_video"]
    assert [row["video_type"] for row in rows] == ["fake_video"] * len(fake) + ["real_video"] * 20
    assert all(FIELDS - {"video_duration"} <= set(row) <= FIELDS | TRACE_FIELDS for row in rows)
    assert all(set(row) >= TRACE_FIELDS for row in fake)
    assert not any(set(row) & TRACE_FIELDS for row in rows[len(fake) :])
    assert {row["video_source"] for row in fake} == set(GENERATORS)
    assert {row["video_source"] for row in rows[len(fake) :]} == {REAL_SOURCE}
    assert max(Counter(row["video_id"] for row in fake).values()) == 3
    for name in ("video_width", "video_frame_rate", "faketrace_first_frame"):
        assert {type(row[name]) for row in fake} >= {str}, name
    assert {row["faketrace_explanations"] for row in fake} >= {"", None}
    assert [] in [row["faketrace_check_applies"] for row in fake]
    assert None in [row["video_frame_count"] for row in rows]
    assert any("video_duration" not in row for row in rows)


@pytest.mark.parametrize("videos", [20, 24, 60])
def test_rows__every_split_has_tags_and_explanations(
    videos: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(standin, "_encode", lambda clip: b"")
    write_standin(tmp_path / "x", videos=videos, seed=videos)
    found = [row for row in json.loads((tmp_path / "x" / "all_data.json").read_text()) if "faketrace_bbox" in row]
    for split in ("train", "val", "test"):
        rows = [row for row in found if row["split"] == split]
        assert any(row["faketrace_check_applies"] for row in rows)
        assert any(row["faketrace_explanations"] for row in rows)


def test_media__are_as_the_rows_say_but_for_two_without_a_row(root: Path) -> None:
    report = check_dataset(root)
    assert report.kinds == {"unlisted_file": 2}
    counts = Counter((v.label, v.split) for v in read_dataset(root).videos)
    assert {key: counts[key] for key in sorted(counts)} == {  # type: ignore[type-var]
        (label, split): n for label in ("fake", "real") for split, n in (("test", 2), ("train", 16), ("val", 2))
    }


def test_media__sound_names_the_label_as_in_the_release(root: Path) -> None:
    for video in read_dataset(root).videos[::5]:
        assert probe(video.path).has_audio is (video.label == "real")


def test_layout_zip__has_bare_members_and_unpacks_the_same(tmp_path: Path) -> None:
    write_standin(tmp_path / "zip", videos=20, layout="zip")
    assert sorted(p.name for p in (tmp_path / "zip").glob("*.zip*")) == ["real_video.zip", "videos.zip"]
    assert not any("/" in name for name in zipfile.ZipFile(tmp_path / "zip" / "videos.zip").namelist())
    assert unpack(tmp_path / "zip", tmp_path / "out").made == 22
    assert check_dataset(tmp_path / "out", fast=True).kinds == {"unlisted_file": 2}


def test_write_clip__the_same_arguments_give_the_same_bytes() -> None:
    trace = Trace("Sudden Blurring", (8, 8, 24, 16), 2, 5)
    one, two, other = (write_clip(64, 48, 8, 8, (trace,), seed=s, with_audio=True) for s in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize("category", TAGS)
def test_render__changes_the_picture_where_and_when_the_trace_is(category: str) -> None:
    trace = Trace(category, (30, 20, 60, 40), 6, 10)
    with_it, without = (np.stack(list(render(160, 96, 24, 20, t, seed=1))).astype(int) for t in ((trace,), ()))
    changed = np.abs(with_it - without).max(axis=-1)
    assert not changed[:6].any()
    assert not changed[16:].any()
    outside = changed.copy()
    outside[:, 20:60, 30:90] = 0
    assert not outside.any()
    assert changed[8:16, 20:60, 30:90].mean() > 2


def test_clips__last_as_long_as_the_rows_say(root: Path) -> None:
    video = next(v for v in read_dataset(root).videos if v.source == "Gen-3")
    frames = read_clip(video.path).frames
    assert frames.shape == (round((video.duration_s or 0) * 24), video.height, video.width, 3)


@pytest.mark.parametrize("total", [7, 8, 30, 3318])
def test_shares__sum_and_leave_nobody_out(total: int) -> None:
    counts = [facts.videos for facts in GENERATORS.values()]
    found = shares(counts, total)
    assert sum(found) == total
    assert min(found) >= 1


def test_split_names__are_8_1_1() -> None:
    assert Counter(split_names(30, np.random.default_rng(0))) == {"train": 24, "val": 3, "test": 3}


def test_standin__refuses_too_few_and_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected at least 20"):
        write_standin(tmp_path / "x", videos=19)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    with pytest.raises(ConfigError, match="got one with content"):
        write_standin(tmp_path / "full")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]
