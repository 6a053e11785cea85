from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dtr.annotation import VideoAnnotation
from dtr.data import convert as module
from dtr.data.check import check_dataset
from dtr.data.convert import convert, safe_name
from dtr.data.dataset import read_dataset
from dtr.data.jsonl import video_to_json
from dtr.errors import AnnotationError, ConfigError

RICH_TRACE: dict[str, Any] = {
    "span_s": [0.3, 1.1],
    "box": [0.1, 0.2, 0.55, 0.7],
    "categories": ["Object Merging"],
    "raw_tags": ["merging (e.g. two objects merge into one.)"],
    "explanation": "Two are one.",
    "confidence": 3.0,
}


def content(root: Path) -> dict[str, Any]:
    """Everything but where it was read and where the media are."""
    data = read_dataset(root)
    return {v.video_id: video_to_json(v, v.path.name, data.facts.get(v.video_id, {})) for v in data.videos}


def jsonl_root(root: Path, media: Path, *rows: dict[str, Any]) -> Path:
    root.mkdir()
    lines = []
    for number, row in enumerate(rows):
        path = f"m/{number}.mp4"
        (root / "m").mkdir(exist_ok=True)
        shutil.copy(media, root / path)
        lines.append(json.dumps({"video_id": f"v{number}", "path": path, "label": "fake", **row}) + "\n")
    (root / "annotations.jsonl").write_text("".join(lines))
    return root


@pytest.fixture
def clip(make_video: Callable[..., Path]) -> Path:
    return make_video("one.mp4", num_frames=16, fps=8, width=64, height=48)


def test_release_to_jsonl_and_back__loses_nothing(release_root: Path, tmp_path: Path) -> None:
    lines = tmp_path.parent / f"{tmp_path.name}-lines"
    again = tmp_path.parent / f"{tmp_path.name}-again"
    assert convert(release_root, lines, "jsonl").losses == ()
    report = convert(lines, again, "release")
    assert (report.losses, report.videos, report.traces, report.media) == ((), 4, 3, 4)
    assert content(release_root) == content(lines) == content(again)
    assert check_dataset(again).ok
    before, after = (json.loads((root / "all_data.json").read_text()) for root in (release_root, again))
    assert [r["video_path"] for r in after] == [r["video_path"] for r in before]
    assert set(before[0]) == set(after[0])
    assert after[1]["faketrace_first_frame"] == 8  # a whole number again


def test_release__holds_fractions_tags_and_what_was_looked_at(clip: Path, tmp_path: Path) -> None:
    rows = (
        {"fps": 7.97, "width": 101, "height": 67, "duration_s": 2.0, "traces": [RICH_TRACE]},
        {"traces": []},
        {"traces": None},
        {"traces": [{"categories": [], "raw_tags": []}, {"categories": ["Sudden Blurring"]}]},
        {"label": "real"},
    )
    root = jsonl_root(tmp_path / "in", clip, *rows)
    report = convert(root, tmp_path / "out", "release")
    assert report.losses == ()
    before, after = content(root), content(tmp_path / "out")
    assert after["v0"]["traces"][0]["span_s"] == pytest.approx(before["v0"]["traces"][0]["span_s"], abs=1e-8)
    assert after["v0"]["traces"][0]["box"] == pytest.approx(before["v0"]["traces"][0]["box"], abs=1e-8)
    assert after["v0"]["traces"][0]["confidence"] == 3.0
    assert [after[f"v{i}"]["traces"] for i in (1, 2, 4)] == [[], None, []]
    assert [t["categories"] for t in after["v3"]["traces"]] == [[], ["Sudden Blurring"]]
    assert (after["v1"]["width"], after["v1"]["fps"]) == (64, 8.0)  # read from the file
    listed = [row["video_type"] for row in json.loads((tmp_path / "out" / "all_data.json").read_text())]
    assert listed == sorted(listed)  # generated videos first


def test_release__counts_what_it_cannot_hold(clip: Path, tmp_path: Path) -> None:
    moving = {"boxes": [[0.5, 0.1, 0.1, 0.4, 0.4], [1.0, 0.3, 0.2, 0.6, 0.5]]}
    strange = {"raw_tags": ["Blurring"], "categories": ["Object Merging"]}
    rows = (
        {"traces": [moving, strange, {}], "exhaustive": True, "facts": {"source_repo": "a/b", "prompt": "a cat"}},
        {"label": None},
        {"label": "real", "exhaustive": False},
        {"label": "real", "traces": None},
    )
    root = jsonl_root(tmp_path / "in", clip, *rows)
    report = convert(root, tmp_path / "out", "release")
    assert [words.partition(":")[0] for words in report.losses] == [
        "1 videos without a label are left out",
        "1 real videos that nobody looked at are read back as looked at",
        "1 generated videos were marked exhaustively and are read back as not",
        "1 real videos were not marked exhaustively and are read back as if",
        "1 traces that say nothing are left out",
        "boxes over time of 1 traces are kept only as one box, their union where there is no other",
        "categories of 1 traces are kept only as far as their raw tags say them",
        "facts of 1 files (codec, hash, style, source repository, …) are left out",
    ]
    after = content(tmp_path / "out")
    assert after["v0"]["traces"][0]["box"] == pytest.approx([0.1, 0.1, 0.6, 0.5])
    assert after["v0"]["facts"] == {"prompt": "a cat", "mime_type": "video/mp4"}
    assert set(after) == {"v0", "v2", "v3"}


def test_release__boxes_and_spans_need_a_size_and_a_rate(clip: Path, tmp_path: Path) -> None:
    root = jsonl_root(tmp_path / "in", clip, {"traces": [RICH_TRACE]}, {"traces": [RICH_TRACE]})
    (root / "m" / "0.mp4").unlink()
    (root / "m" / "1.mp4").write_text("no video")
    report = convert(root, tmp_path / "out", "release")
    assert (report.missing, report.unopened, report.media) == (("v0",), ("v1",), 1)
    assert report.losses == (
        "2 boxes are left out: the frame size of their video is not known",
        "2 spans are left out: the frame rate of their video is not known",
    )


def test_folder__keeps_labels_and_sources_and_says_the_rest(release_root: Path, tmp_path: Path) -> None:
    out, back = (tmp_path.parent / f"{tmp_path.name}-{name}" for name in ("folder", "back"))
    report = convert(release_root, out, "folder")
    assert report.losses == (
        "3 traces are left out",
        "splits of 4 videos are left out",
        "facts of 4 files (codec, hash, style, source repository, …) are left out",
    )
    assert (out / "fake" / "Pika 1.5" / "cm2a.mp4").resolve() == release_root / "videos" / "cm2a.mp4"
    kept = {v.video_id: (v.label, v.source) for v in read_dataset(out).videos}
    assert kept == {v.video_id: (v.label, v.source) for v in read_dataset(release_root).videos}
    convert(out, back, "jsonl")
    assert {(v.width, v.height, v.fps, v.duration_s) for v in read_dataset(back).videos} == {(64, 48, 8.0, 2.0)}


def test_folder__leaves_out_and_counts(clip: Path, tmp_path: Path) -> None:
    root = jsonl_root(tmp_path / "in", clip, {"source": "a/b", "video_id": "x/y"}, {"label": None}, {}, {})
    (root / "m" / "2.mp4").unlink()
    text = (root / "annotations.jsonl").read_text().replace("m/3.mp4", "m/3.dat")
    (root / "annotations.jsonl").write_text(text)
    (root / "m" / "3.mp4").rename(root / "m" / "3.dat")
    report = convert(root, tmp_path / "out", "folder")
    assert [words.partition(" are ")[0] for words in report.losses] == [
        "1 videos without a label",
        "1 videos without a media file",
        "1 videos",
        "ids of 1 videos",
    ]
    assert [v.source for v in read_dataset(tmp_path / "out").videos] == ["a/b"]


def test_copy__is_independent_and_an_interrupted_one_goes_on(
    release_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path.parent / f"{tmp_path.name}-copy"
    copies: list[str] = []
    real_copy = shutil.copyfile

    def dies_at_the_third(source: Path, target: Path) -> None:
        if len(copies) == 2:
            raise KeyboardInterrupt
        copies.append(source.name)
        real_copy(source, target)

    monkeypatch.setattr(module.shutil, "copyfile", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        convert(release_root, out, "jsonl", copy=True)
    assert not out.exists()
    with pytest.raises(ConfigError, match="the rest of another conversion"):
        convert(release_root, out, "jsonl")
    monkeypatch.setattr(module.shutil, "copyfile", lambda s, t: (copies.append(s.name), real_copy(s, t)))
    convert(release_root, out, "jsonl", copy=True)
    assert len(copies) == len(set(copies)) == 4
    shutil.rmtree(release_root / "videos")
    assert check_dataset(out).ok
    assert [p.name for p in out.parent.glob(f".{out.name}*")] == []
    assert sorted(p.name for p in out.iterdir()) == ["annotations.jsonl", "real_videos", "videos"]


def test_convert__refuses_what_it_would_spoil(release_root: Path, tmp_path: Path) -> None:
    full = tmp_path.parent / f"{tmp_path.name}-full"
    full.mkdir()
    (full / "x").write_text("")
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(release_root)
    places = ((release_root / "sub", "outside of the data set"), (link / "sub", "outside of the data set"))
    for out, words in ((full, "got one with content"), *places):
        with pytest.raises(ConfigError, match=words):
            convert(release_root, out, "jsonl")
    with pytest.raises(ConfigError, match="to exist"):
        convert(release_root, full / "a" / "b", "jsonl")
    (release_root / "all_data.json").write_text('[{"video_id": "a"}]')
    with pytest.raises(AnnotationError, match=r"all_data\.json:1"):
        convert(release_root, tmp_path.parent / "new", "jsonl")


def test_without_clashes__numbers_further_files() -> None:
    a, b = (VideoAnnotation(name, Path(f"/{name}.mp4"), "fake") for name in "ab")
    placed = module._without_clashes([(a, "m/x.mp4"), (b, "m/x.mp4"), (replace(a, video_id="c"), "m/x.mp4")])
    assert [path for _, path in placed] == ["m/x.mp4", "m/x-2.mp4", "m/x.mp4"]


@pytest.mark.parametrize("video_id", ["../x", "a/b", ".hidden", "-o", "a\0b", "x" * 300, "ends.", ""])
def test_safe_name__never_leaves_its_folder(video_id: str) -> None:
    assert len(safe_name(video_id)) == 16


def test_convert__the_shared_rows_survive_both_ways(shared_data: Path, tmp_path: Path) -> None:
    lines, again = tmp_path / "lines", tmp_path / "again"
    convert(shared_data, lines, "jsonl")
    before, after = content(shared_data), content(lines)
    assert before == after
    convert(lines, again, "release")
    back = content(again)
    for video_id, video in before.items():
        assert back[video_id]["label"] == video["label"]
        assert len(back[video_id]["traces"] or ()) == len(video["traces"] or ())
        for one, two in zip(video["traces"] or (), back[video_id]["traces"] or (), strict=True):
            assert two["span_s"] == pytest.approx(one["span_s"], abs=1e-6)
            assert two["box"] == pytest.approx(one["box"], abs=1e-6)
            assert {k: one[k] for k in ("categories", "raw_tags", "explanation")} == {
                k: two[k] for k in ("categories", "raw_tags", "explanation")
            }
