"""`dtr evaluate` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def row(video_id: str, split: str, label: str = "fake_video", **more: Any) -> dict[str, Any]:
    common = {"video_id": video_id, "video_path": f"videos/{video_id}.mp4", "video_type": label, "split": split}
    return common | {"video_width": 100, "video_height": 50, "video_frame_rate": 10, "video_duration": 4.0} | more


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Predictions, and the annotations that they are of."""
    box = {"left": 0, "top": 0, "width": 50, "height": 50}
    trace = {"faketrace_bbox": box, "faketrace_first_frame": 10, "faketrace_duration": 1}
    rows = [row("f1", "test", **trace), row("t1", "train", **trace)]
    rows += [row("r1", "test", "real_video"), row("t2", "train", "real_video")]
    (tmp_path / "all_data.json").write_text(json.dumps(rows))
    answers = [
        {"video_id": "f1", "predicted_label": "FAKE", "fake_probability": 0.9, "bbox": [0, 0, 50, 50], "start_time": 1},
        {"video_id": "r1", "predicted_label": "REAL", "fake_probability": 0.2},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
    return str(tmp_path / "p.jsonl"), str(tmp_path)


def test_evaluate__prints_every_figure_beside_its_floor(dtr: Run, files: tuple[str, str]) -> None:
    code, out, _ = dtr("evaluate", files[0], "--annotations", files[1], "--resamples", "10")
    assert code == 0
    assert "on test: 2 videos (1 generated, 1 real), 1 trace rows; media: not there" in out
    line = next(line for line in out.splitlines() if line.strip().startswith("BBox IoU"))
    assert "100.0" in line
    assert "train_median" in line
    assert "a rate of 0.01 needs 100 real videos, got 1" in out
    assert "from the annotations alone" in " ".join(out.split())


def test_evaluate__json_is_one_object_and_so_is_the_file(dtr: Run, files: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    code, out, _ = dtr(
        "evaluate", files[0], "--annotations", files[1], "--resamples", "10", "--json", "-o", str(target)
    )
    assert code == 0
    assert json.loads(out) == json.loads(target.read_text())
    assert json.loads(out)["paper"]["accuracy"] == 100.0


def test_evaluate__html_is_written_whole(dtr: Run, files: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    code, _, _ = dtr("evaluate", files[0], "--annotations", files[1], "--resamples", "10", "--html", str(target))
    assert code == 0
    assert target.read_text().rstrip().endswith("</html>")
    assert f"dtr evaluate {files[0]} --annotations {files[1]} --resamples 10 --html" in target.read_text()


def test_evaluate__operating_point_and_base_rate(dtr: Run, files: tuple[str, str]) -> None:
    code, out, _ = dtr(
        "evaluate", files[0], "--annotations", files[1], "--resamples", "5", "--fpr", "0.999", "--prior", "0.5"
    )
    assert code == 2  # one real video supports no rate below 1
    code, out, _ = dtr("evaluate", files[0], "--annotations", files[1], "--resamples", "5", "--prior", "0.5")
    assert code == 0
    assert "Where 0.5 of all videos are generated, precision is: of its labels 1.000" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.jsonl", "--annotations", "ROOT"], 1, "nowhere.jsonl"),
        (["FILE", "--annotations", "nowhere"], 1, "nowhere"),
        (["FILE", "--annotations", "ROOT", "--split", "val"], 2, "found splits test, train"),
        (["FILE", "--annotations", "ROOT", "--split", "train"], 1, "found none among 2 rows"),
        (["FILE", "--annotations", "ROOT", "-o", "no/such/folder/x.json"], 2, "-o"),
        (["FILE", "--annotations", "ROOT", "--html", "no/such/folder/x.html"], 2, "--html"),
        (["FILE", "--annotations", "ROOT", "--prior", "1.5"], 2, "prior"),
        (["FILE", "--annotations", "ROOT", "--fpr", "0.01"], 2, "100 real videos"),
        (["FILE", "--annotations", "ROOT", "--judged", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["FILE"], 2, "--annotations"),
    ],
)
def test_evaluate__what_is_wrong_is_one_line(
    dtr: Run, files: tuple[str, str], arguments: list[str], code: int, message: str
) -> None:
    known = {"FILE": files[0], "ROOT": files[1]}
    found, _, err = dtr("evaluate", *[known.get(a, a) for a in arguments], "--resamples", "5")
    assert found == code
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["-o", "--html"])
def test_evaluate__never_writes_over_what_it_reads(dtr: Run, files: tuple[str, str], option: str) -> None:
    for read in (files[0], f"{files[1]}/all_data.json"):
        before = Path(read).read_bytes()
        code, _, err = dtr("evaluate", files[0], "--annotations", files[1], option, read)
        assert (code, err.count("\n")) == (2, 1)
        assert f"{option}: expected another file than those that are read" in err
        assert Path(read).read_bytes() == before
