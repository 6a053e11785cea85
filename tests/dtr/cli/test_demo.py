from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import pytest

Run = Callable[..., tuple[int, str, str]]


def test_demo__is_whole_and_says_what_it_is(dtr: Run, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "d.mp4"
    code, out, err = dtr("demo", "--seed", 3, "-o", output, "--model", tiny_model)
    assert (code, err) == (0, "")
    assert "a real photograph" in out
    assert "synthetic trace" in out
    assert "MISS" in out or "hit" in out
    counts = []
    for path in (output, tmp_path / "d.clip.mp4"):
        with av.open(str(path)) as file:
            counts.append(sum(1 for _ in file.decode(video=0)))
    assert counts == [96, 96]


def test_demo__json_has_truth_beside_prediction(dtr: Run, tiny_model: Path, tmp_path: Path) -> None:
    code, out, _ = dtr("demo", "--seed", 2, "-o", tmp_path / "d.mp4", "--json", "--model", tiny_model)
    report = json.loads(out)
    assert code == 0
    assert report["truth"]["category"] == "Object Distortion"
    # The rocket stands in the dark, which this model takes for real: a miss must be reported as one.
    assert report["verdict"]["label"] == "real"
    assert report["comparison"] == {
        "label_right": False,
        "category_right": None,
        "box_iou": None,
        "onset_error_s": None,
    }
    assert Path(report["overlay"]).is_file()


@pytest.mark.parametrize("name", ["d.avi", "nowhere/d.mp4"])
def test_demo__refuses_a_wrong_output_before_any_work(dtr: Run, tiny_model: Path, tmp_path: Path, name: str) -> None:
    code, _, err = dtr("demo", "-o", tmp_path / name, "--model", tiny_model)
    assert code == 2
    assert err.startswith("dtr: error: config: -o")
    assert list(tmp_path.iterdir()) == []
