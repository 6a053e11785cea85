from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dtr.robustness.catalogue import DEFAULT, KINDS, PLAIN

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, grey_clip: Callable[..., Path]) -> Path:
    """A data set of two bright "fake" clips and two dark "real" ones."""
    lines = []
    for number in range(4):
        is_fake = number < 2
        path = grey_clip(f"v{number}.mp4", 250 if is_fake else 10)
        row: dict[str, Any] = {"video_id": f"v{number}", "video_path": path.name, "video_width": 64, "video_height": 48}
        row |= {"video_type": "fake_video" if is_fake else "real_video", "split": "val", "video_duration": 1.0}
        row |= {"video_frame_rate": 8, "video_frame_count": 8}
        if is_fake:
            box = {"left": 0, "top": 0, "width": 32, "height": 24}
            row |= {"faketrace_bbox": box, "faketrace_first_frame": 0, "faketrace_duration": 1.0}
        lines.append(row)
    (tmp_path / "all_data.json").write_text(json.dumps(lines))
    return tmp_path


@pytest.fixture
def robustness(dtr: Run, root: Path) -> Run:
    return lambda *args: dtr("robustness", "--annotations", root, *args)


def test_robustness__measures_and_prints_the_table_again(robustness: Run, root: Path, tiny_model: Path) -> None:
    out = root / "out.jsonl"
    args = ("--model", tiny_model, "--transforms", "brightness-0.3,hflip")
    code, text, err = robustness(*args, "-o", out)
    assert code == 0, err
    assert "4 clips, 3 transforms, 12 answers" in err
    lines = [line.split() for line in text.splitlines()]
    assert next(line for line in lines if line[:1] == ["none"])[1] == "1.000"
    # Brightness is all that the tiny detector looks at; its AUROC stays, its calls of fake do not.
    dark = next(line for line in lines if line[:1] == ["brightness-0.3"])
    assert dark[1:7] == ["1.000", "+.000", "0.500", "+.500*", "0.000", "+1.000*"]

    code, text, _ = robustness("--from", out, "--json")
    assert code == 0
    table = json.loads(text)
    assert [row["transform"] for row in table["transforms"]] == ["none", "brightness-0.3", "hflip"]
    assert table["worst"]["fake_accuracy"] == "brightness-0.3"
    hflip = table["transforms"][2]
    assert hflip["values"]["box_iou"] == 0.0  # it points to the upper left whatever it sees; the truth went right
    assert hflip["drops"]["box_iou"] == table["transforms"][0]["values"]["box_iou"] == 1.0
    assert (hflip["n_fake"], hflip["n_real"]) == (2, 2)


def test_robustness__lists_a_clip_that_fails_and_goes_on(robustness: Run, root: Path, tiny_model: Path) -> None:
    (root / "v1.mp4").write_text("just words")
    out = root / "out.jsonl"
    code, text, err = robustness("--model", tiny_model, "--transforms", "hflip", "-o", out, "--json")
    assert code == 1
    assert [row["failed"] for row in json.loads(text)["transforms"]] == [1, 1]
    code, _, err = robustness("--from", out)
    assert code == 1
    assert "v1" in err
    assert "(2 transforms: none, hflip)" in err


def test_robustness__takes_a_balanced_few(robustness: Run, root: Path, tiny_model: Path) -> None:
    out = root / "out.jsonl"
    code, text, _ = robustness("--model", tiny_model, "--transforms", "none", "--limit", 2, "-o", out, "--json")
    assert code == 0
    (row,) = json.loads(text)["transforms"]
    assert (row["n_fake"], row["n_real"]) == (1, 1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "give one of them"),
        (("-o", "a.jsonl", "--from", "b.jsonl"), "give one of them"),
        (("-o", "a.jsonl", "--split", "test"), "split 'test'"),
        (("-o", "a.jsonl", "--transforms", "hflip,twirl"), "'twirl'"),
        (("-o", "missing/a.jsonl"), "-o"),
    ],
)
def test_robustness__refuses_wrong_usage(
    args: tuple[str, ...], message: str, robustness: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    code, _, err = robustness(*args)
    assert code == 2
    assert message in err
    assert err.count("dtr: error") == 1


def test_robustness__help_names_every_transform(dtr: Run) -> None:
    code, text, _ = dtr("robustness", "--help")
    assert code == 0
    assert all(f"{prefix}N" in text for prefix in KINDS)
    assert all(name in text for name in PLAIN)
    assert f"[default: {len(DEFAULT)} of them]" in " ".join(text.split())


def test_robustness__says_why_where_every_clip_failed(robustness: Run, root: Path, tiny_model: Path) -> None:
    for number in range(4):
        (root / f"v{number}.mp4").write_bytes(b"")
    code, out, err = robustness("--model", tiny_model, "--transforms", "hflip", "-o", root / "out.jsonl")
    assert (code, out) == (1, "")
    assert err.count("is empty (0 bytes)") == 4
    assert err.splitlines()[-1].startswith("dtr: error: annotation: expected answers for untouched clips")


def test_robustness__never_writes_over_the_rows(robustness: Run, root: Path, tiny_model: Path) -> None:
    before = (root / "all_data.json").read_bytes()
    code, _, err = robustness("--model", tiny_model, "-o", root / "all_data.json", "--no-resume")
    assert code == 2
    assert "expected another file than those that are read" in err
    assert (root / "all_data.json").read_bytes() == before
