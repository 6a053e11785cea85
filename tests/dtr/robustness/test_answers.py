from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dtr.errors import AnnotationError
from dtr.robustness.answers import read_answers
from dtr.verdict import Trace, Verdict


def line(video_id: str, name: str, **changes: Any) -> str:
    traces = (Trace(0.8, (0.5, 1.5), (0.1, 0.2, 0.3, 0.4)),)
    said = Verdict("v.mp4", video_id, 2.5, 64, 48, "fake", 0.9, traces=traces, provenance={"model_id": "m@1"})
    return json.dumps({"video_id": video_id, "transform": name, "verdict": said.to_json()} | changes) + "\n"


def lost(video_id: str, name: str) -> str:
    error = {"kind": "video", "message": "no picture"}
    return json.dumps({"video_id": video_id, "transform": name, "error": error}) + "\n"


def test_read_answers__gives_answers_and_failures(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line("a", "none") + line("a", "hflip") + lost("b", "none"))
    found = read_answers(path)
    assert list(found.by_transform) == ["none", "hflip"]
    said = found.by_transform["hflip"]["a"]
    assert (said.label, said.fake_score, said.box, said.onset_s) == ("fake", 0.9, (0.1, 0.2, 0.3, 0.4), 0.5)
    assert [(f.video_id, f.transform, f.kind) for f in found.lost] == [("b", "none", "video")]
    assert found.durations_s == {"a": 2.5}
    assert found.model_ids == ("m@1",)
    assert found.video_ids == {"a", "b"}


def test_read_answers__takes_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line("a", "none") + line("a", "hflip")[:50])
    assert list(read_answers(path).by_transform) == ["none"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.jsonl:1"),
        ("just words\n", "a.jsonl:1"),
        (line("a", "none") + "[1]\n" + line("b", "none"), "a.jsonl:2"),
        (line("a", "none") * 2, "answered twice"),
        (line("a", "none", verdict=None), "a.jsonl:1"),
        (line("a", "none", verdict={"schema": 99, "duration_s": 1.0}), "schema version"),
        (json.dumps({"video_id": "a", "predicted_label": "FAKE"}) + "\n", "keys video_id, predicted_label"),
    ],
)
def test_read_answers__refuses_what_is_none(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=message):
        read_answers(path)


def test_read_answers__names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_answers(tmp_path / "none.jsonl")
