from __future__ import annotations

import json
from pathlib import Path

import pytest

from dtr.canonical.root import INFO_FILE, canonical_info
from dtr.errors import AnnotationError


def test_canonical_info__tells_canonical_from_original(tmp_path: Path) -> None:
    (tmp_path / "all_data.json").write_text("[]")
    assert canonical_info(tmp_path) is canonical_info(tmp_path / "all_data.json") is None
    (tmp_path / INFO_FILE).write_text(json.dumps({"format": 1, "recipe": {"fps": 6.0}}))
    for root in (tmp_path, str(tmp_path), tmp_path / "all_data.json"):
        info = canonical_info(root)
        assert info is not None
        assert info["recipe"] == {"fps": 6.0}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}'])
def test_canonical_info__a_damaged_file_is_no_original(tmp_path: Path, text: str) -> None:
    (tmp_path / INFO_FILE).write_text(text)
    with pytest.raises(AnnotationError, match=INFO_FILE):
        canonical_info(tmp_path)
