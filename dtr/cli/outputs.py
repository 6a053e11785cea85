"""Checks of files to write: better now than after an hour of work."""

from __future__ import annotations

import os
from pathlib import Path

from dtr.errors import ConfigError


def check_output(output: Path | None, option: str, *inputs: Path | None) -> None:
    """Refuse a file that could not be written in the end, or must not be.

    Args:
        output: None = nothing to write.
        option: for the message.
        inputs: what the command reads; none of it is written over, nor are the rows of a data set's folder.

    Raises:
        ConfigError: it is a folder, a device or an input, or its own folder is missing or locked.
    """
    if output is None:
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise ConfigError(f"{option}: expected a file in an existing folder, got '{output}'; choose another output")
    if output.exists() and not output.is_file():  # a rename would replace the device itself
        raise ConfigError(f"{option}: expected a plain file, got the device or pipe '{output}'; choose another output")
    if not os.access(output.absolute().parent, os.W_OK):
        raise ConfigError(f"{option}: no right to write in the folder of '{output}'; choose another output")
    if any(_would_replace(output, path) for path in inputs if path is not None):
        raise ConfigError(f"{option}: expected another file than those that are read, got '{output}'; choose another")


def write_output(output: Path, text: str, option: str) -> None:
    """Write a file whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    from dtr.batch_run import write_text_atomically

    try:
        write_text_atomically(output, text)
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"{option}: cannot write '{output}' ({why}); choose another output") from error


def _would_replace(output: Path, read: Path) -> bool:
    """Whether `output` is the file `read`, or the rows of the data set in the folder `read`."""
    from dtr.data.dataset import LOOKED_AT_FILE
    from dtr.data.jsonl import ANNOTATIONS_FILE
    from dtr.data.manifest import MANIFEST_FILE
    from dtr.data.release import RELEASE_FILE

    try:
        if not read.is_dir():
            return output.samefile(read)
    except (OSError, ValueError):  # one of them is not there, or has a name that nothing can have
        return False
    rows = (ANNOTATIONS_FILE, MANIFEST_FILE, LOOKED_AT_FILE, RELEASE_FILE)
    return output.name in rows and output.exists() and output.resolve().is_relative_to(read.resolve())
