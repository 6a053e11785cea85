"""The whole line, once per kind of backbone: videos and rows → features → four heads → detector → ONNX → verdict."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from dtr.annotation import CATEGORIES
from dtr.cache import FeatureCache
from dtr.cli.features import features
from dtr.detector import LoadedDetector, load_detector
from dtr.errors import DetectorError
from dtr.export.runtime import OnnxModel, load_model
from dtr.export.verify import Parity, export_verified
from dtr.pipeline import judge
from dtr.train_all import Recipe, train_all
from tests.tiny_vlm import write_tiny_qwen

HEADS = ("binary", "category", "box", "boundary")
TAGS = ("Shape distortion (e.g. human arm bending as rubbery)", "merging (e.g. two objects merge into one.)")
SECONDS, FPS, WIDTH, HEIGHT = 3.5, 8, 96, 64


class Trained(NamedTuple):
    """What the line made on one backbone."""

    cache: FeatureCache
    detector: LoadedDetector
    model: OnnxModel
    parity: Parity


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """Eight videos of four sources a label, annotated in the released form; the last source of each is split test."""
    folder = tmp_path_factory.mktemp("clips")
    rows = []
    for number in range(8):
        label, source = ("fake", "real")[number % 2], number // 2
        path = media.write_video(
            folder / f"{label}{source}.mp4",
            num_frames=round(SECONDS * FPS),
            fps=FPS,
            width=WIDTH,
            height=HEIGHT,
            picture=lambda n, w, h, first=100 * number: media.numbered_picture(first + n, w, h),
        )
        rows.append(_row(path, label, source))
    (folder / "all_data.json").write_text(json.dumps(rows))
    return folder


def _row(path: Path, label: str, source: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "video_id": path.stem,
        "video_path": path.name,
        "video_type": f"{label}_video",
        "video_source": f"{label}-{source}",
        "split": "test" if source == 3 else "train",
        "video_width": WIDTH,
        "video_height": HEIGHT,
        "video_frame_rate": float(FPS),
        "video_duration": SECONDS,
    }
    if label == "fake":
        row |= {
            "faketrace_bbox": {"left": 8.0 * source, "top": 8.0, "width": 48.0, "height": 32.0},
            "faketrace_first_frame": 4 * source,
            "faketrace_duration": 1.5,
            "faketrace_check_applies": [TAGS[source % 2]],
            "faketrace_explanations": "The arm bends like rubber.",
        }
    return row


def _follow(line: Path, clips: Path, backbone: dict[str, Any], *, heads_only: bool) -> Trained:
    """`dtr features`, then every head with its shipped configuration, then one ONNX file."""
    config, cache = line / "features.yaml", line / "cache"
    config.write_text(yaml.safe_dump({"backbone": backbone, "workers": 0, "device": "cpu"}))
    result = CliRunner().invoke(features, ["--config", str(config), "--data", str(clips), "--out", str(cache)])
    assert result.exit_code == 0, result.output
    quick = {"trainer.max_steps": 2, "trainer.accelerator": "cpu", "trainer.enable_progress_bar": False}
    recipe = Recipe({head: f"configs/head/{head}.yaml" for head in HEADS}, name="line", options=quick)
    detector = load_detector(train_all(recipe, str(clips), str(cache), line / "run"))
    file = line / "detector.onnx"
    parity = export_verified(detector, file, heads_only=heads_only)
    return Trained(FeatureCache.open(cache), detector, load_model(file, threads=1), parity)


@pytest.fixture(scope="module")
def image_line(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    views = [{"kind": "square", "size": 32, "position": [0.0, 0.0]}, {"kind": "native", "size": 32}]
    arguments = {"model": "test_efficientnet", "weights": "none", "views": views}
    backbone = {"class_path": "dtr.backbones.image.ImageBackbone", "init_args": arguments}
    return _follow(tmp_path_factory.mktemp("image"), clips, backbone, heads_only=False)


@pytest.fixture(scope="module")
def video_lm_line(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    line = tmp_path_factory.mktemp("video_lm")
    checkpoint = write_tiny_qwen(line / "qwen")
    arguments = {"checkpoint": str(checkpoint), "views": [{"kind": "square", "size": 56}], "max_frames": 8}
    backbone = {"class_path": "dtr.backbones.video_lm.VideoLMBackbone", "init_args": arguments}
    return _follow(line, clips, backbone, heads_only=True)


def test_image__four_heads_become_one_proven_file(image_line: Trained) -> None:
    info = image_line.detector.info
    assert tuple(info.heads) == HEADS
    assert (image_line.model.graph, image_line.model.info) == ("fused", info)
    assert (image_line.parity.clips, image_line.parity.note) == (4, "")
    assert image_line.parity.worst < 1e-4
    counts = {"videos": 2, "fake": 1, "real": 1, "traces": 1, "sources": 2, "shared_sources": 0}
    assert info.training["data"]["test"] == counts


def test_image__the_file_judges_a_video(image_line: Trained, clips: Path) -> None:
    path = clips / "fake3.mp4"
    verdict = judge(path, image_line.model)
    row = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    _require_schema_1(row)
    assert (row["video"], row["video_id"], row["duration_s"]) == (str(path), "fake3", SECONDS)
    assert (row["width"], row["height"], row["damage"]) == (WIDTH, HEIGHT, [])
    assert len(row["frames"]["times_s"]) == round(SECONDS * 6)
    assert row["provenance"]["backbone_id"] == image_line.cache.recipe.backbone_id
    assert row["traces"] + row["candidates"]
    prediction = json.loads(json.dumps(verdict.to_prediction(), allow_nan=False))
    _require_prediction(prediction)
    assert prediction["fake_probability"] == row["score"]


@pytest.mark.slow
def test_video_lm__trains_all_heads_by_changing_only_the_backbone(video_lm_line: Trained) -> None:
    detector, cache = video_lm_line.detector, video_lm_line.cache
    assert tuple(detector.heads) == HEADS
    assert (cache.recipe.clock.rate_hz, detector.info.clock) == (2.0, cache.recipe.head_clock)
    assert detector.info.clock.rate_hz == 1.0
    assert detector.backbone is not None
    assert detector.backbone.weights is None  # only referred to
    assert (video_lm_line.model.graph, video_lm_line.model.info.views) == ("heads", ())
    assert video_lm_line.parity.worst < 1e-4
    assert video_lm_line.parity.note == ""
    with pytest.raises(DetectorError, match="cannot be fused"):
        export_verified(detector, cache.folder / "fused.onnx")


@pytest.mark.slow
def test_video_lm__the_file_runs_on_cached_features(video_lm_line: Trained) -> None:
    cache, model = video_lm_line.cache, video_lm_line.model
    clip = cache.read(cache.by_video["real0"]["plain"].key)
    assert clip.token_mask.any(axis=1).tolist() == [True, True, True, False]  # seven frames make three pairs
    windows, window_steps = clip.all_windows(model.info.clock)
    outputs = model.infer_features(windows)
    assert outputs["box.boxes"].shape == (*window_steps.shape, clip.tokens.shape[1], 4)
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.slow
def test_heads__refuse_the_features_of_another_backbone(image_line: Trained, video_lm_line: Trained) -> None:
    cache = image_line.cache
    clip = cache.read(cache.by_video["real0"]["plain"].key)
    windows, _ = clip.all_windows(cache.recipe.head_clock)
    with pytest.raises(DetectorError, match=r"expected features of backbone 'qwen2_5_vl_.*, got 'test_efficientnet@"):
        video_lm_line.model.infer_features(windows)
    with pytest.raises(DetectorError, match="takes frames, not features"):
        image_line.model.infer_features(windows)


def _require_schema_1(row: dict[str, Any]) -> None:
    """Keys, types and ranges of a verdict's JSON, schema version 1."""
    assert set(row) == {
        *("schema", "video", "video_id", "duration_s", "width", "height", "label", "score", "abstain"),
        *("traces", "candidates", "frames", "damage", "provenance", "timing_s"),
    }
    assert row["schema"] == 1
    assert row["label"] in ("fake", "real")
    assert 0 <= row["score"] <= 1
    assert isinstance(row["abstain"], bool)
    assert row["label"] == "fake" or row["traces"] == []
    assert set(row["timing_s"]) == {"decode", "infer"}
    assert set(row["frames"]) == {"times_s", "scores"}
    assert len(row["frames"]["times_s"]) == len(row["frames"]["scores"])
    assert all(0 <= score <= 1 for score in row["frames"]["scores"])
    for found in (row["traces"], row["candidates"]):
        assert [t["score"] for t in found] == sorted((t["score"] for t in found), reverse=True)
        for trace in found:
            _require_trace(trace, row["duration_s"])


def _require_trace(trace: dict[str, Any], duration_s: float) -> None:
    assert set(trace) == {"score", "span_s", "box", "boxes", "categories", "explanation", "explanation_engine"}
    assert 0 <= trace["score"] <= 1
    assert 0 <= trace["span_s"][0] < trace["span_s"][1] <= duration_s
    assert set(trace["categories"]) == set(CATEGORIES)
    assert all(0 <= score <= 1 for score in trace["categories"].values())
    assert trace["boxes"]
    assert [row[0] for row in trace["boxes"]] == sorted(row[0] for row in trace["boxes"])
    for x0, y0, x1, y1 in (trace["box"], *(row[1:] for row in trace["boxes"])):
        assert 0 <= x0 <= x1 <= 1
        assert 0 <= y0 <= y1 <= 1


def _require_prediction(row: dict[str, Any]) -> None:
    """Keys and types of the predictions form; a FAKE has a place and a time."""
    assert set(row) == {
        *("video_id", "model_id", "task", "predicted_label", "fake_probability", "start_time", "end_time"),
        *("bbox", "explanation", "latency_seconds"),
    }
    assert row["predicted_label"] in ("FAKE", "REAL")
    assert row["latency_seconds"] > 0
    if row["predicted_label"] == "FAKE":
        assert set(row["bbox"]) == {"left", "top", "width", "height"}
        assert row["start_time"] < row["end_time"]
    else:
        assert (row["bbox"], row["start_time"], row["end_time"]) == (None, None, None)
