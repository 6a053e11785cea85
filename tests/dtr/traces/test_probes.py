"""A small folder of pairs, from files to report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.canonical.encode import write_h264
from dtr.canonical.recipe import CanonicalRecipe
from dtr.data.jsonl import write_lines
from dtr.errors import AnnotationError
from dtr.traces import probes
from dtr.traces.probe_text import text_table
from tests.traces_scenes import moving_disc_scene

BOX = (0.1, 0.2, 0.6, 0.8)
FPS = 12.0


def write_pair(folder: Path, number: int, *, drop: int = 0) -> list[tuple[VideoAnnotation, str, dict[str, object]]]:
    """A disc that turns dark in the traced clip, which may lack its last frames."""
    frames = moving_disc_scene(num_frames=10, height=96, width=128, start=(40, 48), radius=16, seed=number).frames
    traced = frames.copy()
    traced[3:9, 30:66, 26:70] //= 3
    recipe = CanonicalRecipe(fps=FPS)
    names = f"clip{number}a", f"clip{number}b"
    for name, pictures in zip(names, (frames, traced[: len(frames) - drop]), strict=True):
        write_h264(list(pictures), folder / f"{name}.mp4", 128, 96, recipe)
    boxes = tuple((i / FPS, BOX) for i in range(3, 9))
    trace = TraceAnnotation((3 / FPS, 9 / FPS), BOX, boxes, frozenset({"Object Distortion"}))
    facts = {"base_id": f"base{number}"}
    told = [{"mechanism": "melt", "severity": 0.8, "visible": 0.2}]
    return [
        (VideoAnnotation(names[0], folder / f"{names[0]}.mp4", "real", traces=()), f"{names[0]}.mp4", facts),
        (
            VideoAnnotation(names[1], folder / f"{names[1]}.mp4", "real", traces=(trace,)),
            f"{names[1]}.mp4",
            {**facts, "synthetic": "traced", "twin_id": names[0], "synth": told},
        ),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs; the last traced clip is shorter than its twin."""
    out = tmp_path_factory.mktemp("out")
    lines = [line for i in range(3) for line in write_pair(out, i, drop=2 * (i == 2))]
    (out / "traces.jsonl").write_text(write_lines(lines), encoding="utf-8")
    return out


def test_probe_folder__measures_pairs_and_names_those_that_do_not_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "NULL_EDITS", 3)
    said: list[str] = []
    report = probes.probe_folder(folder, seed=1, say=said.append)
    assert (report.num_pairs, report.num_bases, report.num_traces) == (2, 2, 2)
    (failure,) = report.failures
    assert failure.path.name == "clip2b.mp4"
    assert "expected the same frames as in its twin" in failure.message
    assert said == ["3 of 3 pairs looked at", "3 of 3 twins painted on too faintly"]
    (melt,) = report.textures
    assert melt.mechanism == "melt"
    assert melt.shown.num == 2
    assert {p.probe for p in report.probes} >= {
        "statistics",
        "border",
        "inside",
        "file: container",
        "null edits: border",
    }
    json.dumps(report.to_json(), allow_nan=False)
    assert "not read: " in text_table(report)


def test_look__finds_the_change_and_only_there(folder: Path) -> None:
    pair = probes.read_pairs(folder)[0]
    found = probes.look(pair, np.random.default_rng(0))
    (trace,) = found.traces
    border, elsewhere = (np.abs(table[1] - table[0]).mean() for table in (trace.border, trace.elsewhere))
    assert border > 1.5 * elsewhere
    assert pair.severity == 0.8
    assert found.statistics.shape[0] == 2
    assert found.statistics[1, 0] < found.statistics[0, 0], "the traced clip is darker"


def test_read_pairs__without_pairs_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    lines = write_pair(tmp_path, 0)
    (tmp_path / "traces.jsonl").write_text(write_lines(lines[:1]), encoding="utf-8")
    with pytest.raises(AnnotationError, match="expected traced clips with twins, found none"):
        probes.probe_folder(tmp_path)
    (tmp_path / "traces.jsonl").write_text(write_lines(lines[1:]), encoding="utf-8")
    with pytest.raises(AnnotationError, match="the twin 'clip0a' is not in the file"):
        probes.probe_folder(tmp_path)
