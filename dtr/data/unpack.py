"""From the downloaded release to media files: its archives, whole or in pieces, unpacked safely and checked."""

from __future__ import annotations

import filecmp
import io
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from dtr.data.media import MEDIA_SUFFIXES
from dtr.data.pieces import PieceReader, find_pieces, next_piece
from dtr.data.release import RELEASE_FILE
from dtr.errors import ArchiveError, ConfigError

ARCHIVES: tuple[tuple[str, str], ...] = (
    ("videos.zip", "videos"),
    ("real_video.zip", "real_videos"),
    ("real_videos.zip", "real_videos"),
)
"""Name of an archive of the release (or of its pieces, with a number after it) and the folder its media go to."""

TOP_FOLDERS = frozenset({"videos", "real_videos", "real_video"})
"""Folders that may or may not stand before the names inside of an archive."""

CHUNK = 1 << 20

OTHER_FILE = "another file is there, which is never overwritten; remove it and run again"


@dataclass(frozen=True)
class UnpackLimits:
    """How much may come out of the archives; what they declare is looked at before anything is written.

    Attributes:
        total_bytes: of all files. file_bytes: of one file. files: how many.
        ratio: unpacked over packed size of one file; coded video does not shrink, so more is a bomb.
    """

    total_bytes: int = 64 * 2**30
    file_bytes: int = 4 * 2**30
    files: int = 200_000
    ratio: float = 200.0


@dataclass(frozen=True)
class Member:
    """One file to unpack: its entry in the archive and its path below the output folder."""

    info: zipfile.ZipInfo
    path: str


@dataclass
class UnpackReport:
    """What was unpacked.

    Attributes:
        out: folder with `videos/`, `real_videos/` and, if it came along, `all_data.json`.
        made, ready: files written now, and files that were there, whole.
        num_bytes: of both.
        skipped: names in the archives that are no media, left out.
        failures: path → why it could not be unpacked.
        has_rows: `all_data.json` is there.
    """

    out: Path
    made: int = 0
    ready: int = 0
    num_bytes: int = 0
    skipped: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    has_rows: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"out": str(self.out)}


def unpack(
    download: Path,
    out: Path | None = None,
    *,
    limits: UnpackLimits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> UnpackReport:
    """Unpack the media of a downloaded release.

    A file is written beside its place, checked by its CRC, then moved there; a second run goes on after a kill and
    checks what is there.

    Args:
        download: folder with `videos.zip` or `videos.zip.001`, …, and `real_video.zip` (also in pieces).
        out: where to; None = `download`.
        limits: of what may come out.
        on_progress: called with (bytes done, bytes in all).

    Raises:
        ArchiveError: no archive is there, a piece is missing, or an archive is damaged, too large or unsafe.
        ConfigError: a folder cannot be read or written, or there is too little space.
    """
    out = download if out is None else out
    report = UnpackReport(out)
    try:
        archives = [(parts, folder) for name, folder in ARCHIVES if (parts := find_pieces(download, name))]
        if not archives:
            names = ", ".join(name for name, _ in ARCHIVES)
            raise ArchiveError(f"{download}: expected {names}, or their pieces, found none; give the download's folder")
        members = _read_members(archives, limits or UnpackLimits(), report)
        out.mkdir(parents=True, exist_ok=True)
        _check_space(out, members)
        total = sum(member.info.file_size for _, found in members for member in found)
        for pieces, found in members:
            with _open_zip(pieces) as archive:
                for member in found:
                    _unpack_member(archive, member, report)
                    if on_progress is not None:
                        on_progress(report.num_bytes, total)
        report.has_rows = _bring_rows(download, out, report)
    except OSError as error:
        place = error.filename or out
        raise ConfigError(f"{place}: cannot be read or written ({error.strerror or error}); check it") from error
    return report


def member_path(name: str, folder: str) -> str | None:
    """Where a file of an archive goes, below the output folder; None = it is no media and not unpacked.

    Args:
        name: in the archive, with or without a top folder.
        folder: of the archive's media.

    Raises:
        ArchiveError: the name leads out of its folder.

    Example:
        >>> member_path("videos/a.mp4", "videos"), member_path("a.mp4", "videos"), member_path("readme.txt", "videos")
        ('videos/a.mp4', 'videos/a.mp4', None)
    """
    parts = [part for part in name.split("/") if part != "."]
    unsafe = name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) or {"..", ""} & set(parts)
    if unsafe or any(ord(c) < 32 for c in name):
        raise ArchiveError(f"expected names below {folder}/ in the archive, got {name!r:.80}; do not unpack this file")
    if parts[0] in TOP_FOLDERS and len(parts) > 1:
        parts = parts[1:]
    hidden = parts[0] == "__MACOSX" or parts[-1].startswith(".")
    if hidden or Path(parts[-1]).suffix.lower() not in MEDIA_SUFFIXES:
        return None
    return "/".join([folder, *parts])


@contextmanager
def _open_zip(pieces: Sequence[Path]) -> Iterator[zipfile.ZipFile]:
    """The archive that the pieces make.

    Raises:
        ArchiveError: it is none, or has no end.
    """
    with io.BufferedReader(PieceReader(pieces), CHUNK) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            following = next_piece(pieces)
            hint = f"is {following}, or a later piece, missing?" if following else "download it again"
            message = f"{pieces[-1]}: expected the end of a zip archive, got none ({error}); {hint}"
            raise ArchiveError(message) from error
        with archive:
            if any(info.header_offset < 0 for info in archive.infolist()):
                raise ArchiveError(f"{pieces[0]}: expected the beginning of a zip archive, got a later part; find it")
            yield archive


def _read_members(
    archives: Sequence[tuple[Sequence[Path], str]], limits: UnpackLimits, report: UnpackReport
) -> list[tuple[Sequence[Path], list[Member]]]:
    """What each archive holds; all of it is judged before anything is written."""
    members = []
    paths: dict[str, str] = {}
    for pieces, folder in archives:
        with _open_zip(pieces) as archive:
            found = []
            for info in archive.infolist():
                if info.filename.endswith("/"):
                    continue
                path = member_path(info.filename, folder)
                if path is None:
                    report.skipped.append(info.filename)
                    continue
                _check_member(info, pieces[0], limits)
                if path in paths:
                    raise ArchiveError(f"{pieces[0]}: expected one file for {path}, got two; do not unpack this file")
                paths[path] = info.filename
                found.append(Member(info, path))
        members.append((pieces, found))
    total = sum(member.info.file_size for _, found in members for member in found)
    if len(paths) > limits.files or total > limits.total_bytes:
        raise ArchiveError(
            f"{archives[0][0][0].parent}: expected at most {limits.files:,} files of {limits.total_bytes / 2**30:g} "
            f"GiB in all, the archives declare {len(paths):,} of {total / 2**30:.1f} GiB; raise --max-gb if that is "
            "right"
        )
    return members


def _check_member(info: zipfile.ZipInfo, archive: Path, limits: UnpackLimits) -> None:
    """Refuse what is no plain file of a likely size."""
    mode = info.external_attr >> 16
    if info.flag_bits & 1:
        problem = "it is encrypted"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        problem = "it is a link or device"
    elif info.file_size > limits.file_bytes:
        problem = f"it declares {info.file_size / 2**30:.1f} GiB"
    elif info.file_size > limits.ratio * max(info.compress_size, 1):
        problem = f"{info.compress_size:,} bytes would grow to {info.file_size:,}"
    else:
        return
    raise ArchiveError(f"{archive}: expected plain media files, got {info.filename!r:.80}: {problem}; do not unpack it")


def _check_space(out: Path, members: Sequence[tuple[Sequence[Path], list[Member]]]) -> None:
    needed = sum(m.info.file_size for _, found in members for m in found if not (out / m.path).exists())
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ConfigError(
            f"{out}: expected {needed / 2**30:.1f} GiB of free space, got {free / 2**30:.1f}; choose another folder"
        )


def _unpack_member(archive: zipfile.ZipFile, member: Member, report: UnpackReport) -> None:
    """Write one file, or find that it is there; a failure is recorded and the next file can follow."""
    target = report.out / member.path
    info = member.info
    report.num_bytes += info.file_size
    if os.path.lexists(target):
        if target.is_file() and target.stat().st_size == info.file_size and _crc(target) == info.CRC:
            report.ready += 1
        else:
            report.failures[member.path] = OTHER_FILE
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")  # a fixed name: what a kill has left is written over
    try:
        # The reader stops at the declared size and compares the CRC at the end.
        with archive.open(info) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink, CHUNK)
        part.replace(target)
        report.made += 1
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        report.failures[member.path] = f"damaged in the archive ({error}); download it again"
    finally:
        part.unlink(missing_ok=True)


def _crc(path: Path) -> int:
    """CRC-32 of a file."""
    value = 0
    with path.open("rb") as file:
        for chunk in _chunks(file):
            value = zlib.crc32(chunk, value)
    return value


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _bring_rows(download: Path, out: Path, report: UnpackReport) -> bool:
    """Copy `all_data.json` along, if it is there and not yet in `out`; whether `out` has it. Others are a failure."""
    source, target = download / RELEASE_FILE, out / RELEASE_FILE
    if source.is_file() and not target.exists():
        part = out / f".{RELEASE_FILE}.part"
        shutil.copyfile(source, part)
        part.replace(target)
    elif source.is_file() and not filecmp.cmp(source, target, shallow=False):
        report.failures[RELEASE_FILE] = OTHER_FILE
    return target.is_file()
