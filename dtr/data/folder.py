"""Reads a plain folder of media: `real/**` and `fake/<generator>/**`. Labels and sources, nothing else."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from dtr.annotation import Label, VideoAnnotation
from dtr.data.problems import OnError, Problem, ProblemLog, unreadable
from dtr.data.release import ReleaseData
from dtr.inputs import MEDIA_SUFFIXES

LABEL_FOLDERS: dict[Label, str] = {"real": "real", "fake": "fake"}
"""Where the media of each label lie."""


def is_plain_folder(root: Path) -> bool:
    """Whether a folder has `real/` or `fake/`."""
    return any((root / name).is_dir() for name in LABEL_FOLDERS.values())


def read_folder(root: str | Path, *, on_error: OnError = "raise") -> ReleaseData:
    """Read labels and sources from where media files lie.

    The first folder below `fake/` names the generator, the first below `real/` the camera source; a file directly in
    `real/` or `fake/` has none. A video's id is its file name without suffix, or its path where several files have that
    name. There are no splits and no traces: nobody looked at the generated videos.

    Args:
        root: the folder; files without a media suffix and hidden ones are not part of the data set.
        on_error: as for `dtr.data.release.read_release`; here for folders that cannot be read.

    Raises:
        AnnotationError: with "raise", a folder that cannot be read.
    """
    root = Path(root)
    log = ProblemLog(on_error)
    found = [(label, path) for label, name in LABEL_FOLDERS.items() for path in _media(root, root / name, log)]
    stems = Counter(path.stem for _, path in found)
    videos = tuple(_video(root, label, path, unique=stems[path.stem] == 1) for label, path in found)
    return ReleaseData(root, videos, tuple(log.problems), {}, len(videos))


def source_to_folder(source: str) -> str:
    """A folder's name for a source; `folder_to_source` reads it back.

    Example:
        >>> source_to_folder("Pika 1.5"), source_to_folder("org/model"), source_to_folder("..")
        ('Pika 1.5', 'org%2Fmodel', '%2E.')
    """
    quoted = source.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C").replace("\0", "%00")
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


def folder_to_source(name: str) -> str:
    """The source that a folder is named after.

    Example:
        >>> folder_to_source("org%2Fmodel"), folder_to_source("100%")
        ('org/model', '100%')
    """
    return unquote(name)


def _video(root: Path, label: Label, path: Path, *, unique: bool) -> VideoAnnotation:
    relative = path.relative_to(root)
    return VideoAnnotation(
        video_id=path.stem if unique else relative.as_posix(),
        path=path,
        label=label,
        source=folder_to_source(relative.parts[1]) if len(relative.parts) > 2 else "",
        traces=() if label == "real" else None,
        exhaustive=label == "real",
        where=relative.as_posix(),
    )


def _media(root: Path, folder: Path, log: ProblemLog) -> list[Path]:
    """Media files of a label's folder, sorted; the folder of a source may be a link, those below may not."""
    if not folder.is_dir():
        return []
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        log.lost(unreadable(folder.relative_to(root), error))
        return []
    files = [path for path in entries if not path.is_dir()]
    for source in entries:
        if source.is_dir() and not source.name.startswith("."):
            files += _walk(root, source, log)
    media = (path for path in files if path.suffix.lower() in MEDIA_SUFFIXES and not path.name.startswith("."))
    return [path for path in sorted(media) if _has_text_name(root, path, log)]


def _has_text_name(root: Path, path: Path, log: ProblemLog) -> bool:
    """Whether a name is text; one of other bytes can be no id and stand in no annotation, and is recorded."""
    where = str(path.relative_to(root))
    try:
        where.encode()
    except UnicodeEncodeError:
        shown = where.encode(errors="backslashreplace").decode()
        log.lost(Problem("unreadable", shown, "", "expected a file name in UTF-8, got other bytes; rename it"))
        return False
    return True


def _walk(root: Path, top: Path, log: ProblemLog) -> list[Path]:
    files: list[Path] = []

    def record(error: OSError) -> None:
        log.lost(unreadable(Path(error.filename).relative_to(root), error))

    for place, folders, names in os.walk(top, onerror=record):
        files += [Path(place, name) for name in names]
        for name in [name for name in folders if Path(place, name).is_symlink()]:
            where = str(Path(place, name).relative_to(root))
            log.lost(Problem("unreadable", where, "", "a linked folder below that of a source is not followed"))
    return files
