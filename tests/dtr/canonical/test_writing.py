from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation
from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.run import CanonicalOptions, canonicalise
from dtr.data.check import check_dataset
from dtr.data.dataset import read_dataset
from dtr.data.jsonl import write_lines

RECIPE = CanonicalRecipe(short_side=64, seconds=1.0)
HERE = CanonicalOptions(workers=0)


def test_write_annotations__rows_have_every_released_field_for_the_new_file(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    trace = {
        "faketrace_bbox": {"left": "24", "top": 16, "width": 48, "height": 32},
        "faketrace_first_frame": "5",
        "faketrace_duration": 9,
        "faketrace_check_applies": ["merging (e.g. two objects merge into one.)"],
        "faketrace_explanations": "The cup melts.",
    }
    root = make_set({"r": {"label": "real"}, "f": {"label": "fake", "num_frames": 24}}, traces={"f": [trace]})
    canonicalise(root, tmp_path / "out", RECIPE, HERE)
    fake, real = json.loads((tmp_path / "out/all_data.json").read_text(encoding="utf-8"))
    old = json.loads((root / "all_data.json").read_text(encoding="utf-8"))
    assert set(fake) == set(old[1])
    assert set(real) == set(old[0])
    assert fake["video_path"] == "videos/252f10c83610ebca.mp4"
    assert (fake["video_width"], fake["video_height"], fake["video_frame_rate"]) == (96, 64, 6.0)
    assert (fake["video_frame_count"], fake["video_duration"]) == (6, 1.0)
    assert fake["faketrace_bbox"] == {"left": 24, "top": 16, "width": 48, "height": 32}
    assert fake["faketrace_first_frame"] == 2.5  # 5 / 12 s: the start stays exact, between two frames of the new file
    assert abs(fake["faketrace_first_frame"] / 6 + fake["faketrace_duration"] - 1.0) < 1e-6
    for key in (
        "video_id",
        "video_source",
        "video_prompt",
        "split",
        "faketrace_check_applies",
        "faketrace_explanations",
    ):
        assert fake[key] == old[1][key]


def test_write_annotations__a_video_whose_traces_are_all_cut_stays_looked_at(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    late = {"faketrace_first_frame": 20}
    root = make_set(
        {"f": {"label": "fake", "num_frames": 24}, "g": {"label": "fake"}, "r": {"label": "real"}},
        traces={"f": [late, late]},
    )
    report = canonicalise(root, tmp_path / "out", RECIPE, HERE)
    assert report.info["counts"]["traces"]["dropped"] == 2
    by_id = {v.video_id: v for v in read_dataset(tmp_path / "out").videos}
    assert by_id["f"].traces == ()
    assert not by_id["f"].exhaustive
    listed = json.loads((tmp_path / "out/looked_at.json").read_text(encoding="utf-8"))
    assert {row["video_id"]: row["traces"] for row in listed} == {"f": 0, "g": 1}
    assert check_dataset(tmp_path / "out", workers=1).ok


def test_write_annotations__keeps_facts_that_are_not_about_the_old_file_and_says_what_is_lost(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_set({"f": {"label": "fake"}, "r": {"label": "real"}})
    data = read_dataset(root)
    moving = TraceAnnotation(span_s=(0.0, 0.9), boxes=((0.0, (0.1, 0.1, 0.3, 0.3)), (0.5, (0.2, 0.2, 0.5, 0.6))))
    facts = {
        "source_repo": "someone/model",
        "style": "photoreal",
        "sha256": "0" * 64,
        "codec": "vp9",
        "has_audio": True,
    }
    lines = [(v, str(v.path.relative_to(root)), facts if v.video_id == "f" else {}) for v in data.videos]
    fake = replace(lines[0][0], traces=(moving,))
    (root / "annotations.jsonl").write_text(write_lines([(fake, *lines[0][1:]), lines[1]]), encoding="utf-8")
    (root / "all_data.json").unlink()
    report = canonicalise(root, tmp_path / "out", RECIPE, HERE)
    out = read_dataset(tmp_path / "out")
    assert out.facts["f"]["source_repo"] == "someone/model"
    assert (out.facts["f"]["codec"], out.facts["f"]["has_audio"]) == ("h264", False)
    assert out.facts["f"]["sha256"] != "0" * 64
    assert out.videos[0].traces is not None
    assert out.videos[0].traces[0].box == pytest.approx((0.1, 0.1, 0.5, 0.6))
    assert report.info["losses"] == [
        "boxes over time of 1 traces are kept only as one box, their union where there is no other"
    ]
