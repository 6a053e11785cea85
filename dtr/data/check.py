"""`check_dataset`: every problem of a data set, from its rows, its files and the two together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.annotation import VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.data.media import MediaFacts, inspect_media, is_file, list_media, normal_path
from dtr.data.problems import KINDS, Problem, count_kinds
from dtr.data.release import ReleaseData

if TYPE_CHECKING:
    from dtr.video.types import VideoInfo

FPS_TOLERANCE = 0.02
"""Declared and probed frame rates may differ by this share (rounding: 23.976 and 24, 29.97 and 30)."""

DURATION_TOLERANCE_S = 0.15
"""Declared and probed durations may differ by this or by two frames, whichever is more."""


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        root: the data set's folder.
        counts: rows, videos, traces (`ReleaseData.counts`) and media files.
        problems: every defect: rows first, then files.
        notes: what was left out of the check on purpose.
    """

    root: Path
    counts: dict[str, int]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def kinds(self) -> dict[str, int]:
        """Number of problems per kind."""
        return count_kinds(self.problems)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "root": str(self.root),
            "ok": self.ok,
            "counts": self.counts,
            "problem_counts": self.kinds,
            "problems": [problem.to_json() for problem in self.problems],
            "notes": list(self.notes),
        }


def check_dataset(
    root: str | Path,
    *,
    fast: bool = False,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """List every problem of a data set.

    Args:
        root: as for `read_dataset`.
        fast: leave out hashing and probing of the media files.
        workers: threads for hashing and probing; None = one per processor.
        on_progress: called with (files done, files in all).

    Raises:
        AnnotationError: there are no annotations that can be read at all.
    """
    data = read_dataset(root, on_error="collect")
    by_path: dict[Path, list[VideoAnnotation]] = defaultdict(list)
    for video in data.videos:
        by_path[normal_path(video.path)].append(video)
    listing = list_media(data.root, data.videos)
    problems = list(dict.fromkeys([*data.problems, *listing.problems]))  # both may meet the same locked folder
    problems += _check_paths(data.root, by_path, set(listing.files))
    notes = list(listing.notes)
    if fast:
        notes.append("media files were neither hashed nor opened (--fast)")
    else:
        present = [path for path in by_path if is_file(path)]
        media = inspect_media(present, workers=workers, on_progress=on_progress)
        problems += _check_contents(data, by_path, media)
    counts = {**data.counts, "files": len(listing.files), "problems": len(problems)}
    order = {kind: place for place, kind in enumerate(KINDS)}
    return CheckReport(data.root, counts, tuple(sorted(problems, key=lambda p: order[p.kind])), tuple(notes))


def _check_paths(root: Path, by_path: dict[Path, list[VideoAnnotation]], files: set[Path]) -> Iterator[Problem]:
    """Rows without media, media without rows, and one file under several ids."""
    base = normal_path(root)
    for path, videos in by_path.items():
        first = videos[0]
        if not is_file(path):
            yield Problem("missing_file", first.where, first.video_id, f"expected the media file {path}, found none")
        if not path.is_relative_to(base):
            yield Problem("path_outside", first.where, first.video_id, f"{path} is not in {base}")
        yield from _check_shared("duplicate_path", "is the file of", videos)
    for path in sorted(files - set(by_path)):
        yield Problem("unlisted_file", str(path.relative_to(base)), "", "the media file is in no row")


def _check_shared(kind: str, relation: str, videos: list[VideoAnnotation]) -> Iterator[Problem]:
    """Videos that share one file or one content: each further one, and whether splits or labels are torn."""
    first = videos[0]
    for other in videos[1:]:
        message = f"{other.path.name} {relation} video {first.video_id} ({first.where})"
        yield Problem(kind, other.where, other.video_id, message)
    ids = ", ".join(video.video_id for video in videos)
    for name, leak in (("split", "split_leak"), ("label", "label_leak")):
        values = sorted({value for video in videos if (value := getattr(video, name)) is not None})
        if len(values) > 1:
            yield Problem(leak, first.where, first.video_id, f"the videos {ids} share it across {' and '.join(values)}")


def _check_contents(
    data: ReleaseData, by_path: dict[Path, list[VideoAnnotation]], media: Iterable[MediaFacts]
) -> Iterator[Problem]:
    """Duplicates by content, and what the files say against what the rows say."""
    by_hash: dict[str, list[VideoAnnotation]] = defaultdict(list)
    for facts in media:
        first, *_ = videos = by_path[facts.path]
        if facts.info is None:
            kind = "undecodable" if facts.sha256 else "unreadable"
            yield Problem(kind, first.where, first.video_id, facts.error)
        if facts.sha256:
            by_hash[facts.sha256].append(first)
        for video in videos:
            yield from _check_hash(video, data.facts.get(video.video_id, {}), facts.sha256)
            if facts.info is not None:
                yield from _check_header(video, facts.info)
    for same in by_hash.values():
        yield from _check_shared("duplicate_content", "has the same bytes as", same)


def _check_hash(video: VideoAnnotation, facts: dict[str, Any], sha256: str) -> Iterator[Problem]:
    """The declared content hash against the file's."""
    declared = facts.get("sha256")
    if declared is not None and sha256 and declared != sha256:
        yield Problem("hash_mismatch", video.where, video.video_id, f"expected sha256 {declared}, got {sha256}")


def _check_header(video: VideoAnnotation, info: VideoInfo) -> Iterator[Problem]:
    """Declared size, rate and duration against the file's header; what either leaves open is not compared."""
    if (
        video.width is not None
        and video.height is not None
        and (video.width, video.height) != (info.width, info.height)
    ):
        message = f"expected {video.width}x{video.height} as declared, the file shows {info.width}x{info.height}"
        yield Problem("size_mismatch", video.where, video.video_id, message)
    if video.fps and info.fps and abs(video.fps - info.fps) > FPS_TOLERANCE * info.fps:
        message = f"expected {video.fps:g} frames/s as declared, the file has {info.fps:g}"
        yield Problem("fps_mismatch", video.where, video.video_id, message)
    if video.duration_s and info.duration_s:
        tolerance = max(DURATION_TOLERANCE_S, 2 / (info.fps or video.fps or 25.0))
        if abs(video.duration_s - info.duration_s) > tolerance:
            message = f"expected {video.duration_s:g} s as declared, the file lasts {info.duration_s:g} s"
            yield Problem("duration_mismatch", video.where, video.video_id, message)
