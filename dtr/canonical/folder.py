"""The folder that canonical media are written to: whose it is, who writes to it, and what is done already.

.canonical/settings.json   what the folder is made of; another recipe or source is refused
.canonical/looked.jsonl    one line per source file that was looked at
.canonical/made.jsonl      one line per file that was written
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from dtr.batch_run import complete_lines, write_text_atomically
from dtr.data.convert import RELEASE_MEDIA
from dtr.errors import ConfigError

STATE_FOLDER = ".canonical"
NAME_DIGITS = 16
_OURS = re.compile(rf"[0-9a-f]{{{NAME_DIGITS}}}\.mp4|\.[0-9a-f]{{{NAME_DIGITS}}}\.mp4\.\d+\.tmp")


def neutral_name(video_id: str) -> str:
    """File name, without suffix, that tells nothing of label and source.

    Example:
        >>> neutral_name("0_30_s_academic_v0_1_7")
        'd0181b31873fe9b5'
    """
    return hashlib.sha256(video_id.encode()).hexdigest()[:NAME_DIGITS]


class Journal:
    """A file of JSON lines that is only added to; half a line, left by a kill, is cut off when it is opened.

    Attributes:
        rows: what it held when it was opened.
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes() if path.exists() else b""
        self.rows, keep = complete_lines(data, data.count(b"\n"))
        self._file = path.open("r+b" if path.exists() else "x+b")
        self._file.truncate(keep)
        self._file.seek(keep)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a line; it outlives a kill of this process."""
        self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CanonicalFolder:
    """OUT of `dtr data canonicalise`; a subclass is that of another command which fills a folder in the same way.

    Attributes:
        what: it holds, for messages. state_folder: of a run's own notes. journals: files in it, in the order in which
            `opened` gives them. media: folders of files with neutral names.
    """

    what: ClassVar[str] = "canonical media"
    state_folder: ClassVar[str] = STATE_FOLDER
    journals: ClassVar[tuple[str, ...]] = ("looked.jsonl", "made.jsonl")
    media: ClassVar[tuple[str, ...]] = tuple(RELEASE_MEDIA.values())

    def __init__(self, out: Path) -> None:
        self.out = out
        self.state = out / self.state_folder

    @contextmanager
    def opened(self, root: Path, settings: Mapping[str, Any]) -> Iterator[tuple[Journal, ...]]:
        """Claim the folder for one run, with its journals; the lock ends with the process.

        Args:
            root: the source's folder.
            settings: what the folder is made of, JSON types.

        Raises:
            ConfigError: the folder lies in the source, is foreign, is made of something else, is in use, or cannot
                be written.
        """
        try:
            self._check_place(root)
            for folder in (self.state, *(self.out / name for name in self.media)):
                folder.mkdir(parents=True, exist_ok=True)
            with (self.state / "lock").open("w") as lock:
                self._lock(lock)
                self._claim(settings)
                journals = tuple(Journal(self.state / name) for name in self.journals)
                try:
                    yield journals
                finally:
                    for journal in journals:
                        journal.close()
        except OSError as error:
            raise ConfigError(
                f"{self.out}: cannot be written ({error.strerror or error}); choose another folder"
            ) from error

    def sweep(self, keep: set[str]) -> None:
        """Remove media that no row names any more, and what a killed run left half-written.

        Args:
            keep: paths relative to the folder.
        """
        for name in self.media:
            for path in (self.out / name).iterdir():
                if _OURS.fullmatch(path.name) and f"{name}/{path.name}" not in keep:
                    path.unlink()

    def _check_place(self, root: Path) -> None:
        # Links are followed: a folder linked into the source would be read as part of it the next time.
        if self.out.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"{self.out}: expected a folder outside of the data set {root}, got one in it; choose another"
            )
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"{self.out}: expected a folder, got a file; choose another")
        if self.out.exists() and not self.state.exists() and any(self.out.iterdir()):
            raise ConfigError(
                f"{self.out}: expected an empty folder or the rest of an earlier run, got other content; choose another"
            )

    def _lock(self, lock: Any) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"{self.out}: another process is writing to this folder; wait for it") from error

    def _claim(self, settings: Mapping[str, Any]) -> None:
        file, wanted = self.state / "settings.json", json.loads(json.dumps(settings))
        if not file.exists():
            write_text_atomically(file, json.dumps(wanted, indent=1))
            return
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ConfigError(f"{file}: expected JSON, got something else; remove {self.out} and start over")
        differ = [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
        if differ:
            raise ConfigError(
                f"{self.out}: expected {self.what} of the same {', '.join(differ)}, got a folder made with "
                f"{_differences(found, wanted, differ[0])}; choose another folder"
            )


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> str:
    """The values in which one setting differs, for a message.

    Example:
        >>> _differences({"recipe": {"crf": 18, "gop": 12}}, {"recipe": {"crf": 23, "gop": 12}}, "recipe")
        'crf 18 instead of 23'
    """
    old, new = found.get(name), wanted.get(name)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return f"{name} {old} instead of {new}"
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return ", ".join(f"{key} {old.get(key)} instead of {new.get(key)}" for key in keys)
