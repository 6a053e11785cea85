"""Turns a data set into another form: the released one, our JSON lines, or a plain folder."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from dtr.annotation import VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.data.dataset import LOOKED_AT_FILE, read_dataset
from dtr.data.folder import LABEL_FOLDERS, source_to_folder
from dtr.data.jsonl import ANNOTATIONS_FILE, write_lines
from dtr.data.media import is_file, normal_path
from dtr.data.release import RELEASE_FILE, ReleaseData
from dtr.data.release_writer import RELEASE_LOSSES, release_rows
from dtr.errors import ConfigError, VideoError
from dtr.inputs import MEDIA_SUFFIXES

Form = Literal["release", "jsonl", "folder"]

RELEASE_MEDIA = {"fake": "videos", "real": "real_videos"}
"""Folder of the media of each label in the released form."""

FOLDER_LOSSES: dict[str, str] = {
    "unlabelled": "{n} videos without a label are left out",
    "no_media": "{n} videos without a media file are left out",
    "suffix": "{n} videos are left out: their file's suffix is not one of media, so that nobody would find it",
    "traces": "{n} traces are left out",
    "splits": "splits of {n} videos are left out",
    "ids": "ids of {n} videos are replaced: they can't be file names",
    "facts": "facts of {n} files (codec, hash, style, source repository, …) are left out",
}
"""What a conversion to a plain folder loses, by kind."""

JOURNAL = ".convert.json"


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        out: the new data set.
        form: its form.
        videos, traces: how many it was made from.
        media: files linked or copied.
        missing: ids of videos whose media file is not there; their annotations are kept where the form can.
        unopened: ids of videos whose size or rate was to be read from the file, which could not be opened.
        losses: what the form cannot hold, in words.
    """

    out: Path
    form: Form
    videos: int
    traces: int
    media: int
    missing: tuple[str, ...]
    unopened: tuple[str, ...]
    losses: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"out": str(self.out)}


def convert(
    source: str | Path,
    out: Path,
    form: Form,
    *,
    copy: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ConvertReport:
    """Write a data set in another form; `out` appears when it is whole.

    Frame sizes, rates and durations that the annotations do not state are read from the media.

    Args:
        source: as for `dtr.data.dataset.read_dataset`.
        out: folder to make; an empty one may be there.
        form: to write.
        copy: copy media; else link to them (symbolic links).
        on_progress: called with (media files placed, files in all).

    Raises:
        AnnotationError: the source has a defect.
        ConfigError: `out` is not empty, lies in the source, or cannot be written.
    """
    data = read_dataset(source)
    _check_out(out, data.root)
    losses: Counter[str] = Counter()
    found = {video.video_id for video in data.videos if is_file(video.path)}
    videos, unopened = (data.videos, ()) if form == "folder" else _with_media_facts(data.videos, found)
    placed = [(v, path) for v in videos if (path := _place(v, data.root, form, v.video_id in found, losses))]
    placed = _without_clashes(placed)
    try:
        partial = _open_partial(out, data, form, copy)
        _put_media(partial, [(v.path, path) for v, path in placed if v.video_id in found], copy, on_progress)
        _write_annotations(partial, placed, data, form, losses)
        partial.replace(out)
        (out / JOURNAL).unlink()
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror or error}); choose another folder") from error
    words = FOLDER_LOSSES if form == "folder" else RELEASE_LOSSES
    return ConvertReport(
        out=out,
        form=form,
        videos=len(data.videos),
        traces=sum(len(v.traces or ()) for v in data.videos),
        media=sum(v.video_id in found for v, _ in placed),
        missing=tuple(v.video_id for v in data.videos if v.video_id not in found),
        unopened=unopened,
        losses=tuple(text.format(n=losses[kind]) for kind, text in words.items() if losses[kind]),
    )


def safe_name(video_id: str) -> str:
    """The id as a file name without suffix; a hash of it where it can't be one.

    Example:
        >>> safe_name("0_30_s_academic_v0_1_7"), safe_name("../x")
        ('0_30_s_academic_v0_1_7', 'd6b96a97d147daaa')
    """
    if re.fullmatch(r"[\w(][\w .()+=,-]{0,150}", video_id) and not video_id.endswith((" ", ".")):
        return video_id
    return hashlib.sha256(video_id.encode()).hexdigest()[:16]


def _check_out(out: Path, root: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: expected no such folder or an empty one, got one with content; choose another")
    if out.resolve().is_relative_to(root.resolve()):  # links are followed: one could lead into the data set
        raise ConfigError(f"{out}: expected a folder outside of the data set {root}, got one in it; choose another")
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"{out}: expected the folder {out.absolute().parent} to exist; make it or choose another")


def _with_media_facts(
    videos: Sequence[VideoAnnotation], found: set[str]
) -> tuple[tuple[VideoAnnotation, ...], tuple[str, ...]]:
    """Videos with what their files say where the annotations are silent, and ids of files that cannot be opened."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        filled = list(pool.map(lambda v: _with_header(v) if v.video_id in found else v, videos))
    pairs = list(zip(videos, filled, strict=True))
    return tuple(new or old for old, new in pairs), tuple(old.video_id for old, new in pairs if new is None)


def _with_header(video: VideoAnnotation) -> VideoAnnotation | None:
    """The video with its file's size, rate and duration where it states none; None = it cannot be opened."""
    if None not in (video.width, video.height, video.fps, video.duration_s):
        return video
    from dtr.video import probe

    try:
        info = probe(video.path)
    except VideoError:
        return None
    if video.width is None or video.height is None:
        video = replace(video, width=info.width, height=info.height)
    return replace(video, fps=video.fps or info.fps, duration_s=video.duration_s or info.duration_s)


def _place(video: VideoAnnotation, root: Path, form: Form, found: bool, losses: Counter[str]) -> str | None:
    """Path of a video's media in the new data set; None = that cannot hold the video, counted."""
    path = normal_path(video.path)
    inside = path.relative_to(normal_path(root)) if path.is_relative_to(normal_path(root)) else None
    name = safe_name(video.video_id) + path.suffix
    if form == "jsonl":
        return inside.as_posix() if inside is not None else f"media/{name}"
    if form == "release":
        folder = RELEASE_MEDIA.get(video.label or "", "videos")
        kept = inside is not None and len(inside.parts) > 1 and inside.parts[0] == folder
        return inside.as_posix() if inside is not None and kept else f"{folder}/{name}"
    lacking = {
        "unlabelled": video.label is None,
        "no_media": not found,
        "suffix": path.suffix.lower() not in MEDIA_SUFFIXES,
    }
    reason = next((kind for kind, lacks in lacking.items() if lacks), None)
    if reason is not None or video.label is None:
        losses[reason or "unlabelled"] += 1
        return None
    losses["ids"] += safe_name(video.video_id) != video.video_id
    return "/".join(part for part in (LABEL_FOLDERS[video.label], source_to_folder(video.source), name) if part)


def _without_clashes(placed: list[tuple[VideoAnnotation, str]]) -> list[tuple[VideoAnnotation, str]]:
    """The same, with a number in the names of further files that would land on one path."""
    taken: dict[str, Path] = {}
    result = []
    for video, path in placed:
        media, target, number = normal_path(video.path), path, 2
        while taken.setdefault(target, media) != media:
            pure = PurePosixPath(path)
            target = str(pure.with_name(f"{pure.stem}-{number}{pure.suffix}"))
            number += 1
        result.append((video, target))
    return result


def _open_partial(out: Path, data: ReleaseData, form: Form, copy: bool) -> Path:
    """The folder that becomes `out`, new or left by an interrupted run of the same conversion."""
    partial = out.absolute().with_name(f".{out.name}.partial")
    lines = write_lines((video, str(video.path), data.facts.get(video.video_id, {})) for video in data.videos)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    wanted = json.dumps({"source": digest, "form": form, "copy": copy})
    journal = partial / JOURNAL
    if partial.exists() and not (journal.is_file() and journal.read_text(encoding="utf-8") == wanted):
        raise ConfigError(f"{partial}: holds the rest of another conversion; remove it or choose another folder")
    partial.mkdir(exist_ok=True)
    write_text_atomically(journal, wanted)
    return partial


def _put_media(
    folder: Path, files: Sequence[tuple[Path, str]], copy: bool, on_progress: Callable[[int, int], None] | None
) -> None:
    """Link or copy every file; one that an interrupted run has placed stays."""
    for done, (media, path) in enumerate(files, start=1):
        target = folder / path
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if copy:
                part = target.with_name(f".{target.name}.part")
                shutil.copyfile(media, part)
                part.replace(target)
            else:
                target.symlink_to(media.resolve())
        if on_progress is not None:
            on_progress(done, len(files))


def _write_annotations(
    folder: Path, placed: list[tuple[VideoAnnotation, str]], data: ReleaseData, form: Form, losses: Counter[str]
) -> None:
    """The file of annotations, or a count of all that a plain folder has no place for."""
    lines = [(video, path, data.facts.get(video.video_id, {})) for video, path in placed]
    if form == "jsonl":
        write_text_atomically(folder / ANNOTATIONS_FILE, write_lines(lines))
        return
    if form == "folder":
        for video, _, facts in lines:
            losses["traces"] += len(video.traces or ())
            losses["splits"] += video.split is not None
            losses["facts"] += bool(facts)
        return
    # The released file has all generated videos before all real ones.
    lines.sort(key=lambda line: line[0].label == "real")
    rows = [row for line in lines for row in release_rows(*line, losses, mime_type=_mime_type(line[1]))]
    clean = [v for v, _, _ in lines if v.label == "fake" and v.traces == ()]
    if clean:
        listed = [{"video_id": video.video_id, "traces": 0} for video in clean]
        write_text_atomically(folder / LOOKED_AT_FILE, json.dumps(listed, indent=1))
    write_text_atomically(folder / RELEASE_FILE, json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False))


def _mime_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
