"""A file that was cut into pieces (`videos.zip.001`, `videos.zip.002`, …), read as one without joining it on disk."""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO

from dtr.errors import ArchiveError


class PieceReader(io.RawIOBase):
    """A seekable, read-only view of several files, one after the other.

    Args:
        files: the pieces, in order.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__()
        self._files = tuple(files)
        self._ends = list(accumulate(path.stat().st_size for path in self._files))
        self._position = 0
        self._open: tuple[int, IO[bytes]] | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning of the first piece."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; as for any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        if base + offset < 0:
            raise OSError(22, "a position before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer up to the end of a piece; 0 = the end of the last one."""
        index = bisect_right(self._ends, self._position)
        if index == len(self._files):
            return 0
        end = self._ends[index]
        file = self._piece(index)
        file.seek(self._position - (self._ends[index - 1] if index else 0))
        data = file.read(min(len(buffer), end - self._position))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _piece(self, index: int) -> IO[bytes]:
        if self._open is None or self._open[0] != index:
            self._close_piece()
            self._open = (index, self._files[index].open("rb"))
        return self._open[1]

    def _close_piece(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def close(self) -> None:
        """Close the piece that is open."""
        self._close_piece()
        super().close()


def find_pieces(folder: Path, name: str) -> tuple[Path, ...]:
    """The pieces of a file in order, or the file itself where it is whole; empty = neither.

    Args:
        folder: that holds them.
        name: of the whole file; a piece's name has a dot and a number after it, counted from 0 or 1.

    Raises:
        ArchiveError: a piece before the last one is missing, or one number stands twice.
    """
    whole = folder / name
    if whole.is_file():
        return (whole,)
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(re.escape(name) + r"\.(\d{1,6})", path.name)
        if match is None or not path.is_file():
            continue
        if int(match[1]) in found:
            other = found[int(match[1])].name
            raise ArchiveError(f"{folder}: expected one piece of each number, got {other} and {path.name}; remove one")
        found[int(match[1])] = path
    if not found:
        return ()
    digits = len(next(iter(found.values())).name) - len(name) - 1
    first = min(1, min(found))
    missing = [f"{name}.{number:0{digits}d}" for number in range(first, max(found)) if number not in found]
    if missing:
        raise ArchiveError(
            f"{folder}: expected all pieces of {name}, {', '.join(missing[:5])} "
            f"{'is' if len(missing) == 1 else 'are'} missing; download {'it' if len(missing) == 1 else 'them'} again"
        )
    return tuple(found[number] for number in sorted(found))


def next_piece(pieces: Sequence[Path]) -> str:
    """The name that a piece after the last one would have; "" = the file is not in pieces.

    Example:
        >>> next_piece([Path("videos.zip.001")]), next_piece([Path("videos.zip")])
        ('videos.zip.002', '')
    """
    stem, _, number = pieces[-1].name.rpartition(".")
    return f"{stem}.{int(number) + 1:0{len(number)}d}" if number.isdigit() else ""
