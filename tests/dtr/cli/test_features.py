from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from dtr.cache import FeatureCache
from dtr.cli.features import features
from dtr.errors import ConfigError, DTRError

SMALL = {"class_path": "dtr.backbones.image.ImageBackbone", "init_args": {"views": [{"kind": "full", "size": 32}]}}


@pytest.fixture
def dataset(make_video: Callable[..., Path], tmp_path: Path) -> Path:
    rows = []
    for i in range(6):
        path = make_video(f"clip{i}.mp4", num_frames=6 + i, fps=6.0)
        split = "train" if i < 4 else "val"
        rows.append({"file": path.name, "video_id": path.stem, "label": "real", "split": split, "duration": 1 + i / 6})
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"backbone": SMALL, "workers": 0, "device": "cpu"}))
    return path


def run(*args: object, fails: type[DTRError] | None = None) -> Result:
    result = CliRunner().invoke(features, [str(a) for a in args], catch_exceptions=True)
    if fails is None and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_features__makes_a_cache_and_reports_it(dataset: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "cache"
    given = ("--config", config, "--data", dataset, "--out", out, "--split", "train", "--views-per-clip", 1)
    result = run(*given, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["made"], report["failures"]) == (8, [])
    assert "8 clips to make (0 ready): about" in result.stderr
    assert FeatureCache.open(out).by_video.keys() == {"clip0", "clip1", "clip2", "clip3"}
    again = run(*given)
    assert "0 clips made, 8 ready, 0 failed" in again.stdout
    assert "MB a clip" in again.stdout


def test_features__a_failed_clip_gives_exit_code_1_and_its_line(dataset: Path, config: Path, tmp_path: Path) -> None:
    (dataset / "clip3.mp4").write_text("no video")
    result = run("--config", config, "--data", dataset, "--out", tmp_path / "cache", "--canonical", "--limit", 2)
    assert result.exit_code == 1
    assert "2 clips made, 0 ready, 2 failed" in result.stdout
    assert "failed: clip3 (canonical): " in result.stdout


def test_features__never_goes_among_other_files(dataset: Path, config: Path, tmp_path: Path) -> None:
    given = ("--config", config, "--data", dataset, "--split", "train", "--limit", 1)
    foreign = tmp_path / "foreign"
    (foreign / "clips").mkdir(parents=True)
    (foreign / "clips" / "holiday.mp4").touch()
    result = run(*given, "--out", foreign, fails=ConfigError)
    assert isinstance(result.exception, ConfigError), result.output
    assert "holds other files (such as clips)" in str(result.exception)
    assert [p.name for p in foreign.rglob("*")] == ["clips", "holiday.mp4"]
    begun = tmp_path / "begun"  # as a run leaves it that was killed before it wrote its recipe
    (begun / "clips").mkdir(parents=True)
    (begun / ".recipe.json.12.tmp").touch()
    assert run(*given, "--out", begun).exit_code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "expected keys and values"),
        ("{", "expected a YAML file"),
        ("data: x", "expected the key 'backbone'"),
        ("backbone: {class_path: dtr.clock.Clock}\nworkerz: 2", "workerz"),
        ("backbone: {class_path: dtr.clock.Clock}\nworkers: many", "workers"),
        ("backbone: {class_path: dtr.clock.Clock}", "expected a backbone"),
        ("backbone: {class_path: dtr.clock.Clock}\naugment: {flip_p: 2}", "flip_p"),
    ],
)
def test_features__a_wrong_configuration_is_one_sentence(dataset: Path, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    result = run("--config", path, "--data", dataset, "--out", tmp_path / "cache", fails=ConfigError)
    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)


def test_features__says_what_is_missing(dataset: Path, config: Path, tmp_path: Path) -> None:
    for given, words in (
        (("--config", "nothing", "--data", dataset, "--out", tmp_path / "c"), "nothing: expected a YAML file"),
        (("--config", config, "--out", tmp_path / "c"), "--data"),
        (("--config", config, "--data", dataset), "--out"),
        (("--config", config, "--data", dataset, "--out", tmp_path / "c", "--split", "nil"), "in split nil"),
        (("--config", config, "--data", dataset, "--out", tmp_path / "c", "--device", "gpu9"), "device"),
    ):
        result = run(*given, fails=ConfigError)
        assert isinstance(result.exception, ConfigError), result.output
        assert words in str(result.exception)


@pytest.mark.parametrize("name", ["image", "image_native", "video_lm"])
def test_shipped_configs__are_read_and_fit_their_class(name: str, tmp_path: Path) -> None:
    from dtr.backbones.build import build_backbone
    from dtr.cli.features_config import read_config

    file = Path(str(resources.files("dtr.configs.features"))) / f"{name}.yaml"
    settings = read_config(file, {"data": tmp_path, "out": tmp_path, "splits": ("train",)})
    assert settings.splits == ("train",)
    if name != "video_lm":  # its checkpoint is not here
        assert len(build_backbone(settings.backbone).views) == {"image": 2, "image_native": 3}[name]


@pytest.mark.slow
def test_features__killed_and_continued_equals_uninterrupted(dataset: Path, config: Path, tmp_path: Path) -> None:
    def command(out: Path) -> list[str]:
        code = "from dtr.cli.features import features; features()"
        given = ["--config", config, "--data", dataset, "--out", out, "--views-per-clip", 2, "--workers", 1]
        return [sys.executable, "-c", code, *map(str, given)]

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    subprocess.run(command(whole), check=True, capture_output=True)
    process = subprocess.Popen(command(parts), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((parts / "clips").glob("*.safetensors"))) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None, "finished before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (parts / "index.jsonl").exists()
    subprocess.run(command(parts), check=True, capture_output=True)
    files = {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    assert files == {p.relative_to(parts): p.read_bytes() for p in parts.rglob("*") if p.is_file()}
