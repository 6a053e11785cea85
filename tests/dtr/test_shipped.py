from __future__ import annotations

from pathlib import Path

import pytest

from dtr.shipped import recorded_hash


@pytest.mark.parametrize("record", ["{", "[]", '{"sha": 1}', "\x00"])
def test_recorded_hash__a_record_without_one_is_none(record: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(record)
    assert recorded_hash(tmp_path, "m") is None


def test_recorded_hash__is_found_by_the_detectors_name(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"sha256": "ab"}')
    assert recorded_hash(tmp_path, "m") == "ab"
    assert recorded_hash(tmp_path, "other") is None
