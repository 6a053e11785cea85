from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dtr.data.check import check_dataset
from dtr.data.problems import KINDS
from dtr.errors import AnnotationError

MakeRow = Callable[..., dict[str, Any]]
WriteRows = Callable[[list[Any]], Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def edit_rows(root: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    file = root / "all_data.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    change(rows)
    file.write_text(json.dumps(rows), encoding="utf-8")


def test_check_dataset__a_flawless_release_has_no_problem(release_root: Path) -> None:
    report = check_dataset(release_root)
    assert report.problems == ()
    assert report.ok
    assert report.counts["files"] == 4
    assert report.notes == ()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"video_width": 128}, "size_mismatch"),
        ({"video_frame_rate": 12}, "fps_mismatch"),
        ({"video_duration": 2.5}, "duration_mismatch"),
    ],
)
def test_check_dataset__compares_rows_with_files(release_root: Path, changes: dict[str, Any], kind: str) -> None:
    edit_rows(release_root, lambda rows: rows[3].update(changes))
    problems = check_dataset(release_root).problems
    assert [(p.kind, p.video_id, p.where) for p in problems] == [(kind, "0_30_s_a", "all_data.json:4")]


def test_check_dataset__finds_missing_stray_and_broken_files(release_root: Path) -> None:
    (release_root / "videos/cm2a.mp4").unlink()
    (release_root / "videos/cm2b.mp4").write_text("no video", encoding="utf-8")
    (release_root / "real_videos/stray.mp4").write_bytes(b"x")
    report = check_dataset(release_root)
    assert [(p.kind, p.video_id) for p in report.problems] == [
        ("missing_file", "cm2a"),
        ("unlisted_file", ""),
        ("undecodable", "cm2b"),
    ]
    assert report.problems[1].where == "real_videos/stray.mp4"


def test_check_dataset__finds_the_same_bytes_across_splits_and_labels(release_root: Path) -> None:
    shutil.copy(release_root / "videos/cm2a.mp4", release_root / "real_videos/0_30_s_b.mp4")
    report = check_dataset(release_root)
    assert report.kinds == {"duplicate_content": 1, "split_leak": 1, "label_leak": 1}
    assert "has the same bytes as video cm2a (all_data.json:1)" in report.problems[0].message
    assert "train and val" in report.problems[1].message


def test_check_dataset__finds_one_file_under_two_ids(release_root: Path) -> None:
    edit_rows(release_root, lambda rows: rows[4].update(video_path="videos/../real_videos/0_30_s_a.mp4"))
    assert check_dataset(release_root, fast=True).kinds == {"duplicate_path": 1, "split_leak": 1, "unlisted_file": 1}


def test_check_dataset__finds_paths_that_leave_the_folder(release_root: Path, media: ModuleType) -> None:
    outside = media.write_video(release_root.parent / f"{release_root.name}-outside.mp4")
    edit_rows(release_root, lambda rows: rows[4].update(video_path=f"../{outside.name}"))
    assert "path_outside" in check_dataset(release_root, fast=True).kinds


def test_check_dataset__compares_manifest_hashes(release_root: Path) -> None:
    line = {"file": "cm2a.mp4", "video_id": "cm2a", "label": "fake", "sha256": "0" * 64}
    (release_root / "videos/manifest.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert check_dataset(release_root).kinds == {"hash_mismatch": 1}


def test_check_dataset__fast_opens_no_media_and_says_so(release_root: Path) -> None:
    (release_root / "videos/cm2b.mp4").write_text("no video", encoding="utf-8")
    report = check_dataset(release_root, fast=True)
    assert report.ok
    assert "neither hashed nor opened" in report.notes[0]


def test_check_dataset__a_folder_without_annotations_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="found none of them"):
        check_dataset(tmp_path)


def test_check_dataset__lists_every_defect_of_one_file(
    fake_row: MakeRow, real_row: MakeRow, release_root: Path, write_rows: WriteRows, locked: Locked
) -> None:
    (release_root / "videos/text.mp4").write_text("no video", encoding="utf-8")
    shutil.copy(release_root / "real_videos/0_30_s_a.mp4", release_root / "real_videos/copy.mp4")
    nan = float("nan")
    box = {"left": 1, "top": 1, "width": 4, "height": 4}
    write_rows(
        [
            fake_row("cm2a"),
            fake_row("cm2a", split="val"),
            fake_row("cm2a", video_source="Sora"),
            fake_row("cm2a", faketrace_bbox={**box, "left": nan}),
            fake_row("cm2a", faketrace_bbox={**box, "width": -4}),
            fake_row("cm2a", faketrace_bbox={**box, "left": 62}),
            fake_row("cm2a", faketrace_duration=-1),
            fake_row("cm2a", faketrace_first_frame=12, faketrace_duration=9),
            fake_row("cm2a", faketrace_check_applies=["bad vibes"]),
            fake_row("cm2a", faketrace_check_applies="merging"),
            fake_row("cm2a", faketrace_duration=None),
            fake_row("cm2a", **dict.fromkeys(key for key in fake_row() if key.startswith("faketrace_"))),
            fake_row("id-two", video_path="videos/cm2a.mp4", split="val"),
            fake_row("cm2b", split="dev", video_frame_rate=24),
            fake_row("gone", video_type="cartoon", video_width=0),
            fake_row("text", video_duration="long"),
            fake_row("out", video_path="/nowhere/x.mp4"),
            "not a row",
            real_row("0_30_s_a", faketrace_first_frame=3, video_width=640, video_duration=9),
            real_row("copy", split="test"),
            real_row("leak", video_path="videos/cm2b.mp4"),
        ]
    )
    line = {"file": "cm2b.mp4", "video_id": "cm2b", "label": "real", "sha256": "0" * 64}
    (release_root / "videos/manifest.jsonl").write_text(json.dumps(line), encoding="utf-8")
    (release_root / "looked_at.json").write_text('[{"video_id": "nobody", "traces": 0}]', encoding="utf-8")

    (release_root / "videos/locked").mkdir()

    with locked(release_root / "videos/locked"):
        report = check_dataset(release_root)

    assert set(report.kinds) == set(KINDS)
    assert json.loads(json.dumps(report.to_json()))["problem_counts"] == report.kinds
    assert all(p.message and p.where for p in report.problems)
    assert not report.ok


def test_check_dataset__finds_nothing_new_in_the_shared_clips(shared_data: Path) -> None:
    report = check_dataset(shared_data, fast=True)
    assert set(report.kinds) <= {"looked_at"}
    assert report.counts["files"] == 712
    assert any("22 media files in the folder media/" in note for note in report.notes)
