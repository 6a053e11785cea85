"""Reads a `manifest.jsonl`: one line per media file, with what is known of the file and no traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.data.fields import RowReader
from dtr.data.jsonl import line_reader
from dtr.data.problems import OnError, ProblemLog
from dtr.data.release import ReleaseData, read_text
from dtr.data.rows import read_label, read_split

MANIFEST_FILE = "manifest.jsonl"

ID_DIGITS = 16
"""A file without a stated id is known by this many hex digits of its sha256."""

_ANNOTATION_FIELDS = frozenset({"file", "video_id", "width", "height", "fps", "duration", "label", "split"})


def read_manifest(path: str | Path, *, on_error: OnError = "raise") -> ReleaseData:
    """Read a manifest: `file`, `label`, `split`, `generator` or `source`, size, rate, duration, and any other facts.

    Camera clips get no traces and are exhaustive; generated ones get None (nobody looked) until joined with rows.

    Args:
        path: the file; `file` of each line is relative to its folder.
        on_error: as for `read_release`.

    Raises:
        AnnotationError: the file is missing or unreadable; with "raise", also a defect in a line.
    """
    file = Path(path)
    log = ProblemLog(on_error)
    videos: dict[str, VideoAnnotation] = {}
    facts: dict[str, dict[str, Any]] = {}
    lines = [(n, text) for n, text in enumerate(read_text(file).splitlines(), start=1) if text.strip()]
    for number, text in lines:
        # The folder is named too: a data set has several files of this name.
        reader = line_reader(text, f"{file.absolute().parent.name}/{file.name}:{number}", log)
        video = _read_line(reader, file.parent) if reader is not None else None
        if reader is None or video is None:
            continue
        if video.video_id in videos:
            reader.lost("row_conflict", f"the same video is already in {videos[video.video_id].where}")
            continue
        videos[video.video_id] = video
        facts[video.video_id] = _read_facts(reader)
    return ReleaseData(file.parent, tuple(videos.values()), tuple(log.problems), facts, len(lines))


def _read_line(reader: RowReader, folder: Path) -> VideoAnnotation | None:
    """The video of one line; None = no usable file or id, recorded."""
    path = reader.path("file")
    video_id = reader.video_id or (reader.text("sha256") or "")[:ID_DIGITS]
    if path is None or not video_id:
        reader.lost("bad_row", "expected text in file, and in video_id or sha256")
        return None
    label = read_label(reader, "label")
    return VideoAnnotation(
        video_id=video_id,
        path=folder / path,
        label=label,
        source=reader.text("generator") or reader.text("source") or "",
        split=read_split(reader),
        width=reader.whole("width", above=0),
        height=reader.whole("height", above=0),
        fps=reader.number("fps", above=0),
        duration_s=reader.number("duration", above=0),
        traces=() if label == "real" else None,
        exhaustive=label == "real",
        where=reader.where,
    )


def _read_facts(reader: RowReader) -> dict[str, Any]:
    """Every other non-blank field; `frames` under the name that release rows use, one name for the source."""
    renamed = {"frames": "num_frames", "source_repo_or_package": "source_repo"}
    return {
        renamed.get(key, key): value
        for key, value in reader.row.items()
        if key not in _ANNOTATION_FIELDS and not reader.is_blank(key)
    }
