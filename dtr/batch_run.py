"""A file of JSON lines, one per input and in input order, that survives a kill at any moment.

Beside an unfinished file lies its journal, `<name>.run.json`: what the lines were made with and for. A second run of
the same command continues after the last complete line; when all lines are there, the journal goes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from dtr.errors import ConfigError


class ResumableLines:
    """Context manager that appends one JSON object per input.

    Attributes:
        done: complete lines that an earlier, interrupted run has left; the caller goes on with input number `done`.
        rows: those lines, decoded.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], inputs: Sequence[str], *, resume: bool = True) -> None:
        """Prepare; nothing is written before `with`.

        Args:
            path: file to write.
            settings: everything that changes a line; lines made with other settings are not continued.
            inputs: media files in order; size and modification time of each count too.
            resume: False = start over whatever is there.

        Raises:
            ConfigError: `path` cannot be written, or was begun with other settings or inputs.
        """
        self.path, self._total = path, len(inputs)
        self._journal = path.with_name(path.name + ".run.json")
        self._key = {"settings": json.loads(json.dumps(settings)), "inputs": inputs_digest(inputs)}
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise ConfigError(f"expected a file in an existing folder, got '{path}'; choose another output")
        self.rows, self._keep = self._earlier() if resume else ([], 0)
        self.done = len(self.rows)

    def __enter__(self) -> ResumableLines:
        try:
            if not self._keep:
                # In this order a kill leaves an empty file without a journal, never foreign lines with one.
                self._journal.unlink(missing_ok=True)
            self._file: IO[bytes] = self.path.open("r+b" if self.path.exists() else "x+b")
            self._file.truncate(self._keep)
            self._file.seek(0, os.SEEK_END)
            self._sync()
            if not self._keep:
                write_text_atomically(self._journal, json.dumps(self._key))
        except OSError as error:
            why = error.strerror or error
            raise ConfigError(f"cannot write '{self.path}': {why}; choose another output") from error
        return self

    def append(self, row: Mapping[str, Any]) -> None:
        """Add the next input's line; it is on the disk when this returns."""
        self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        self._sync()
        self.done += 1

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._file.close()
        if kind is None and self.done == self._total:
            self._journal.unlink(missing_ok=True)

    def _earlier(self) -> tuple[list[Any], int]:
        """Complete lines of an interrupted run of the same command, and their length in bytes."""
        try:
            key, data = json.loads(self._journal.read_bytes()), self.path.read_bytes()
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            return [], 0
        except OSError as error:
            raise ConfigError(f"cannot read '{self.path}': {error.strerror or error}; check its rights") from error
        if key != self._key:
            same_settings = isinstance(key, dict) and key.get("settings") == self._key["settings"]
            what = "inputs" if same_settings else "settings"
            raise ConfigError(
                f"{self.path} holds an unfinished run with other {what}; repeat that command to finish it, "
                "or start over with --no-resume, or choose another output"
            )
        return complete_lines(data, self._total)


def complete_lines(data: bytes, most: int) -> tuple[list[Any], int]:
    """Leading lines that are whole JSON.

    Args:
        data: content of a file that may end in the middle of a line.
        most: lines to take at most.

    Returns:
        (decoded lines, their length in bytes).

    Example:
        >>> complete_lines(b'{"a": 1}\\n{"a"', 9)
        ([{'a': 1}], 9)
    """
    rows: list[Any] = []
    length = 0
    for line in data.splitlines(keepends=True)[:most]:
        try:
            row = json.loads(line) if line.endswith(b"\n") else None
        except (json.JSONDecodeError, UnicodeDecodeError):
            row = None
        if not isinstance(row, dict):
            break
        rows.append(row)
        length += len(line)
    return rows, length


def inputs_digest(inputs: Sequence[str]) -> str:
    """Hash of the files' names, sizes and modification times; a missing file counts by its name."""
    digest = hashlib.sha256()
    for name in inputs:
        try:
            stat = Path(name).stat()
            facts = [name, stat.st_size, stat.st_mtime_ns]
        except OSError:
            facts = [name]
        digest.update(json.dumps(facts).encode())
    return digest.hexdigest()


def write_text_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all; a link stays, and the file that it names is written."""
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
