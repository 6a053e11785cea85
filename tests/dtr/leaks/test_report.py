from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.errors import AnnotationError, CacheError, ConfigError
from dtr.leaks.probes import LabelProbe
from dtr.leaks.report import LeakOptions, LeakReport, leak_report
from dtr.leaks.tables import GROUPS
from dtr.video.scale import resize_rgb

FAST = LeakOptions(media=False)


def label_of(report: LeakReport, name: str) -> LabelProbe:
    found = next(group.label for group in report.groups if group.name == name)
    assert found is not None
    return found


def test_leak_report__a_planted_frame_rate_is_found_and_nothing_else(write_manifest: Callable[..., Path]) -> None:
    report = leak_report(write_manifest(fake={"fps": lambda i: 8.0 + i % 2}, real={"fps": 25.0}), FAST)
    assert label_of(report, "frame rate").verdict == "strong"
    assert label_of(report, "metadata").auroc > 0.95
    assert label_of(report, "metadata").strongest[0][0] == "fps"
    for clean in ("frame size", "duration", "file name"):
        assert label_of(report, clean).verdict in {"none", "unclear"}, clean
        assert 0.25 < label_of(report, clean).auroc < 0.75, clean
    areas = [group.label.auroc for group in report.groups if group.label is not None]
    assert areas == sorted(areas, reverse=True)


def test_leak_report__a_set_without_a_leak_shows_none(write_manifest: Callable[..., Path]) -> None:
    report = leak_report(write_manifest(), FAST)
    assert {group.label.verdict for group in report.groups if group.label} <= {"none", "unclear"}
    assert label_of(report, "frame size").auroc == 0.5
    assert report.one_label_folders == ()


def test_leak_report__a_planted_file_name_is_found(
    write_manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtr.leaks.report.GROUPS", [g for g in GROUPS if g.name in {"file name", "duration"}])
    root = write_manifest(
        fake={"file": lambda i: f"fake/{i:03d}-abc.mp4"}, real={"file": lambda i: f"real/{i:03d}_xyz.mp4"}
    )
    report = leak_report(root, FAST)
    assert label_of(report, "file name").verdict == "strong"
    assert label_of(report, "duration").verdict in {"none", "unclear"}
    assert report.one_label_folders == ("fake", "real")


def test_leak_report__says_what_needs_media_that_is_not_there(
    write_manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"container", "sound", "frame rate"}
    monkeypatch.setattr("dtr.leaks.report.GROUPS", [group for group in GROUPS if group.name in wanted])
    report = leak_report(write_manifest(n=12))
    by_name = {group.name: group for group in report.groups}
    assert by_name["container"].label is None
    assert by_name["container"].skipped == "needs media, and no file was read"
    assert "got 0 fake and 0 real" in by_name["sound"].skipped
    assert by_name["frame rate"].label is not None
    assert report.duplicates is None
    assert report.source_floor_skipped == "needs media or a feature cache, and there is neither"
    assert report.counts["media_missing"] == 24
    assert "24 media files are missing; groups that need them are about the others" in report.notes
    assert report.failures == ()


def test_leak_report__one_source_of_a_label_is_said(
    write_manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtr.leaks.report.GROUPS", [group for group in GROUPS if group.name == "frame rate"])
    report = leak_report(write_manifest(n=15, real={"source": "the only one"}), FAST)
    assert "real videos come from too few sources: their folds share them" in report.notes


def test_leak_report__one_label_or_an_empty_split_is_one_clear_error(write_manifest: Callable[..., Path]) -> None:
    root = write_manifest(n=12)
    with pytest.raises(AnnotationError, match=r"split test of .* got 0 and 0"):
        leak_report(root, LeakOptions(split="test", media=False))
    lines = (root / "manifest.jsonl").read_text().splitlines(keepends=True)
    (root / "manifest.jsonl").write_text("".join(lines[:12]))
    with pytest.raises(AnnotationError, match="at least 10 fake and 10 real videos to look for leaks, got 12 and 0"):
        leak_report(root, FAST)


def test_leak_report__a_bad_cache_or_facts_file_is_told_before_any_work(
    write_manifest: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_manifest(n=12)
    with pytest.raises(CacheError):
        leak_report(root, LeakOptions(cache=tmp_path / "none"))
    with pytest.raises(ConfigError, match="no file of media facts"):
        leak_report(root, LeakOptions(facts_file=root / "manifest.jsonl"))


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """Fakes with bars above and below, else alike; a copy across splits, a broken and a missing file."""
    root = tmp_path_factory.mktemp("boxed")
    lines = []
    for i in range(28):
        label = ("real", "fake")[i % 2]

        def picture(number: int, width: int, height: int, i: int = i) -> np.ndarray:
            coarse = np.random.default_rng(i).integers(60, 200, (5, 7, 3)).astype(np.uint8)
            rgb = np.roll(resize_rgb(coarse, width, height), number, axis=1)
            if i % 2:
                rgb[:8] = rgb[-8:] = 0
            return rgb

        path = root / "clips" / f"{i * 7919 % 1000:03d}.mp4"
        path.parent.mkdir(exist_ok=True)
        media.write_video(path, num_frames=8, width=64, height=48, fps=12.0, picture=picture)
        source = {"generator" if i % 2 else "source": f"{label} {i % 7}"}
        line = {"file": f"clips/{path.name}", "video_id": path.stem, "label": label, "split": "train", **source}
        lines.append({**line, "width": 64, "height": 48, "fps": 12.0, "duration": 0.667})
    first = root / lines[0]["file"]
    shutil.copy(first, root / "clips" / "copy.mp4")
    lines.append({**lines[0], "file": "clips/copy.mp4", "video_id": "copy", "split": "val"})
    (root / "clips" / "bad.mp4").write_bytes(b"\0" * 300)
    lines.append({**lines[0], "file": "clips/bad.mp4", "video_id": "bad"})
    lines.append({**lines[0], "file": "clips/gone.mp4", "video_id": "gone"})
    (root / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def test_leak_report__a_planted_letterbox_is_found_copies_are_listed_failures_counted(boxed: Path) -> None:
    report = leak_report(boxed, LeakOptions(workers=2))
    assert label_of(report, "aspect and padding").verdict == "strong"
    assert label_of(report, "aspect and padding").strongest[0][0] in {"bar_top", "bar_bottom", "inner_aspect"}
    for clean in ("frame size", "frame rate", "duration", "container", "sound", "repeated frames"):
        assert label_of(report, clean).auroc == pytest.approx(0.5, abs=0.2), clean
    assert report.duplicates is not None
    assert [(p.first, p.second) for p in report.duplicates.pairs if p.across_splits] == [("000", "copy")]
    assert report.duplicates.counts["across_labels"] == 0
    assert [f.path.name for f in report.failures] == ["bad.mp4"]
    assert (report.counts["media_read"], report.counts["media_missing"], report.counts["media_failed"]) == (29, 1, 1)
    # Files that were not read still count where the row says enough.
    assert label_of(report, "frame rate").num_real == 17
    assert label_of(report, "container").left_out == 2
    text = json.dumps(report.to_json(), allow_nan=False)
    assert json.loads(text)["groups"][0]["label"]["verdict"] == "strong"


def test_leak_report__kept_facts_are_used_again(boxed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = LeakOptions(split="train", facts_file=tmp_path / "facts.jsonl")
    monkeypatch.setattr("dtr.leaks.report.GROUPS", ())  # only the reading is of interest here
    ticks: list[int] = []
    first = leak_report(boxed, options, on_media=lambda done, total: ticks.append(total))
    again = leak_report(boxed, options, on_media=lambda done, total: ticks.append(total))
    assert ticks == [29] * 29 + [1]  # only the broken file is tried again
    assert first.counts == again.counts
    assert first.duplicates == again.duplicates
