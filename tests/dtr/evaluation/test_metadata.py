"""What the metadata-only floor knows of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.evaluation.metadata import probe_facts


def test_probe_facts__reads_what_an_annotation_does_not_state(make_video: Any, tmp_path: Path) -> None:
    path = make_video("a.mp4")
    facts = {"codec": "h264", "has_audio": False, "bytes": 9}
    stated = VideoAnnotation("a", path, "real", width=1, height=1, fps=1.0, duration_s=1.0)
    # All is known: the file is not opened, and what is known stays.
    assert probe_facts([stated], {"a": facts})["a"] == facts
    found = probe_facts([VideoAnnotation("a", path, "real")], {"a": facts})["a"]
    assert found["bytes"] == 9
    assert (found["width"], found["height"]) == (96, 64)
    assert found["duration_s"] > 0
    absent = VideoAnnotation("b", tmp_path / "absent.mp4", "real")
    assert probe_facts([absent], {})["b"] == {}
