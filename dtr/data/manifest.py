"""Reads a `manifest.jsonl`: one line per media file, with what is known of the file and no traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.data.fields import RowReader
from dtr.data.jsonl import read_lines
from dtr.data.problems import OnError
from dtr.data.release import ReleaseData
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
    # The folder is named too: a data set has several files of this name.
    return read_lines(file, f"{file.absolute().parent.name}/{file.name}", _read_line, _read_facts, on_error)


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
