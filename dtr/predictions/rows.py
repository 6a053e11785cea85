"""One decoded row of a file of predictions → `Prediction`: a verdict, the explorer's fields, or a model's raw words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from dtr.annotation import Box, Span, VideoAnnotation
from dtr.errors import AnnotationError
from dtr.predictions.answer_reader import ReadAnswer, read_answer
from dtr.predictions.fields import (
    printable,
    read_box_px,
    read_categories,
    read_label,
    read_numbers,
    read_score,
    read_text,
    read_time_s,
    show,
    to_shares,
)
from dtr.predictions.types import PredictedTrace, Prediction, stated_category_threshold
from dtr.verdict import SCHEMA

Row = Mapping[str, Any]

LABEL_THRESHOLD = 0.5
"""A row that states a probability and no label is FAKE from here on."""

ANSWER_KEYS = frozenset(
    ("schema", "error", "predicted_label", "fake_probability", "bbox", "start_time", "end_time", "raw_output")
)
"""A file without any of these keys holds no predictions."""


def is_verdict(row: Row) -> bool:
    """Whether a row is a `Verdict` as JSON."""
    return "schema" in row


def is_failure(row: Row) -> bool:
    """Whether a row is what `dtr detect --format json` writes for an input that has no verdict."""
    return "error" in row and "video" in row and "video_id" not in row


def is_labelled_by_score(row: Row) -> bool:
    """Whether the label of a row without one is read from its probability: it says nothing else of the matter.

    Example:
        >>> is_labelled_by_score({"fake_probability": 0.7}), is_labelled_by_score({"predicted_label": "REAL"})
        (True, False)
    """
    if is_verdict(row) or row.get("predicted_label") is not None or row.get("error") is not None or _raw_output(row):
        return False
    return read_score(row.get("fake_probability"), "", []) is not None


def read_verdict(row: Row, video_id: str, where: str) -> Prediction:
    """A verdict: its first trace or candidate is the single answer, whatever the label.

    Raises:
        AnnotationError: a schema version that is not ours.
    """
    if row["schema"] != SCHEMA:
        raise AnnotationError(
            f"{where}: expected a verdict of schema version {SCHEMA}, got {show(row['schema'])}; "
            "use the version of DTR that wrote it"
        )
    problems: list[str] = []
    entries = [entry for key in ("traces", "candidates") for entry in _entries(row, key, problems)]
    traces = tuple(_trace(name, entry, problems) for name, entry in entries)
    best = traces[0] if traces else PredictedTrace(0.0)
    onset_s, offset_s = best.span_s or (None, None)
    provenance = row.get("provenance")
    return Prediction(
        video_id=video_id,
        label=read_label(_stated(row, "label"), "label", problems),
        fake_score=read_score(_stated(row, "score"), "score", problems),
        box=best.box,
        onset_s=onset_s,
        offset_s=offset_s,
        explanation=read_text(entries[0][1].get("explanation"), "explanation", problems) if entries else None,
        traces=traces,
        abstain=row.get("abstain") is True,
        category_threshold=stated_category_threshold(provenance if isinstance(provenance, dict) else {}),
        model_id=_model_id(provenance if isinstance(provenance, dict) else {}),
        form="verdict",
        problems=tuple(problems),
        where=where,
    )


def read_failure(row: Row, video_id: str, where: str) -> Prediction:
    """An input that has no verdict: no label, which counts as wrong.

    Example:
        >>> row = {"video": "a.mp4", "error": {"kind": "video", "message": "no picture"}}
        >>> read_failure(row, "a", "v.jsonl:1").problems
        ('failed: video: no picture',)
    """
    return Prediction(video_id, None, form="verdict", problems=(_failed(row["error"]),), where=where)


def read_row(row: Row, video: VideoAnnotation, where: str) -> Prediction:
    """The explorer's fields; a field that is not stated is taken from `raw_output` where there is no `predicted_label`.

    Args:
        row: decoded.
        video: the annotated video; its width and height place the box.
        where: "file:line".

    Example:
        >>> from pathlib import Path
        >>> clip = VideoAnnotation("a", Path("a.mp4"), "fake", width=64, height=48)
        >>> said = read_row({"predicted_label": "FAKE", "bbox": [0, 0, 32, 48], "start_time": 1}, clip, "p.jsonl:1")
        >>> said.label, said.box, said.onset_s, said.offset_s
        ('fake', (0.0, 0.0, 0.5, 1.0), 1.0, None)
    """
    problems = [] if row.get("error") is None else [_failed(row["error"])]
    raw = _raw_output(row) if row.get("predicted_label") is None else ""
    said = _said(row, problems)
    if raw:
        said = _filled(said, read_answer(raw, duration_s=video.duration_s), row, problems)
    elif said.label is None and is_labelled_by_score(row):
        said = replace(said, label="fake" if (said.fake_score or 0.0) >= LABEL_THRESHOLD else "real")
    elif row.get("predicted_label") is None and row.get("error") is None:
        problems.append("no label")
    box = to_shares(said.box_px, video.width, video.height, "box", problems)
    return Prediction(
        video_id=video.video_id,
        label=said.label,
        fake_score=said.fake_score,
        box=box,
        onset_s=said.onset_s,
        offset_s=said.offset_s,
        explanation=said.explanation,
        traces=_single_trace(said, box, read_categories(row.get("categories"), problems)),
        model_id=_model_id(row),
        form="raw_output" if raw else "prediction",
        problems=tuple(problems),
        where=where,
    )


def _said(row: Row, problems: list[str]) -> ReadAnswer:
    """The structured fields of a row."""
    return ReadAnswer(
        label=read_label(row.get("predicted_label"), "predicted_label", problems),
        fake_score=read_score(row.get("fake_probability"), "fake_probability", problems),
        box_px=read_box_px(row.get("bbox"), "bbox", problems),
        onset_s=read_time_s(row.get("start_time"), "start_time", problems),
        offset_s=read_time_s(row.get("end_time"), "end_time", problems),
        explanation=read_text(row.get("explanation"), "explanation", problems),
    )


def _filled(said: ReadAnswer, read: ReadAnswer, row: Row, problems: list[str]) -> ReadAnswer:
    """Structured fields, and from the text those that the row does not state."""
    problems += read.problems
    return ReadAnswer(
        label=read.label,
        fake_score=read.fake_score if row.get("fake_probability") is None else said.fake_score,
        box_px=read.box_px if row.get("bbox") is None else said.box_px,
        onset_s=read.onset_s if row.get("start_time") is None else said.onset_s,
        offset_s=read.offset_s if row.get("end_time") is None else said.offset_s,
        explanation=read.explanation if row.get("explanation") is None else said.explanation,
    )


def _single_trace(said: ReadAnswer, box: Box | None, categories: Mapping[str, float]) -> tuple[PredictedTrace, ...]:
    """The one answer as a candidate; none without a place, a span or a category."""
    onset_s, offset_s = said.onset_s, said.offset_s
    span_s = None if onset_s is None or offset_s is None or not onset_s < offset_s else (onset_s, offset_s)
    if box is None and span_s is None and not categories:
        return ()
    score = said.fake_score if said.fake_score is not None else float(said.label == "fake")
    return (PredictedTrace(score, box, span_s, categories=categories),)


def _entries(row: Row, key: str, problems: list[str]) -> list[tuple[str, Row]]:
    """The objects of a list with a name for messages; anything else is named and left out."""
    value = row.get(key)
    if not isinstance(value, list):
        problems.append(f"{key} must be a list, got {show(value)}")
        return []
    named = [(f"{key}[{n}]", entry) for n, entry in enumerate(value)]
    problems += [f"{name} must be an object, got {show(entry)}" for name, entry in named if not isinstance(entry, dict)]
    return [(name, entry) for name, entry in named if isinstance(entry, dict)]


def _trace(name: str, entry: Row, problems: list[str]) -> PredictedTrace:
    score = read_score(_stated(entry, "score"), f"{name}.score", problems)
    rows = entry.get("boxes") or []
    boxes = [read_numbers(b, 5) for b in rows] if isinstance(rows, list) else [None]
    if not _in_order(boxes):
        problems.append(f"{name}.boxes must be rows of five numbers, their times in order, got {show(rows)}")
        boxes = []
    return PredictedTrace(
        score=score or 0.0,
        box=_box(entry, name, problems),
        span_s=_span_s(entry, name, problems),
        boxes=tuple((b[0], b[1], b[2], b[3], b[4]) for b in boxes if b is not None),
        categories=read_categories(entry.get("categories"), problems),
    )


def _in_order(boxes: Sequence[tuple[float, ...] | None]) -> bool:
    """Every row is there, and none is before the one above it: interpolation in time needs that."""
    times_s = [box[0] for box in boxes if box is not None]
    return len(times_s) == len(boxes) and all(a <= b for a, b in pairwise(times_s))


def _box(entry: Row, name: str, problems: list[str]) -> Box | None:
    numbers = read_numbers(entry.get("box"), 4)
    if numbers is not None and numbers[0] < numbers[2] and numbers[1] < numbers[3]:
        return numbers[0], numbers[1], numbers[2], numbers[3]
    problems.append(f"{name}.box must be four numbers with x0 < x1 and y0 < y1, got {show(entry.get('box'))}")
    return None


def _span_s(entry: Row, name: str, problems: list[str]) -> Span | None:
    numbers = read_numbers(entry.get("span_s"), 2)
    if numbers is not None and numbers[0] < numbers[1]:
        return numbers[0], numbers[1]
    problems.append(f"{name}.span_s must be two numbers of seconds in order, got {show(entry.get('span_s'))}")
    return None


def _stated(row: Row, key: str) -> Any:
    """A field that must be there: a blank one is read as wrong, not as left out."""
    return "" if row.get(key) is None else row[key]


def _raw_output(row: Row) -> str:
    raw = row.get("raw_output")
    return raw if isinstance(raw, str) and raw.strip() else ""


def _model_id(row: Row) -> str:
    model_id = row.get("model_id")
    return printable(model_id.strip()) if isinstance(model_id, str) else ""


def _failed(error: Any) -> str:
    words = f"{error.get('kind')}: {error.get('message')}" if isinstance(error, dict) else str(error)
    return f"failed: {' '.join(words.split())[:200]}"
