"""Reads and writes `annotations.jsonl`: one video a line, with everything DTR can know of it.

The form is described in docs/annotations.md. It is the one that loses nothing; the released form and a plain folder
hold less.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dtr.annotation import CATEGORIES, Box, Label, Span, TraceAnnotation, VideoAnnotation
from dtr.boxes import clip_boxes
from dtr.data.fields import RowReader, to_number
from dtr.data.problems import OnError, Problem, ProblemLog
from dtr.data.release import ReleaseData, read_text, row_reader
from dtr.data.rows import clip_to_video, read_label, read_split
from dtr.data.tags import read_tags

ANNOTATIONS_FILE = "annotations.jsonl"

VIDEO_KEYS = (
    *("video_id", "path", "label", "source", "split", "width", "height", "fps", "duration_s"),
    *("exhaustive", "traces", "facts"),
)
"""Keys of a line."""

TRACE_KEYS = ("span_s", "box", "boxes", "categories", "raw_tags", "explanation", "confidence")
"""Keys of one entry of `traces`."""

BOX_TOLERANCE = 1e-6
"""A box may leave the frame by this share of it (rounding) before that is a problem."""


def read_jsonl(path: str | Path, *, on_error: OnError = "raise") -> ReleaseData:
    """Read annotations in DTR's own form.

    Args:
        path: the file; `path` of each line is relative to its folder.
        on_error: as for `dtr.data.release.read_release`.

    Raises:
        AnnotationError: the file is missing or unreadable; with "raise", also a defect in a line.
    """
    file = Path(path)
    return read_lines(file, file.name, _read_video, lambda reader: _read_object(reader, "facts"), on_error)


def read_lines(
    file: Path,
    name: str,
    read_video: Callable[[RowReader, Path], VideoAnnotation | None],
    read_facts: Callable[[RowReader], dict[str, Any]],
    on_error: OnError,
) -> ReleaseData:
    """Read a file with one JSON object per video; the first line of a video is used.

    Args:
        file: JSON lines; they end in "\\n" only, since JSON strings may hold other ends of lines.
        name: of the file in problems.
        read_video: what a line says of its video, whose media path is relative to the given folder; None = nothing
            that can be used, recorded. read_facts: further facts of the file.
        on_error: as for `dtr.data.release.read_release`.

    Raises:
        AnnotationError: the file is missing or unreadable; with "raise", also a defect in a line.
    """
    log = ProblemLog(on_error)
    videos: dict[str, VideoAnnotation] = {}
    facts: dict[str, dict[str, Any]] = {}
    lines = [(n, text) for n, text in enumerate(read_text(file).split("\n"), start=1) if text.strip()]
    for number, text in lines:
        reader = _line_reader(text, f"{name}:{number}", log)
        video = read_video(reader, file.parent) if reader is not None else None
        if reader is None or video is None:
            continue
        if video.video_id in videos:
            reader.lost("row_conflict", f"the same video is already in {videos[video.video_id].where}")
            continue
        videos[video.video_id] = video
        facts[video.video_id] = read_facts(reader)
    return ReleaseData(file.parent, tuple(videos.values()), tuple(log.problems), facts, len(lines))


def _line_reader(text: str, where: str, log: ProblemLog) -> RowReader | None:
    """A reader of one line; None = not a JSON object, recorded."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or a number of thousands of digits
        log.lost(Problem("bad_row", where, "", f"expected a JSON object, got a line that is none ({error})"))
        return None
    return row_reader(row, where, log)


def write_lines(videos: Iterable[tuple[VideoAnnotation, str, Mapping[str, Any]]]) -> str:
    """The text of an annotations file; reading it gives the same videos back.

    Args:
        videos: (video, path of its media relative to the file, facts beside the annotation).
    """
    rows = (video_to_json(video, path, facts) for video, path, facts in videos)
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def video_to_json(video: VideoAnnotation, path: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """One line, every key written out.

    Args:
        video: annotation.
        path: of its media, relative to the annotations file.
        facts: what is known of the file beside the annotation.

    Example:
        >>> clip = VideoAnnotation("v", Path("/data/v.mp4"), "fake", "Sora", traces=(TraceAnnotation(span_s=(0, 1)),))
        >>> video_to_json(clip, "v.mp4", {})["traces"][0]["span_s"]
        [0, 1]
    """
    plain = {name: getattr(video, name) for name in VIDEO_KEYS if name not in ("path", "traces", "facts")}
    traces = None if video.traces is None else [_trace_to_json(trace) for trace in video.traces]
    row = {**plain, "path": path, "traces": traces, "facts": _plain(dict(facts))}
    return {name: row[name] for name in VIDEO_KEYS}


def _plain(value: Any) -> Any:
    """A decoded JSON value with null for NaN and infinity, which Python reads but JSON does not have."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _trace_to_json(trace: TraceAnnotation) -> dict[str, Any]:
    given = None if trace.categories is None else [name for name in CATEGORIES if name in trace.categories]
    return {
        "span_s": None if trace.span_s is None else list(trace.span_s),
        "box": None if trace.box is None else list(trace.box),
        "boxes": [[time_s, *box] for time_s, box in trace.boxes],
        "categories": given,
        "raw_tags": list(trace.raw_tags),
        "explanation": trace.explanation,
        "confidence": trace.confidence,
    }


def _read_video(reader: RowReader, folder: Path) -> VideoAnnotation | None:
    """The video of one line; None = no usable id or path, recorded."""
    path = reader.path("path")
    if not reader.video_id or path is None:
        missing = "path" if reader.video_id else "video_id"
        reader.lost("bad_row", f"expected text in {missing}, got {reader.row.get(missing)!r}")
        return None
    _check_keys(reader, VIDEO_KEYS)
    label: Label | None = None if reader.is_blank("label") else read_label(reader, "label")
    video = VideoAnnotation(
        video_id=reader.video_id,
        path=folder / path,
        label=label,
        source=reader.text("source") or "",
        split=read_split(reader),
        width=reader.whole("width", above=0),
        height=reader.whole("height", above=0),
        fps=reader.number("fps", above=0),
        duration_s=reader.number("duration_s", above=0),
        exhaustive=_read_flag(reader, "exhaustive", default=label == "real"),
        where=reader.where,
    )
    return replace(video, traces=_read_traces(reader, video))


def _read_traces(reader: RowReader, video: VideoAnnotation) -> tuple[TraceAnnotation, ...] | None:
    """The traces of a line; None = nobody looked. A real video without the key has none."""
    rows = reader.row.get("traces", [] if video.label == "real" else None)
    if rows is None:
        return None
    if not isinstance(rows, list):
        reader.lost("wrong_type", f"traces must be null or a list, got {type(rows).__name__}")
        return None
    if rows and video.label == "real" and not _is_synthesised(reader):
        reader.lost("trace_on_real", f"a real video must carry no trace, got {len(rows)}")
        return ()
    traces = []
    for number, row in enumerate(rows, start=1):
        inner = row_reader(row, f"{reader.where} trace {number}", reader.log)
        if inner is not None:
            traces.append(_read_trace(replace(inner, video_id=reader.video_id), video))
    return tuple(traces)


def _is_synthesised(reader: RowReader) -> bool:
    """Whether a line is one of `dtr synth`: its label is that of the clip that the traces were put into."""
    facts = reader.row.get("facts")
    return isinstance(facts, dict) and facts.get("synthetic") == "traced"


def _read_trace(reader: RowReader, video: VideoAnnotation) -> TraceAnnotation:
    _check_keys(reader, TRACE_KEYS)
    raw_tags = reader.texts("raw_tags") or ()
    return TraceAnnotation(
        span_s=_read_span(reader, video),
        box=_read_box(reader, "box", reader.row.get("box")),
        boxes=_read_boxes(reader),
        categories=_read_categories(reader, raw_tags),
        raw_tags=raw_tags,
        explanation=reader.text("explanation"),
        confidence=reader.number("confidence"),
        where=reader.where,
    )


def _read_span(reader: RowReader, video: VideoAnnotation) -> Span | None:
    numbers = _numbers(reader, "span_s", reader.row.get("span_s"), 2)
    if numbers is None:
        return None
    start, end = numbers
    if not start < end:
        reader.lost("reversed_span", f"span_s must be [start, end] with start < end, got {[start, end]}")
        return None
    return clip_to_video(reader, (start, end), video.duration_s, tolerance_s=1 / (video.fps or 25.0))


def _read_box(reader: RowReader, name: str, value: Any) -> Box | None:
    """xyxy in [0, 1], clipped; None = not annotated, or not usable (recorded)."""
    numbers = _numbers(reader, name, value, 4)
    if numbers is None:
        return None
    x0, y0, x1, y1 = numbers
    if not (x0 < x1 and y0 < y1):
        reader.lost("reversed_box", f"{name} must have x0 < x1 and y0 < y1, got {numbers}")
        return None
    beyond = max(-x0, -y0, x1 - 1, y1 - 1)
    if beyond <= 0:
        return x0, y0, x1, y1
    x0, y0, x1, y1 = (float(v) for v in clip_boxes(numbers))
    if not (x0 < x1 and y0 < y1):
        reader.lost("box_outside", f"{name} must touch the frame, which is 0 to 1, got {numbers}; is it in pixels?")
        return None
    if beyond > BOX_TOLERANCE:
        reader.mended("box_outside", f"{name} leaves the frame, which is 0 to 1, by {beyond:g}; it is clipped")
    return x0, y0, x1, y1


def _read_boxes(reader: RowReader) -> tuple[tuple[float, Box], ...]:
    """(time, box) pairs, in order; an entry that cannot be used is recorded and left out."""
    rows = reader.row.get("boxes")
    if rows is None:
        return ()
    if not isinstance(rows, list):
        reader.lost("wrong_type", f"boxes must be a list of [time_s, x0, y0, x1, y1], got {type(rows).__name__}")
        return ()
    found: list[tuple[float, Box]] = []
    for number, row in enumerate(rows, start=1):
        name = f"boxes[{number}]"
        numbers = _numbers(reader, name, row, 5)
        box = None if numbers is None else _read_box(reader, name, numbers[1:])
        if numbers is None or box is None:
            continue
        if found and not found[-1][0] < numbers[0]:
            reader.lost("out_of_range", f"times of boxes must increase, got {numbers[0]:g} after {found[-1][0]:g}")
            continue
        found.append((numbers[0], box))
    return tuple(found)


def _read_categories(reader: RowReader, raw_tags: tuple[str, ...]) -> frozenset[str] | None:
    """Names of categories; null = no tags were given; without the key they are read from the raw tags."""
    if "categories" not in reader.row:
        return read_tags(raw_tags)[0]
    names = reader.row["categories"]
    if names is None:
        return None
    known = set(CATEGORIES)
    if not isinstance(names, list) or not all(isinstance(n, str) and n in known for n in names):
        reader.lost("unknown_tag", f"categories must be a list of {', '.join(CATEGORIES)}, got {names!r:.60}")
        return None
    return frozenset(names)


def _read_flag(reader: RowReader, key: str, *, default: bool) -> bool:
    value = reader.row.get(key)
    if isinstance(value, bool) or value is None:
        return default if value is None else value
    reader.lost("wrong_type", f"{key} must be true or false, got {value!r:.60}")
    return default


def _read_object(reader: RowReader, key: str) -> dict[str, Any]:
    value = reader.row.get(key)
    if value is None or isinstance(value, dict):
        return dict(value or {})
    reader.lost("wrong_type", f"{key} must be an object, got {value!r:.60}")
    return {}


def _numbers(reader: RowReader, name: str, value: Any, count: int) -> list[float] | None:
    """A list of finite numbers; None = null, or not usable (recorded)."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != count or any(to_number(v) is None for v in value):
        reader.lost("wrong_type", f"{name} must be a list of {count} numbers, got {value!r:.60}")
        return None
    numbers = [reader.as_number(name, v) for v in value]
    known = [n for n in numbers if n is not None]
    return known if len(known) == count else None


def _check_keys(reader: RowReader, known: tuple[str, ...]) -> None:
    """Record keys that the form does not have: a misspelt one would be lost without a word."""
    for key in sorted(set(reader.row) - set(known)):
        reader.lost("wrong_type", f"the key {key!r:.60} is not known, expected some of {', '.join(known)}")
