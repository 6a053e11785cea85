"""Checks of files to write: better now than after an hour of work."""

from __future__ import annotations

import os
from pathlib import Path

from dtr.errors import ConfigError


def check_output(output: Path | None, option: str) -> None:
    """Refuse a file that could not be written in the end.

    Args:
        output: None = nothing to write.
        option: for the message.

    Raises:
        ConfigError: it is a folder, or its own folder is missing or locked.
    """
    if output is None:
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise ConfigError(f"{option}: expected a file in an existing folder, got '{output}'; choose another output")
    if not os.access(output.absolute().parent, os.W_OK):
        raise ConfigError(f"{option}: no right to write in the folder of '{output}'; choose another output")
