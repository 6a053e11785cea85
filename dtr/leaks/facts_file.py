"""Facts of media files kept on disk, so that a second run reads only files that are new or have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from dtr.batch_run import complete_lines
from dtr.errors import ConfigError
from dtr.leaks.media_facts import ClipFacts, FailedFile, gather_facts

VERSION = 1
"""Of what is read of a file; facts of another version are not mixed with these."""


class FactsFile:
    """Context manager over a file of JSON lines, one per media file; a kill at any moment costs the last line at most.

    A media file is known by its path, size and modification time.

    Example:
        with FactsFile(Path("facts.jsonl")) as store:
            facts = store.get(clip)
            if facts is None:
                facts = read_clip_facts(clip)
                store.add(clip, facts)
    """

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            ConfigError: `path` holds something else, or facts of another version, or its folder is missing.
        """
        self.path = path
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise ConfigError(f"expected a file in an existing folder for media facts, got '{path}'; choose another")
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise ConfigError(f"cannot read '{path}': {error.strerror or error}; check its rights") from error
        rows, self._keep = complete_lines(data, data.count(b"\n"))
        if data and not self._keep:
            raise self._foreign("its first line is no whole JSON object")
        self._known = dict(self._entry(row) for row in rows)

    def __enter__(self) -> FactsFile:
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "x+b")
            self._file.truncate(self._keep)
            self._file.seek(self._keep)
        except OSError as error:
            raise ConfigError(f"cannot write '{self.path}': {error.strerror or error}; choose another file") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._file.close()

    def get(self, media: Path) -> ClipFacts | None:
        """Facts of a file as it is now; None = not read yet."""
        key = _key(media)
        return None if key is None else self._known.get(key)

    def add(self, media: Path, facts: ClipFacts) -> None:
        """Keep the facts of a file; they are on the disk when this returns."""
        key = _key(media)
        if key is None:  # the file has gone since it was read: nothing to know it by
            return
        name, size, mtime_ns = key
        row = {"version": VERSION, "file": name, "size": size, "mtime_ns": mtime_ns, "facts": facts.to_json()}
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._known[key] = facts

    def _entry(self, row: dict[str, Any]) -> tuple[tuple[str, int, int], ClipFacts]:
        if row.get("version") != VERSION:
            raise self._foreign(f"expected facts of version {VERSION}, got {row.get('version')}")
        try:
            return (row["file"], row["size"], row["mtime_ns"]), ClipFacts.from_json(row["facts"])
        except (KeyError, TypeError) as error:
            raise self._foreign(f"a line lacks what facts have ({error!r})") from error

    def _foreign(self, why: str) -> ConfigError:
        return ConfigError(f"'{self.path}' is no file of media facts ({why}); choose another file or delete it")


def read_media(
    paths: Sequence[Path],
    facts_file: Path | None = None,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[Path, ClipFacts], tuple[FailedFile, ...]]:
    """Facts of files by path, and the files that could not be read.

    Args:
        paths: files that are there, each once.
        facts_file: keeps the facts; None = every file is read.
        workers, on_progress: as for `gather_facts`; called for files that are read now.

    Raises:
        ConfigError: the facts file cannot be used.
    """
    if facts_file is None:
        return _sorted_out(gather_facts(paths, workers=workers, on_progress=on_progress))
    with FactsFile(facts_file) as store:
        known = {path: facts for path in paths if (facts := store.get(path)) is not None}
        left = [path for path in paths if path not in known]
        read, failures = _sorted_out(gather_facts(left, workers=workers, on_progress=on_progress), store)
    return {**known, **read}, failures


def _sorted_out(
    found: Iterable[tuple[Path, ClipFacts | FailedFile]], store: FactsFile | None = None
) -> tuple[dict[Path, ClipFacts], tuple[FailedFile, ...]]:
    media: dict[Path, ClipFacts] = {}
    failures: list[FailedFile] = []
    for path, facts in found:
        if isinstance(facts, FailedFile):
            failures.append(facts)
            continue
        media[path] = facts
        if store is not None:
            store.add(path, facts)
    return media, tuple(failures)


def _key(media: Path) -> tuple[str, int, int] | None:
    try:
        stat = media.stat()
    except OSError:
        return None
    return str(media.absolute()), stat.st_size, stat.st_mtime_ns
