"""Judge's scores from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.errors import AnnotationError
from dtr.evaluation.judged import read_judged

VIDEO = VideoAnnotation("v", Path("v.mp4"), "fake", traces=(TraceAnnotation(), TraceAnnotation()))


def test_read_judged__places_scores_by_row(tmp_path: Path) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text(
        '{"video_id": "v", "trace": 1, "score": 0.5}\n\n{"video_id": "elsewhere", "trace": 7, "score": 1}\n'
    )
    assert read_judged(file, [VIDEO]) == {"v": [None, 0.5]}


def test_read_judged__a_line_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text('{"video_id": "v", "trace": 0, "score": 1, "why": "one\u2028two"}\r\n', encoding="utf-8")
    assert read_judged(file, [VIDEO]) == {"v": [1.0, None]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "JSON object"),
        ('{"video_id": "v", "trace": 0, "score": ' + "9" * 5000 + "}", "JSON object"),
        ("[1, 2]", "video_id"),
        ('{"video_id": "v", "trace": 2, "score": 1}', "from 0 to 1"),
        ('{"video_id": "v", "trace": true, "score": 1}', "whole number"),
        ('{"video_id": "v", "trace": 0, "score": 0.7}', "0, 0.5 or 1"),
        ('{"video_id": "v", "trace": 0, "score": NaN}', "0, 0.5 or 1"),
        ('{"video_id": "v", "trace": 0, "score": 1}\n{"video_id": "v", "trace": 0, "score": 1}', "twice"),
    ],
)
def test_read_judged__a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(AnnotationError, match=message) as error:
        read_judged(file, [VIDEO])
    assert "judged.jsonl:" in str(error.value)
