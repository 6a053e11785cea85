from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import dtr
from dtr.api import load
from dtr.errors import ConfigError, DetectorError, LimitError, VideoError
from dtr.video.types import Limits
from tests.tiny_detector import rewrite_metadata, write_tiny_detector

Clip = Callable[..., Path]


def test_detect__judges_and_draws(tiny_model: Path, grey_clip: Clip, tmp_path: Path) -> None:
    bright = dtr.detect(grey_clip("bright.mp4", 250), model=tiny_model)
    dark = dtr.detect(grey_clip("dark.mp4", 10), model=str(tiny_model), video_id="night")
    assert (bright.label, dark.label) == ("fake", "real")
    assert bright.traces[0].box == pytest.approx((0, 0, 0.5, 0.5), abs=0.02)
    assert dark.traces == ()
    assert (bright.video_id, dark.video_id) == ("bright", "night")
    assert bright.save_overlay(tmp_path / "o.mp4").stat().st_size > 1000


def test_detect__takes_a_loaded_model(tiny_model: Path, grey_clip: Clip) -> None:
    model = load(tiny_model)
    assert dtr.detect(grey_clip("a.mp4", 250), model=model).provenance["model_id"] == "bright@1"


def test_load__keeps_a_model_until_its_file_changes(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    shutil.copy(tiny_model, path)
    first = load(path)
    assert load(path) is first
    rewrite_metadata(path, "model_id", "other@2")
    assert load(path).info.model_id == "other@2"


def test_detect__limits_and_missing_files_are_errors(tiny_model: Path, grey_clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(LimitError):
        dtr.detect(grey_clip("a.mp4", 250), model=tiny_model, limits=Limits(max_frames=3))
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        dtr.detect(tmp_path / "gone.mp4", model=tiny_model)
    with pytest.raises(DetectorError, match=r"gone\.onnx"):
        dtr.detect(tmp_path / "a.mp4", model=tmp_path / "gone.onnx")


def test_detect__another_base_rate_and_an_operating_point(grey_clip: Clip, tmp_path: Path) -> None:
    label = {"slope": 0.1, "intercept": 0.0, "n": 9, "n_positive": 4, "prior": 0.5, "target": "label"}
    path = tmp_path / "m.onnx"
    write_tiny_detector(
        path,
        calibration={"label": label},
        operating={"real_logits": [-9.0, -5.0, 0.0, 12.0], "fake_logits": [8.0]},
    )
    clip = grey_clip("bright.mp4", 250)
    usual, rare = dtr.detect(clip, model=path), dtr.detect(clip, model=path, prior=0.1)
    assert (usual.label, rare.label) == ("fake", "real")
    assert rare.score == pytest.approx(usual.score / (usual.score + 9 * (1 - usual.score)))
    assert dtr.detect(clip, model=path, fpr=0.25).label == "real"  # no more than the brightest real clip
    assert dtr.detect(clip, model=path, fpr=0.5, prior=0.1).label == "fake"
    with pytest.raises(ConfigError, match=r"got 4; the smallest rate they support is 0\.25"):
        dtr.detect(clip, model=path, fpr=0.1)
