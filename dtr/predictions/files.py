"""Reads a file of predictions: our verdicts, the public explorer's rows, or rows with a language model's raw words.

The policy is strict, as in DeeptraceReward: a label is REAL or FAKE and nothing else, a malformed box or time is none.
Nothing vanishes: what could not be used of a row is in `problems`, ids that are not annotated are in `unknown_ids`, and
a row that cannot be told to belong to one video stops the reading.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError
from dtr.predictions.fields import show
from dtr.predictions.rows import (
    ANSWER_KEYS,
    LABEL_THRESHOLD,
    is_failure,
    is_labelled_by_score,
    is_verdict,
    read_failure,
    read_row,
    read_verdict,
)
from dtr.predictions.types import Form, Prediction

_LABELLED_BY_SCORE = "{} rows state a fake_probability and no label: {:g} or more was read as FAKE"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PredictionSet:
    """All predictions of a file.

    Attributes:
        predictions: by video_id, of annotated videos, in the order of the file.
        unknown_ids: of rows whose video is not among the annotated ones; those rows are not read further.
        problems: (where, video_id, phrase) for everything that could not be used.
        forms: number of predictions by how they were written.
        model_ids: who said it, in the order first met; without rows that do not state it.
        num_rows: rows in the file.
        sha256: of the file.
        notes: readings that a reader of the figures should know of.
    """

    predictions: Mapping[str, Prediction]
    unknown_ids: tuple[str, ...]
    problems: tuple[tuple[str, str, str], ...]
    forms: Mapping[Form, int]
    model_ids: tuple[str, ...]
    num_rows: int
    sha256: str
    notes: tuple[str, ...] = ()


def read_predictions(path: str | Path, videos: Sequence[VideoAnnotation]) -> PredictionSet:
    """Read JSON lines (or one JSON array) of predictions.

    Each row is one of: a `Verdict` as `dtr detect --format json` writes it; a row with `video_id` and any of
    `predicted_label`, `fake_probability`, `bbox`, `start_time`, `end_time`, `explanation`, `categories`; one with
    `raw_output` in their place. Boxes of the latter two are pixels of the frame size that the annotation states.

    Args:
        path: the file, UTF-8.
        videos: annotated videos; predictions are joined to them by `video_id`.

    Raises:
        AnnotationError: the file is missing, empty, no JSON, or holds no prediction; a row is no object or names no
            video; two rows are about one video.
    """
    file = Path(path)
    known = _Videos(videos)
    digest = hashlib.sha256()
    predictions: dict[str, Prediction] = {}
    places: dict[str, str] = {}
    answered, by_score = False, 0
    for where, row in _rows(file, digest):
        video_id = _video_id(row, where, known)
        if video_id in places:
            raise AnnotationError(
                f"{file}: expected one row per video, got video_id {show(video_id)} in {places[video_id]} and {where}; "
                "keep one"
            )
        places[video_id] = where
        answered = answered or not ANSWER_KEYS.isdisjoint(row)
        if (video := known.by_id.get(video_id)) is not None:
            predictions[video_id] = _prediction(row, where, video)
            by_score += is_labelled_by_score(row)
    if not answered:
        raise AnnotationError(_nothing_there(file, len(places)))
    found = tuple(predictions.values())
    return PredictionSet(
        predictions=predictions,
        unknown_ids=tuple(v for v in places if v not in known.by_id),
        problems=tuple((p.where, p.video_id, phrase) for p in found for phrase in p.problems),
        forms=dict(Counter(p.form for p in found)),
        model_ids=tuple(dict.fromkeys(p.model_id for p in found if p.model_id)),
        num_rows=len(places),
        sha256=digest.hexdigest(),
        notes=(_LABELLED_BY_SCORE.format(by_score, LABEL_THRESHOLD),) if by_score else (),
    )


class _Videos:
    """Annotated videos by id, and by media file for failed inputs, which have no id."""

    def __init__(self, videos: Sequence[VideoAnnotation]) -> None:
        self.by_id = {v.video_id: v for v in videos}

    def id_of_file(self, name: str) -> str:
        """The id of the video with that path, or with that file name if only one has it; else the file's stem."""
        path = Path(name)
        return self._ids.get(str(path)) or self._ids.get(path.name) or path.stem

    @cached_property
    def _ids(self) -> dict[str, str]:
        count = Counter(v.path.name for v in self.by_id.values())
        names = {v.path.name: v.video_id for v in self.by_id.values() if count[v.path.name] == 1}
        return names | {str(v.path): v.video_id for v in self.by_id.values()}


def _prediction(row: Row, where: str, video: VideoAnnotation) -> Prediction:
    if is_verdict(row):
        return read_verdict(row, video.video_id, where)
    return read_failure(row, video.video_id, where) if is_failure(row) else read_row(row, video, where)


def _video_id(row: Row, where: str, known: _Videos) -> str:
    if is_failure(row) and isinstance(row["video"], str):
        return known.id_of_file(row["video"])
    video_id = row.get("video_id")
    if not isinstance(video_id, str) or not video_id.strip():
        raise AnnotationError(
            f"{where}: expected text in video_id, got {show(video_id)}; write the id of the annotated video"
        )
    return video_id.strip()


def _rows(file: Path, digest: Any) -> Iterator[tuple[str, Row]]:
    """Rows with where they stand; the digest sees every byte."""
    try:
        with file.open("rb") as source:
            for where, raw in _pieces(source, file, digest):
                yield where, _object(raw, where)
    except OSError as error:
        why = error.strerror or error
        raise AnnotationError(
            f"{file}: expected a file of predictions, it cannot be read ({why}); check the path"
        ) from error


def _pieces(source: IO[bytes], file: Path, digest: Any) -> Iterator[tuple[str, Any]]:
    """Lines as bytes, or the decoded elements of one array."""
    start = True
    # Lines end in \n only: JSON strings may hold other characters that Python counts as ends of lines.
    for number, line in enumerate(source, start=1):
        digest.update(line)
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        if start and line.lstrip().startswith(b"["):
            rest = source.read()
            digest.update(rest)
            rows = _decoded(line + rest, str(file))
            yield from ((f"{file.name}:row {n}", row) for n, row in enumerate(rows, start=1))
            return
        start = False
        yield f"{file.name}:{number}", line


def _object(raw: Any, where: str) -> Row:
    row = _decoded(raw, where) if isinstance(raw, bytes) else raw
    if not isinstance(row, dict):
        raise AnnotationError(f"{where}: expected an object, got {show(row)}; write one JSON object per prediction")
    return row


def _decoded(raw: bytes, where: str) -> Any:
    """JSON of a line or file."""
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{where}: expected UTF-8 text, got other bytes; save it as UTF-8, unpacked") from error
    except RecursionError as error:
        raise AnnotationError(f"{where}: expected an object, got JSON nested too deeply; mend the row") from error
    except ValueError as error:  # JSONDecodeError, and numbers of thousands of digits
        got = show(raw[:60].decode(errors="replace").strip())
        raise AnnotationError(
            f"{where}: expected JSON, one object per line, got {got} ({error}); mend or remove it"
        ) from error


def _nothing_there(file: Path, num_rows: int) -> str:
    keys = "predicted_label, fake_probability, bbox, start_time or raw_output"
    if not num_rows:
        return f"{file}: expected predictions, got an empty file; give the output of `dtr detect --format predictions`"
    return f"{file}: expected {keys} in the rows, got none of them in {num_rows} rows; check that it holds predictions"
