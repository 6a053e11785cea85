from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from dtr.cli.data import data
from dtr.errors import AnnotationError

ROW = {
    "video_id": "cm2a",
    "video_path": "videos/cm2a.mp4",
    "video_type": "fake_video",
    "video_source": "Pika 1.5",
    "split": "train",
    "video_width": 64,
    "video_height": 48,
    "video_frame_rate": 8.0,
    "video_duration": 2.0,
    "faketrace_bbox": {"left": 16, "top": 12, "width": 32, "height": 24},
    "faketrace_first_frame": 4,
    "faketrace_duration": 1.0,
    "faketrace_check_applies": ["merging (e.g. two objects merge into one.)"],
    "faketrace_explanations": "",
}


@pytest.fixture
def root(tmp_path: Path, media: ModuleType) -> Path:
    (tmp_path / "all_data.json").write_text(json.dumps([ROW]), encoding="utf-8")
    (tmp_path / "videos").mkdir()
    media.write_video(tmp_path / "videos/cm2a.mp4", num_frames=16, width=64, height=48, fps=8.0)
    return tmp_path


def test_check__a_data_set_without_videos_is_not_all_right(tmp_path: Path) -> None:
    (tmp_path / "all_data.json").write_text("[]", encoding="utf-8")
    result = CliRunner().invoke(data, ["check", str(tmp_path)])
    assert isinstance(result.exception, AnnotationError)
    assert "found none" in str(result.exception)


def test_check__answers_0_where_nothing_is_wrong(root: Path) -> None:
    result = CliRunner().invoke(data, ["check", str(root)])
    assert result.exit_code == 0
    assert "1 videos (1 fake, 0 real), 1 traces" in result.output
    assert "no problems" in result.output


def test_check__answers_1_and_lists_problems_with_counts(root: Path) -> None:
    (root / "videos/cm2a.mp4").unlink()
    result = CliRunner().invoke(data, ["check", str(root)])
    assert result.exit_code == 1
    assert "missing_file: all_data.json:1: video cm2a: expected the media file" in result.output
    assert "a row whose media file is not there" in result.output


def test_check__prints_one_json_object(root: Path) -> None:
    (root / "videos/stray.mp4").write_bytes(b"x")
    result = CliRunner().invoke(data, ["check", str(root), "--json", "--fast"])
    report = json.loads(result.output)
    assert result.exit_code == 1
    assert report["problem_counts"] == {"unlisted_file": 1}
    assert report["problems"][0]["where"] == "videos/stray.mp4"
    assert report["counts"]["traces"] == 1


def test_check__a_folder_without_annotations_is_an_annotation_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(data, ["check", str(tmp_path)])
    assert isinstance(result.exception, AnnotationError)
    assert result.exit_code == 1


@pytest.mark.parametrize("arguments", [["check"], ["check", ".", "--workers", "0"], ["stats", ".", "--split", "dev"]])
def test_data__wrong_usage_answers_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(data, arguments).exit_code == 2


def test_stats__prints_the_table(root: Path) -> None:
    result = CliRunner().invoke(data, ["stats", str(root)])
    assert result.exit_code == 0
    for text in ("Pika 1.5", "48×64", "all generated", "Object Merging", "1 tagged traces"):
        assert text in result.output


def test_stats__prints_json_and_counts_problems_apart(root: Path) -> None:
    rows = [ROW, {**ROW, "video_id": "bad", "video_width": "wide"}]
    (root / "all_data.json").write_text(json.dumps(rows), encoding="utf-8")
    result = CliRunner().invoke(data, ["stats", str(root), "--json", "--split", "train"])
    stats = json.loads(result.stdout)
    assert stats["split"] == "train"
    assert stats["sources"][0]["traces"] == 2
    assert stats["sources"][0]["width_px"] == 64.0
    assert "problems in the rows" in result.stderr


@pytest.mark.parametrize("command", ["check", "stats"])
def test_data__help_teaches_with_an_example(command: str) -> None:
    result = CliRunner().invoke(data, [command, "--help"])
    assert result.exit_code == 0
    assert f"dtr data {command} " in result.output


def test_data__help_loads_nothing_heavy() -> None:
    code = "import sys, dtr.cli.data; print(sorted({'torch', 'av', 'numpy', 'rich', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stats__names_with_brackets_are_no_markup(root: Path) -> None:
    (root / "all_data.json").write_text(json.dumps([{**ROW, "video_source": "[/x] [bold]y"}]))
    result = CliRunner().invoke(data, ["stats", str(root)])
    assert result.exit_code == 0
    assert "[/x] [bold]y" in result.output
