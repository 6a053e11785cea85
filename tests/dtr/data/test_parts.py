from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import VideoAnnotation
from dtr.data.parts import read_parts, write_parts
from dtr.errors import ConfigError

VIDEOS = [VideoAnnotation(name, Path(f"{name}.mp4"), "real") for name in "abcd"]


def test_read_parts__gives_what_was_written_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    write_parts(path, {"fit": ["c", "a"], "test": ["d"]})
    parts = read_parts(path, VIDEOS)
    assert {name: [v.video_id for v in part] for name, part in parts.items()} == {
        "fit": ["c", "a"],
        "dev": [],
        "calibration": [],
        "test": ["d"],
    }


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"fit": ["z"]}, "'z' in part 'fit', which is none"),
        ({"fit": ["a"], "test": ["a"]}, "'a' in 'fit' and in 'test'"),
        ({"fit": ["a", "a"]}, "'a' in 'fit' and in 'fit'"),
    ],
)
def test_read_parts__refuses_ids_that_do_not_fit(parts: dict[str, list[str]], message: str, tmp_path: Path) -> None:
    write_parts(tmp_path / "parts.json", parts)
    with pytest.raises(ConfigError, match=message):
        read_parts(tmp_path / "parts.json", VIDEOS)


@pytest.mark.parametrize("text", ["", "[]", '{"fit": []}', '{"fit": [], "dev": [], "calibration": []}'])
def test_read_parts__refuses_files_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    with pytest.raises(ConfigError, match=r"parts\.json"):
        read_parts(path, VIDEOS)
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"parts\.json"):
        read_parts(path, VIDEOS)
