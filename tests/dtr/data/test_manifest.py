from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dtr.data.manifest import read_manifest
from dtr.errors import AnnotationError

LINE: dict[str, Any] = {
    "file": "sora/a.mp4",
    "sha256": "0123456789abcdef" * 4,
    "bytes": 1000,
    "generator": "sora",
    "source_repo": "someone/page",
    "style": "photoreal",
    "has_audio": False,
    "codec": "h264",
    "note": None,
    "width": 64,
    "height": 48,
    "fps": 8.0,
    "frames": 16,
    "duration": 2.0,
    "split": "train",
    "label": "fake",
}


def write(tmp_path: Path, *lines: Any) -> Path:
    file = tmp_path / "generated" / "manifest.jsonl"
    file.parent.mkdir()
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text(text + "\n\n", encoding="utf-8")
    return file


def test_read_manifest__reads_a_generated_and_a_real_clip(tmp_path: Path) -> None:
    real = {**LINE, "file": "cam/b.mp4", "sha256": "f" * 64, "label": "real", "source": "cam"}
    real.pop("generator")
    data = read_manifest(write(tmp_path, LINE, real))
    fake_video, real_video = data.videos
    assert (fake_video.video_id, fake_video.source) == ("0123456789abcdef", "sora")
    assert fake_video.path == tmp_path / "generated/sora/a.mp4"
    assert fake_video.traces is None
    assert not fake_video.exhaustive
    assert fake_video.where == "generated/manifest.jsonl:1"
    assert (real_video.source, real_video.traces, real_video.exhaustive) == ("cam", (), True)
    facts = data.facts["0123456789abcdef"]
    assert facts["has_audio"] is False
    assert facts["num_frames"] == 16
    assert "note" not in facts
    assert "width" not in facts


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("{not json", "bad_row"),
        ([1], "bad_row"),
        ({**LINE, "file": ""}, "bad_row"),
        ({**LINE, "sha256": None}, "bad_row"),
        ({**LINE, "label": "maybe"}, "unknown_label"),
        ({**LINE, "split": "dev"}, "unknown_split"),
        ({**LINE, "fps": "fast"}, "wrong_type"),
        ('{"file": "a.mp4", "width": ' + "9" * 5000 + "}", "bad_row"),
        ({**LINE, "generator": "half a pair \ud800"}, "bad_row"),
    ],
)
def test_read_manifest__names_line_and_defect(tmp_path: Path, line: Any, kind: str) -> None:
    file = write(tmp_path, line)
    data = read_manifest(file, on_error="collect")
    assert [(p.kind, p.where) for p in data.problems] == [(kind, "generated/manifest.jsonl:1")]
    with pytest.raises(AnnotationError, match=r"generated/manifest\.jsonl:1"):
        read_manifest(file)


def test_read_manifest__a_line_separator_inside_text_ends_no_line(tmp_path: Path) -> None:
    line = json.dumps(LINE | {"note": "two\u2028parts"}, ensure_ascii=False)
    found = read_manifest(write(tmp_path, line, LINE | {"file": "b.mp4", "sha256": "f" * 64}))
    assert (len(found.videos), found.num_rows) == (2, 2)


def test_read_manifest__one_clip_twice_is_a_problem(tmp_path: Path) -> None:
    data = read_manifest(write(tmp_path, LINE, LINE), on_error="collect")
    assert len(data.videos) == 1
    assert data.problems[0].kind == "row_conflict"
