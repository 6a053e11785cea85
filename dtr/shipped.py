"""What is recorded beside an embedded detector; standard library only, so that `dtr doctor` works where little does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def recorded_hash(models: Traversable, name: str) -> str | None:
    """SHA-256 that `<name>.json` beside an embedded `<name>.onnx` records; None = there is no such record.

    Args:
        models: folder of the embedded detectors. name: of one of them.
    """
    record = models / f"{name}.json"
    if not record.is_file():
        return None
    try:
        value = json.loads(record.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError):  # not JSON, not UTF-8, or something else
        return None
    return str(value)
