"""The media files of a data set: which are there, what their bytes hash to, and what their headers say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dtr.annotation import VideoAnnotation
from dtr.data.problems import Problem, unreadable
from dtr.errors import VideoError

if TYPE_CHECKING:
    from dtr.video.types import VideoInfo

MEDIA_SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm"})
"""Suffixes, lower case, by which a file in a folder counts as media."""

RELEASE_FOLDERS = ("videos", "real_videos")
"""Folders of the release that hold nothing but annotated media."""


@dataclass(frozen=True)
class MediaFacts:
    """What one file's bytes say.

    Attributes:
        path: the file.
        sha256: hex digest; "" = not readable.
        info: what its header declares; None = it cannot be opened as a video.
        error: why not; "" = all is well.
    """

    path: Path
    sha256: str
    info: VideoInfo | None
    error: str = ""


@dataclass(frozen=True)
class MediaListing:
    """Media files of the folders that the rows refer to.

    Attributes:
        files: normalised paths, sorted.
        problems: folders that cannot be read.
        notes: folders with media that no row refers to; they are not part of the data set.
    """

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def normal_path(path: Path) -> Path:
    """An absolute path without ".." (symbolic links kept), so that two spellings of one file compare equal."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (Path.resolve would follow links)


def is_file(path: Path) -> bool:
    """Whether a regular file is there and reachable; never raises, whatever the path holds."""
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises on a locked folder or an over-long name)


def list_media(root: Path, videos: Iterable[VideoAnnotation]) -> MediaListing:
    """Find the media files in the folders that the rows of a data set refer to.

    Args:
        root: the data set's folder.
        videos: its videos.
    """
    root = normal_path(root)
    referred = {_top_folder(root, normal_path(video.path)) for video in videos} | set(RELEASE_FOLDERS)
    problems: list[Problem] = []
    files: list[Path] = []
    notes: list[str] = []
    for folder in [Path(), *_subfolders(root, problems)]:
        found = _walk(root, folder, problems)
        if str(folder) in referred:
            files += found
        elif found:
            place = f"folder {folder}/" if folder != Path() else "data set's own folder"
            notes.append(f"{len(found)} media files in the {place} are in no row's folder and were not looked at")
    return MediaListing(tuple(sorted(files)), tuple(dict.fromkeys(problems)), tuple(notes))


def _top_folder(root: Path, path: Path) -> str:
    """First folder of a path below the root; "." = the root itself, "" = not below it."""
    if not path.is_relative_to(root):
        return ""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else "."


def _subfolders(root: Path, problems: list[Problem]) -> list[Path]:
    """Names of the direct subfolders, sorted; an unreadable root is recorded."""
    try:
        return sorted(Path(entry.name) for entry in os.scandir(root) if entry.is_dir())
    except OSError as error:
        problems.append(unreadable(Path(), error))
        return []


def _walk(root: Path, folder: Path, problems: list[Problem]) -> list[Path]:
    """Media files of a folder below the root and its subfolders, or of the root alone; records unreadable ones."""

    def record(error: OSError) -> None:
        problems.append(unreadable(Path(error.filename).relative_to(root), error))

    found: list[Path] = []
    for place, subfolders, names in os.walk(root / folder, onerror=record):
        found += [Path(place, name) for name in names if Path(name).suffix.lower() in MEDIA_SUFFIXES]
        if folder == Path():
            subfolders.clear()
    return found


def inspect_media(
    files: Sequence[Path], *, workers: int | None = None, on_progress: Callable[[int, int], None] | None = None
) -> list[MediaFacts]:
    """Hash and probe files in parallel.

    Args:
        files: paths.
        workers: threads; None = one per processor.
        on_progress: called with (files done, files in all) after each file.

    Returns:
        One record per file, in input order.
    """
    results: list[MediaFacts] = []
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        for facts in pool.map(inspect_file, files):
            results.append(facts)
            if on_progress is not None:
                on_progress(len(results), len(files))
    return results


def inspect_file(path: Path) -> MediaFacts:
    """Hash one file and read its header."""
    from dtr.video import probe

    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return MediaFacts(path, "", None, f"cannot be read ({error.strerror})")
    try:
        return MediaFacts(path, sha256, probe(path))
    except VideoError as error:
        return MediaFacts(path, sha256, None, str(error))
