"""Reads a whole data set: annotations, manifests and the list of clips looked at, joined; or a plain folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.data.folder import is_plain_folder, read_folder
from dtr.data.jsonl import ANNOTATIONS_FILE, read_jsonl
from dtr.data.manifest import MANIFEST_FILE, read_manifest
from dtr.data.media import normal_path
from dtr.data.problems import OnError, Problem, ProblemLog, unreadable
from dtr.data.release import RELEASE_FILE, ReleaseData, load_json, read_release, read_text, row_reader
from dtr.errors import AnnotationError

LOOKED_AT_FILE = "looked_at.json"


def read_dataset(path: str | Path, *, on_error: OnError = "raise") -> ReleaseData:
    """Read a folder of annotated media, a released `all_data.json`, an `annotations.jsonl`, or a `manifest.jsonl`.

    In a folder, `all_data.json` or `annotations.jsonl`, and the manifests in it and in its direct subfolders, are
    joined by video_id or path: annotations win, manifests add videos that those lack and facts of the files. A
    generated video that only a manifest knows has traces None; one that `looked_at.json` lists without a trace has
    none, and is still not exhaustive. A folder without any of these files is read as `real/**` and
    `fake/<generator>/**`.

    Args:
        path: folder or file.
        on_error: as for `read_release`.

    Raises:
        AnnotationError: nothing to read there, or two files of annotations; with "raise", also a defect in a row.
    """
    root = Path(path)
    if not root.is_dir():
        return _read_file(root, on_error)
    log = ProblemLog(on_error)
    annotations, manifests, looked_at = _find_files(root, log)
    if len(annotations) > 1:
        raise AnnotationError(
            f"{root}: expected one file of annotations, got {' and '.join(file.name for file in annotations)}; "
            "name the one that you mean"
        )
    parts = [_read_file(file, on_error) for file in annotations]
    parts += [read_manifest(file, on_error=on_error) for file in manifests]
    if not parts and is_plain_folder(root):
        parts = [read_folder(root, on_error=on_error)]
    if not parts:
        raise AnnotationError(
            f"{root}: expected {RELEASE_FILE}, {ANNOTATIONS_FILE}, a {MANIFEST_FILE} in it or its subfolders, or the "
            "folders real and fake, found none of them; give the data set's folder or one of these files"
        )
    videos, facts = _join(parts, log)
    for file in looked_at:
        videos = _mark_looked_at(videos, file, log)
    problems = [p for part in parts for p in part.problems] + log.problems
    return ReleaseData(root, tuple(videos), tuple(problems), facts, sum(part.num_rows for part in parts))


def _read_file(file: Path, on_error: OnError) -> ReleaseData:
    """Read one file in the form that its name, or its first line, says."""
    if file.suffix != ".jsonl":
        return read_release(file, on_error=on_error)
    if file.name == ANNOTATIONS_FILE or (file.name != MANIFEST_FILE and _names_a_path(file)):
        return read_jsonl(file, on_error=on_error)
    return read_manifest(file, on_error=on_error)


def _names_a_path(file: Path) -> bool:
    """Whether the first line has the key `path` of annotations; those of a manifest have `file`."""
    first = next((line for line in read_text(file).split("\n") if line.strip()), "")
    try:
        row = json.loads(first or "{}")
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "path" in row and "file" not in row


def _find_files(root: Path, log: ProblemLog) -> tuple[list[Path], list[Path], list[Path]]:
    """Annotations, manifests and the list of clips looked at; each list may be empty.

    Raises:
        AnnotationError: the folder cannot be read.
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir())
        annotations = _existing(root / RELEASE_FILE) + _existing(root / ANNOTATIONS_FILE)
        looked_at = _existing(root / LOOKED_AT_FILE)
        manifests = _existing(root / MANIFEST_FILE)
    except OSError as error:
        raise AnnotationError(f"{root}: cannot be read ({error.strerror}); check the folder's rights") from error
    for folder in folders:
        try:
            manifests += _existing(folder / MANIFEST_FILE)
        except OSError as error:
            log.lost(unreadable(folder.relative_to(root), error))
    return annotations, manifests, looked_at


def _existing(file: Path) -> list[Path]:
    """The file, if it is there."""
    return [file] if file.exists() else []


def _join(parts: Iterable[ReleaseData], log: ProblemLog) -> tuple[list[VideoAnnotation], dict[str, dict[str, Any]]]:
    """Join videos of several files by id or path; the first file to name a video decides, later ones add facts."""
    videos: dict[str, VideoAnnotation] = {}
    ids_by_path: dict[Path, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    for part in parts:
        known = set(videos)
        for video in part.videos:
            video_id = video.video_id
            if video_id not in known:
                video_id = ids_by_path.get(normal_path(video.path), video_id)
            if video_id in known:
                _check_agreement(videos[video_id], video, log)
            else:
                videos[video_id] = video
            facts[video_id] = {**part.facts.get(video.video_id, {}), **facts.get(video_id, {})}
        ids_by_path.update((normal_path(video.path), video_id) for video_id, video in videos.items())
    return list(videos.values()), facts


def _check_agreement(row: VideoAnnotation, line: VideoAnnotation, log: ProblemLog) -> None:
    """Record where a manifest line contradicts the row of the same video."""
    pairs: list[tuple[str, Any, Any]] = [("path", normal_path(row.path), normal_path(line.path))]
    pairs += [(name, getattr(row, name), getattr(line, name)) for name in ("label", "split", "width", "height")]
    for name, stated, here in pairs:
        if None not in (stated, here) and stated != here:
            kind = "split_conflict" if name == "split" else "row_conflict"
            log.lost(Problem(kind, line.where, row.video_id, f"{name} is {here!s} here and {stated!s} in {row.where}"))


def _mark_looked_at(videos: list[VideoAnnotation], file: Path, log: ProblemLog) -> list[VideoAnnotation]:
    """Give generated videos that were looked at without finding a trace their empty tuple of traces."""
    looked_at = _read_looked_at(file, log)
    by_id = {video.video_id: video for video in videos}
    for video_id, (count, where) in looked_at.items():
        video = by_id.get(video_id)
        found = len(video.traces or ()) if video is not None else 0
        if video is None:
            log.mended(Problem("looked_at", where, video_id, "the video is in no row and no manifest"))
        elif found != count:
            log.mended(Problem("looked_at", where, video_id, f"expected {count} traces as listed, got {found} rows"))
    clean = {video_id for video_id, (count, _) in looked_at.items() if count == 0}
    return [replace(v, traces=()) if v.traces is None and v.video_id in clean else v for v in videos]


def _read_looked_at(file: Path, log: ProblemLog) -> dict[str, tuple[int, str]]:
    """video_id → number of traces found, and where it says so."""
    rows = load_json(file)
    if not isinstance(rows, list):
        raise AnnotationError(f"{file}: expected a list of objects, got {type(rows).__name__}; mend or remove it")
    looked_at: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(rows, start=1):
        reader = row_reader(row, f"{file.name}:{number}", log)
        count = reader.whole("traces", above=-1) if reader is not None else None
        if reader is None:
            continue
        if not reader.video_id or count is None:
            reader.lost("bad_row", "expected text in video_id and a whole number in traces")
            continue
        looked_at[reader.video_id] = (count, reader.where)
    return looked_at
