"""Reads annotations in the released DeeptraceReward form: one list of rows, several rows a video."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.data.fields import RowReader
from dtr.data.problems import OnError, Problem, ProblemLog
from dtr.data.rows import read_facts, read_trace, read_video
from dtr.errors import AnnotationError

RELEASE_FILE = "all_data.json"

_SHARED_FIELDS = ("path", "label", "source", "width", "height", "fps", "duration_s")
"""What every row of one video must agree on, besides the split."""


@dataclass(frozen=True)
class ReleaseData:
    """Everything that was read from a data set.

    Attributes:
        root: folder that media paths are relative to.
        videos: one per video_id, in the order of their first row.
        problems: every defect met while reading.
        facts: video_id → what is known of the file beside the annotation (codec, has_audio, bytes, style, …).
        num_rows: annotation rows and manifest lines read, unusable ones included.
    """

    root: Path
    videos: tuple[VideoAnnotation, ...]
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    num_rows: int = 0

    def in_split(self, split: str | None) -> tuple[VideoAnnotation, ...]:
        """Videos of one split; None = all."""
        return self.videos if split is None else tuple(v for v in self.videos if v.split == split)

    @property
    def counts(self) -> dict[str, int]:
        """Rows, videos by label, traces, and generated videos that nobody looked at."""
        labels = [v.label for v in self.videos]
        return {
            "rows": self.num_rows,
            "videos": len(self.videos),
            "fake": labels.count("fake"),
            "real": labels.count("real"),
            "traces": sum(len(v.traces or ()) for v in self.videos),
            "not_looked_at": sum(v.traces is None for v in self.videos),
            "problems": len(self.problems),
        }


def read_release(path: str | Path, *, on_error: OnError = "raise") -> ReleaseData:
    """Read `all_data.json` of the release: rows are joined by video_id, traces keep row order.

    Args:
        path: the file, or the folder that holds it as `all_data.json`; media paths are relative to its folder.
        on_error: "raise" stops at the first row or field that cannot be used; "collect" reads it as not annotated and
            lists it in `problems`.

    Raises:
        AnnotationError: the file is missing, unreadable or no list of rows; with "raise", also a defect in a row.
    """
    file = Path(path)
    file = file / RELEASE_FILE if file.is_dir() else file
    rows = load_json(file)
    if not isinstance(rows, list):
        raise AnnotationError(f"{file}: expected one list of rows, got {type(rows).__name__}; give the released file")
    log = ProblemLog(on_error)
    videos, facts = join_rows(rows, file, log)
    return ReleaseData(file.parent, tuple(videos), tuple(log.problems), facts, len(rows))


def load_json(file: Path) -> Any:
    """Decode a JSON file.

    Raises:
        AnnotationError: missing, unreadable, not UTF-8, or not JSON; the message has line and column.
    """
    try:
        return json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise AnnotationError(
            f"{file}: expected JSON, got a fault in line {error.lineno}, column {error.colno} ({error.msg}); "
            "mend the file"
        ) from error
    except RecursionError as error:
        raise AnnotationError(f"{file}: expected a list of rows, got JSON nested too deeply; mend the file") from error
    except ValueError as error:
        raise AnnotationError(f"{file}: expected JSON, got a number of thousands of digits; mend the file") from error


def read_text(file: Path) -> str:
    """A text file's content, with or without a byte order mark.

    Raises:
        AnnotationError: missing, unreadable, or not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise AnnotationError(f"{file}: expected an annotation file, found none; check the path") from error
    except OSError as error:
        raise AnnotationError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{file}: expected UTF-8 text, got other bytes at {error.start}; save it as UTF-8"
        ) from error


def join_rows(rows: list[Any], file: Path, log: ProblemLog) -> tuple[list[VideoAnnotation], dict[str, dict[str, Any]]]:
    """Join the rows of each video, in first-seen order.

    Args:
        rows: decoded rows.
        file: where they stand; its folder is the root of media paths.
        log: takes the defects.

    Returns:
        videos: with their traces.
        facts: video_id → `read_facts` of the first row.
    """
    videos: dict[str, VideoAnnotation] = {}
    traces: dict[str, list[TraceAnnotation | None]] = {}
    facts: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        reader = row_reader(row, f"{file.name}:{number}", log)
        video = read_video(reader, file.parent) if reader is not None else None
        if reader is None or video is None:
            continue
        if video.video_id in videos:
            _check_agreement(reader, videos[video.video_id], video)
        else:
            videos[video.video_id] = video
            facts[video.video_id] = read_facts(reader)
        traces.setdefault(video.video_id, []).append(read_trace(reader, video))
    return [_with_traces(video, traces[video.video_id], log) for video in videos.values()], facts


def row_reader(row: Any, where: str, log: ProblemLog) -> RowReader | None:
    """A reader of one decoded row that knows its video_id; None = not an object or no Unicode, recorded."""
    if not isinstance(row, dict):
        log.lost(Problem("bad_row", where, "", f"expected an object, got {type(row).__name__}"))
        return None
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        log.lost(
            Problem("bad_row", where, "", "expected Unicode text, got half of a surrogate pair (\\ud800 to \\udfff)")
        )
        return None
    reader = RowReader(row, where, "", log)
    return replace(reader, video_id=reader.text("video_id") or "")


def _check_agreement(reader: RowReader, first: VideoAnnotation, other: VideoAnnotation) -> None:
    """Record what a later row of a video says differently from its first one."""
    if first.split != other.split:
        reader.lost("split_conflict", f"split is {other.split!r} here and {first.split!r} in {first.where}")
    for name in _SHARED_FIELDS:
        a, b = getattr(first, name), getattr(other, name)
        if a != b:
            reader.lost("row_conflict", f"{name} is {b!s} here and {a!s} in {first.where}")


def _with_traces(video: VideoAnnotation, found: list[TraceAnnotation | None], log: ProblemLog) -> VideoAnnotation:
    """A video with the traces of its rows; a generated one whose rows are all blank stays "nobody looked"."""
    traces = tuple(trace for trace in found if trace is not None)
    if video.label == "real" or not traces:
        return video
    for _ in range(len(found) - len(traces)):
        log.mended(Problem("empty_trace", video.where, video.video_id, "a row without trace content is not used"))
    return replace(video, traces=traces)
