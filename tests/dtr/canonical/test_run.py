from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.canonical import encode
from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.root import CHANGES_FILE, canonical_info
from dtr.canonical.run import CanonicalOptions, CanonicalReport, canonicalise
from dtr.data.check import check_dataset
from dtr.data.dataset import read_dataset
from dtr.errors import ConfigError, VideoError
from dtr.video import probe, read_clip

MakeSet = Callable[..., Path]
Made = tuple[Path, CanonicalReport]
RECIPE = CanonicalRecipe(short_side=64, seconds=2.0)
HERE = CanonicalOptions(workers=0)


def run(root: Path, out: Path, recipe: CanonicalRecipe = RECIPE, **options: Any) -> CanonicalReport:
    on_progress = options.pop("on_progress", lambda stage, done, total: None)
    return canonicalise(root, out, recipe, replace(HERE, **options), on_progress=on_progress)


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder, the run's own notes left out."""
    files = [path for path in out.rglob("*") if path.is_file() and ".canonical" not in path.parts]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def changes(out: Path) -> dict[str, dict[str, Any]]:
    lines = (out / CHANGES_FILE).read_text(encoding="utf-8").splitlines()
    return {row["video_id"]: row for row in map(json.loads, lines)}


def test_canonicalise__gives_a_flawless_data_set_whose_files_do_not_name_the_class(
    mixed_set: Path, mixed_out: Made
) -> None:
    out, report = mixed_out
    assert (report.made_now, report.failures, report.slow) == (4, (), ())
    check = check_dataset(out, workers=1)
    assert check.ok, check.problems
    data = read_dataset(out)
    assert {v.video_id: v.label for v in data.videos} == {"f0": "fake", "f1": "fake", "r0": "real", "r1": "real"}
    infos = [probe(video.path) for video in data.videos]
    said = {(i.container, i.codec, i.pix_fmt, i.rotation, i.sample_aspect_ratio, i.fps, i.has_audio) for i in infos}
    assert said == {("mov,mp4,m4a,3gp,3g2,mj2", "h264", "yuv420p", 0, 1.0, 6.0, False)}
    assert {min(i.width, i.height) for i in infos} == {64}
    lengths = {label: sorted(v.duration_s for v in data.videos if v.label == label) for label in ("fake", "real")}
    assert lengths["fake"] == lengths["real"] == [1.5, 2.0]
    assert not [path.name for path in out.rglob("*.mp4") if "fake" in path.name or "real" in path.name]
    assert canonical_info(out) == report.info
    assert canonical_info(mixed_set) is None


def test_canonicalise__same_input_same_bytes_in_a_worker_too(mixed_set: Path, mixed_out: Made, tmp_path: Path) -> None:
    run(mixed_set, tmp_path / "out", workers=1)
    assert contents(tmp_path / "out") == contents(mixed_out[0])


def test_canonicalise__says_what_changed(mixed_out: Made) -> None:
    out, report = mixed_out
    rows = changes(out)
    assert rows["r0"]["source"]["has_audio"]
    assert rows["r0"]["source"]["rotation"] == 90
    assert rows["r1"]["source"]["codec"] == "mpeg4"
    assert rows["r0"]["changes"]["audio_removed"]
    assert "encoder" in rows["r1"]["changes"]["tags_removed"]
    cut = [rows[i]["changes"]["cut_to_match_s"] for i in ("r0", "r1")]
    assert sorted(cut) == [0.0, 0.5]
    assert rows["f0"]["traces"] == {
        **{"before": 2, "after": 2, "dropped": [], "clipped": []},
        **{"between_frames": ["all_data.json:2"], "without_time": []},  # 1.375 to 1.5 s; frames stand at 8/6 and 9/6 s
    }
    counts = report.info["counts"]
    assert counts["real"] == {
        **{"videos": 2, "made": 2, "slow": 0, "failed": 0, "with_repeated_frames": 0, "cut_at_seconds": 0},
        **{"cut_to_match": 1, "enlarged": 1, "below_short_side": 0, "damaged": 0},
    }
    assert report.info["lengths"]["train/real"] == {"videos": 2, "mean_s_before": 2.0, "mean_s": 1.75}


def square_picture(number: int, width: int, height: int) -> np.ndarray:
    """A red square on grey from frame 12 on, moving right."""
    rgb = np.full((height, width, 3), 90, dtype=np.uint8)
    if number >= 12:
        left = 20 + 2 * (number - 12)
        rgb[30:90, left : left + 40] = (230, 20, 20)
    return rgb


@pytest.mark.parametrize("rotation_cw", [0, 90])
def test_canonicalise__boxes_and_times_stay_on_the_picture(make_set: MakeSet, tmp_path: Path, rotation_cw: int) -> None:
    shape = {"width": 242, "height": 181, "rotation_cw": rotation_cw, "pix_fmt": "yuv444p"}
    root = make_set(
        {"f": {"label": "fake", "num_frames": 48, "fps": 24.0, "picture": square_picture, **shape}},
        traces={
            "f": [
                {
                    "faketrace_bbox": {"left": 20, "top": 30, "width": 40, "height": 60},
                    "faketrace_first_frame": 12,
                    "faketrace_duration": 1 / 24,
                }
            ]
        },
    )
    run(root, tmp_path / "out")
    (video,) = read_dataset(tmp_path / "out").videos
    assert video.traces is not None
    (trace,) = video.traces
    clip = read_clip(video.path)
    red = clip.frames[..., 0].astype(int) - clip.frames[..., 1] > 70  # (T, H, W)
    shown = red.any(axis=(1, 2))
    first = int(shown.argmax())
    assert trace.span_s == pytest.approx((0.5, 0.5 + 1 / 24))
    assert clip.times_s[first] == pytest.approx(trace.span_s[0])
    rows, columns = np.flatnonzero(red[first].any(axis=1)), np.flatnonzero(red[first].any(axis=0))
    seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / np.tile(red.shape[:0:-1], 2)
    assert trace.box is not None
    assert np.abs(seen - trace.box).max() <= 1.01 / 64  # a pixel of the shorter side


def test_canonicalise__slow_clips_are_left_out_and_listed_or_repeated(make_set: MakeSet, tmp_path: Path) -> None:
    root = make_set(
        {
            "slow": {"label": "fake", "num_frames": 6, "fps": 4.0},
            "fake": {"label": "fake", "num_frames": 18},
            "real": {"label": "real", "num_frames": 18},
        }
    )
    report = run(root, tmp_path / "left")
    assert report.slow == ("slow",)
    assert report.info["counts"]["fake"]["slow"] == 1
    assert {v.video_id for v in read_dataset(tmp_path / "left").videos} == {"fake", "real"}
    line = changes(tmp_path / "left")["slow"]
    assert (line["status"], line["source"]["repeated_frames"]) == ("slow", 3)
    assert "new" not in line
    report = run(root, tmp_path / "all", replace(RECIPE, slow="repeat"))
    assert report.slow == ()
    assert report.info["counts"]["fake"]["with_repeated_frames"] == 1
    assert changes(tmp_path / "all")["slow"]["new"]["repeated"] == 3
    assert check_dataset(tmp_path / "all", workers=1).ok


def test_canonicalise__a_bad_file_is_named_and_tried_again(mixed_set: Path, mixed_out: Made, tmp_path: Path) -> None:
    root = Path(shutil.copytree(mixed_set, tmp_path / "set"))
    path = root / "videos/fake-f0.mp4"
    whole, out = path.read_bytes(), tmp_path / "out"
    path.write_bytes(whole[:200])
    report = run(root, out)
    assert [f["video_id"] for f in report.failures] == ["f0"]
    assert path.name in report.failures[0]["message"]
    assert changes(out)["f0"]["status"] == "failed"
    assert check_dataset(out, workers=1).ok
    path.write_bytes(whole)
    report = run(root, out)
    assert report.failures == ()
    assert report.made_now < 4
    assert contents(out) == contents(mixed_out[0])


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["looking", "encoding", "writing", "annotations"])
def test_canonicalise__goes_on_after_a_kill_at_any_moment(
    mixed_set: Path, mixed_out: Made, tmp_path: Path, moment: str
) -> None:
    out, seen = tmp_path / "out", []
    child = os.fork()
    if child == 0:  # killed at a known place, with all that it has open
        try:
            if moment == "encoding":
                encode._Writer.finish = die  # type: ignore[method-assign]
            if moment == "annotations":
                from dtr.canonical import writing

                writing._manifest_line = die  # type: ignore[assignment]
            run(mixed_set, out, on_progress=lambda stage, done, total: die() if (stage, done) == (moment, 2) else None)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert canonical_info(out) is None
    assert bool(list(out.glob("*/.*.tmp"))) == (moment == "encoding")
    report = run(mixed_set, out, on_progress=lambda stage, done, total: seen.append(stage))
    assert (seen.count("looking"), seen.count("writing")) == {
        "looking": (2, 4),
        "encoding": (0, 4),
        "writing": (0, 2),
        "annotations": (0, 0),
    }[moment]
    assert report.made_now == seen.count("writing")
    assert contents(out) == contents(mixed_out[0])


def test_canonicalise__makes_damaged_files_anew(mixed_set: Path, mixed_out: Made, tmp_path: Path) -> None:
    out = Path(shutil.copytree(mixed_out[0], tmp_path / "out"))
    next((out / "videos").iterdir()).write_bytes(b"gone")
    assert run(mixed_set, out).made_now == 1
    assert contents(out) == contents(mixed_out[0])


def test_canonicalise__split_and_limit_choose_videos(make_set: MakeSet, tmp_path: Path) -> None:
    splits = ("train", "val")
    clips = {f"{label[0]}{i}": {"label": label, "split": splits[i % 2]} for label in ("fake", "real") for i in range(3)}
    root = make_set(clips)
    run(root, tmp_path / "val", split="val", limit=1)
    assert [v.video_id for v in read_dataset(tmp_path / "val").videos] == ["f1"]
    assert len(changes(tmp_path / "val")) == 1
    with pytest.raises(ConfigError, match="expected videos in split test, found none"):
        run(root, tmp_path / "test", split="test")
    with pytest.raises(ConfigError, match="same selection"):
        run(root, tmp_path / "val", split="val")


def test_canonicalise__a_full_disk_is_one_error(
    mixed_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise VideoError("cannot write 'x': No space left on device; check the folder and its free space")

    monkeypatch.setattr("dtr.canonical.clips.write_h264", full)
    report = run(mixed_set, tmp_path / "out")
    assert len(report.failures) == 4
    assert report.made_now == 0
    assert read_dataset(tmp_path / "out").videos == ()
