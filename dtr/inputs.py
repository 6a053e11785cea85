"""What the caller named, as a list of media files: files, folders and patterns, in a fixed order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dtr.errors import DTRError, VideoError

MEDIA_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".gif", ".flv", ".wmv"}
    | {".3gp", ".3g2", ".ogv", ".mxf", ".f4v", ".mjpeg", ".vob"}
)
"""Files that are taken from a folder; a file named by itself is tried whatever it is called."""

OVERLAY_SUFFIX = ".overlay.mp4"
"""Files that `dtr detect --overlay FOLDER` has written; a folder's search passes them by."""


@dataclass(frozen=True)
class Input:
    """One thing to judge.

    Attributes:
        path: as given, or as found in a folder that was given.
        error: why there is nothing to judge there; None = try it.
    """

    path: str
    error: DTRError | None = None


def expand_inputs(names: Iterable[str]) -> list[Input]:
    """Files of every name, in the order of the names and sorted within each.

    Args:
        names: files, folders (searched to any depth for media files) and glob patterns ("**" crosses folders).

    Returns:
        One `Input` per file; a name that leads to nothing gives one with an error, so that nothing vanishes.
    """
    return [found for name in names for found in _expand(name)]


def _expand(name: str) -> Iterator[Input]:
    path = Path(name)
    if path.is_dir():
        yield from _from_folder(path)
    elif os.path.lexists(path) or not glob.has_magic(name):
        # A missing file too: opening it gives the error, in its place.
        yield Input(name)
    else:
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        files = [m for m in matches if not Path(m).is_dir()]
        for match in files:
            yield Input(match)
        if not files:
            yield Input(name, VideoError(f"{name}: expected at least one file to match, got none; check the pattern"))


def _from_folder(folder: Path) -> Iterator[Input]:
    unreadable: list[OSError] = []
    files = [
        Path(root) / file
        for root, _, names in os.walk(folder, onerror=unreadable.append)
        for file in names
        if Path(file).suffix.lower() in MEDIA_SUFFIXES and not file.endswith(OVERLAY_SUFFIX)
    ]
    for file in sorted(files):
        yield Input(str(file))
    for error in unreadable:
        reason = error.strerror or "unreadable"
        yield Input(str(error.filename), VideoError(f"{error.filename}: cannot read this folder ({reason}); check it"))
    if not files and not unreadable:
        suffixes = " ".join(sorted(MEDIA_SUFFIXES))
        yield Input(
            str(folder),
            VideoError(f"{folder}: expected media files ({suffixes}), found none; name the files to try them anyway"),
        )
