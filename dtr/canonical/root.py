"""What tells a canonical data set from an original one: `canonical.json` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtr.data.release import load_json
from dtr.errors import AnnotationError

FORMAT = 1
INFO_FILE = "canonical.json"
"""Recipe, versions, hash of the source and counts; written last, so that it is there only when all is done."""

CHANGES_FILE = "canonical_manifest.jsonl"
"""One line per source video: what it was, what it became, what was lost."""


def canonical_info(root: str | Path) -> dict[str, Any] | None:
    """What `dtr data canonicalise` wrote about a data set.

    Args:
        root: the data set's folder, or a file in it.

    Returns:
        {"format", "recipe", "versions", "source", "counts", …}; None = the media are original.

    Raises:
        AnnotationError: there is such a file and it cannot be read.

    Example:
        >>> canonical_info("/no/such/folder") is None
        True
    """
    folder = Path(root)
    file = (folder.parent if folder.is_file() else folder) / INFO_FILE
    if not file.exists():
        return None
    info = load_json(file)
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise AnnotationError(
            f"{file}: expected what dtr data canonicalise writes, format {FORMAT}, got something else; "
            "run that command again"
        )
    return info
