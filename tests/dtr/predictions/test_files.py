from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError
from dtr.predictions.files import PredictionSet, read_predictions
from dtr.verdict import Trace, Verdict

CLIPS = [VideoAnnotation(i, Path(f"videos/{i}.mp4"), "fake", width=64, height=48) for i in ("a", "b", "c")]


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "said.jsonl"


def test_read_predictions__mixed_forms(file: Path) -> None:
    verdict = Verdict("b.mp4", "b", 5.0, 64, 48, "fake", 0.9, (), (Trace(0.3, (1, 2), (0, 0, 0.5, 0.5)),))
    write(
        file,
        {"video_id": "a", "predicted_label": "REAL", "model_id": "m", "bbox": "none"},
        verdict.to_json(),
        {"video_id": "zz", "predicted_label": "FAKE"},
        {"video_id": "c", "raw_output": "FAKE", "model_id": "n"},
    )
    said = read_predictions(file, CLIPS)
    assert {i: p.label for i, p in said.predictions.items()} == {"a": "real", "b": "fake", "c": "fake"}
    assert said.predictions["b"].onset_s == 1
    assert said.unknown_ids == ("zz",)
    assert [(where, video_id) for where, video_id, _ in said.problems] == [("said.jsonl:1", "a")]
    assert said.forms == {"prediction": 1, "verdict": 1, "raw_output": 1}
    assert said.model_ids == ("m", "n")
    assert said.num_rows == 4
    assert said.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said.notes == ()


def test_read_predictions__an_array_reads_as_lines_do(file: Path) -> None:
    rows = [{"video_id": "a", "predicted_label": "REAL", "bbox": 1}, {"video_id": "b", "fake_probability": 0.9}]
    lines = read_predictions(write(file, *rows), CLIPS)
    file.write_text("\ufeff \n" + json.dumps(rows, indent=1), encoding="utf-8")
    array = read_predictions(file, CLIPS)
    assert [p.label for p in array.predictions.values()] == [p.label for p in lines.predictions.values()]
    assert array.problems[0][0] == "said.jsonl:row 1"
    assert array.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_read_predictions__labels_by_probability_are_noted(file: Path) -> None:
    said = read_predictions(write(file, {"video_id": "a", "fake_probability": 0.5}), CLIPS)
    assert said.predictions["a"].label == "fake"
    assert said.notes == ("1 rows state a fake_probability and no label: 0.5 or more was read as FAKE",)
    assert said.problems == ()


def test_read_predictions__lines_end_only_at_newlines(file: Path) -> None:
    words = "one\u2028two\x85three"
    line = json.dumps({"video_id": "a", "predicted_label": "FAKE", "explanation": words}, ensure_ascii=False)
    file.write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\r\n\r\n  \n" + b'{"video_id": "b", "raw_output": "REAL"}')
    said = read_predictions(file, CLIPS)
    assert said.predictions["a"].explanation == words
    assert said.predictions["b"].where == "said.jsonl:4"
    assert said.num_rows == 2


def test_read_predictions__a_failed_input_is_found_by_its_file(file: Path) -> None:
    error = {"kind": "video", "message": "no picture"}
    clips = [VideoAnnotation("id1", Path("root/one.mp4"), "fake"), VideoAnnotation("id2", Path("root/two.mp4"), "fake")]
    rows = [{"video": name, "error": error} for name in ("root/one.mp4", "elsewhere/two.mp4", "other.mp4")]
    said = read_predictions(write(file, *rows), clips)
    assert {i: p.label for i, p in said.predictions.items()} == {"id1": None, "id2": None}
    assert said.unknown_ids == ("other",)
    assert said.problems[0] == ("said.jsonl:1", "id1", "failed: video: no picture")


def test_read_predictions__two_rows_about_one_video_are_an_error(file: Path) -> None:
    rows = [{"video_id": i, "predicted_label": "FAKE"} for i in ("a", "zz", "b", "zz")]
    with pytest.raises(AnnotationError, match=r"got video_id 'zz' in said.jsonl:2 and said.jsonl:4; keep one"):
        read_predictions(write(file, *rows), CLIPS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"\n \n", "got an empty file"),
        (b"[]", "got an empty file"),
        (b"hello\nworld", r"said.jsonl:1: expected JSON, one object per line, got 'hello'"),
        (b'{"video_id": "a", "raw_output": "x"}\n{"video_id"', r"said.jsonl:2: expected JSON"),
        (b'{"video_id": "a",\n "raw_output": "x"}', r"said.jsonl:1: expected JSON"),
        (b'"a"', r"said.jsonl:1: expected an object, got 'a'"),
        (b"[1]", r"said.jsonl:row 1: expected an object, got 1"),
        (b'[{"video_id": "a"}', r"said.jsonl: expected JSON"),
        (b'{"predicted_label": "FAKE"}', r"said.jsonl:1: expected text in video_id, got None"),
        (b'{"video_id": 7, "predicted_label": "FAKE"}', r"expected text in video_id, got 7"),
        (b'{"video_id": "  ", "predicted_label": "FAKE"}', r"expected text in video_id, got '  '"),
        (b'{"video_id": "a", "label": "fake"}', r"got none of them in 1 rows"),
        (b'{"video": 7, "error": "x"}', r"expected text in video_id"),
        (b"\x1f\x8b\x08\x00\xff\xfe", r"expected UTF-8 text"),
        ('{"video_id": "a"}'.encode("utf-16"), r"expected UTF-8 text"),
        (b"[" * 100_000, r"nested too deeply|expected JSON"),
        (b'{"video_id": ' * 100_000, r"nested too deeply|expected JSON"),
        (b'{"video_id": ' + b"9" * 5000 + b"}", r"said.jsonl:1: expected JSON"),
    ],
)
def test_read_predictions__garbage_is_one_clear_error(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(AnnotationError, match=message) as raised:
        read_predictions(file, CLIPS)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_read_predictions__missing_file_or_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(AnnotationError, match="cannot be read"):
            read_predictions(path, CLIPS)


@pytest.mark.timeout(60)
def test_read_predictions__many_lines(file: Path) -> None:
    count = 10_000
    box = {"left": 1, "top": 2, "width": 30, "height": 40}
    write(file, *({"video_id": str(i), "predicted_label": "FAKE", "bbox": box, "start_time": 1} for i in range(count)))
    clips = [VideoAnnotation(str(i), Path("a.mp4"), "fake", width=64, height=48) for i in range(count)]
    start = time.perf_counter()
    assert len(read_predictions(file, clips).predictions) == count
    assert time.perf_counter() - start < 20  # a quadratic reader would need minutes


def public(shared_data: Path, name: str, *, only_raw: Path | None = None) -> tuple[PredictionSet, dict[str, float]]:
    """A public model's file, and its accuracy in percent against the labels that the ids carry."""
    path = shared_data / "predictions" / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if only_raw is not None:
        path = write(only_raw, *({key: row[key] for key in ("video_id", "raw_output")} for row in rows))
    labels = {row["video_id"]: "real" if row["video_id"].startswith("0_30_s") else "fake" for row in rows}
    clips = [
        VideoAnnotation(i, Path(f"{i}.mp4"), label, width=1280, height=720)  # type: ignore[arg-type]
        for i, label in labels.items()
    ]
    said = read_predictions(path, clips)
    assert said.unknown_ids == ()
    right = Counter(label for i, label in labels.items() if said.predictions[i].label == label)
    accuracy = {label: round(100 * right[label] / 332, 3) for label in ("fake", "real")}
    return said, {**accuracy, "all": round(100 * right.total() / 664, 3)}


@pytest.mark.parametrize(
    ("name", "accuracy", "labels"),
    [
        ("trufor-track-b-test", {"fake": 1.205, "real": 93.976, "all": 47.590}, {"fake": 24, "real": 640}),
        ("videollama3-2b-v2-test", {"fake": 10.542, "real": 85.241, "all": 47.892}, {"fake": 84, "real": 580}),
        # 122 of 664 videos
        ("smolvlm2-500m-test", {"fake": 15.361, "real": 21.386, "all": 18.373}, {"fake": 308, "real": 291, None: 65}),
        ("marlin-2b-v2-test", {"fake": 0.0, "real": 2.108, "all": 1.054}, {"real": 11, None: 653}),
    ],
)
def test_read_predictions__public_files(shared_data: Path, name: str, accuracy: Any, labels: Any) -> None:
    said, found = public(shared_data, f"{name}.jsonl")
    assert found == accuracy
    assert Counter(p.label for p in said.predictions.values()) == labels


def test_read_predictions__places_of_a_public_file(shared_data: Path) -> None:
    said, _ = public(shared_data, "trufor-track-b-test.jsonl")
    assert sum(p.box is not None for p in said.predictions.values()) == 661
    assert sum(p.onset_s is not None for p in said.predictions.values()) == 664
    assert said.problems == ()


def test_read_predictions__the_words_alone_give_the_same_labels(shared_data: Path, tmp_path: Path) -> None:
    said, accuracy = public(shared_data, "videollama3-2b-v2-test.jsonl", only_raw=tmp_path / "raw.jsonl")
    assert said.forms == {"raw_output": 664}
    assert accuracy == {"fake": 10.542, "real": 85.241, "all": 47.892}


def test_read_predictions__an_echo_of_the_question_is_no_answer(shared_data: Path, tmp_path: Path) -> None:
    said, _ = public(shared_data, "smolvlm2-500m-test.jsonl", only_raw=tmp_path / "raw.jsonl")
    assert Counter(p.label for p in said.predictions.values()) == {"fake": 69, "real": 115, None: 480}
