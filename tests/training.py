"""A small annotated data set with cached features that hold what the annotations say; no media, no backbone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from dtr.annotation import TraceAnnotation
from dtr.cache import CacheEntry, CacheRecipe, FeatureCache, cache_key
from dtr.clock import Clock
from dtr.features import ClipFeatures
from dtr.planted import Planted
from dtr.views import ViewSpec, grid_cells

WIDTH = 16
GRID = 4
TAGS = ["Shape distortion (e.g. human arm bending as rubbery)", "merging (e.g. two objects merge into one.)"]
BACKBONE = "toy@000000000000"


def write_training_data(
    folder: Path, per_source: int = 3, sources: int = 8, seed: int = 0, *, planted: bool = False
) -> tuple[Path, Path]:
    """Data set and cache: `sources` generators and as many cameras, `per_source` clips each; the last is split test.

    With `planted`, every clip also has the variant "synth1" with a trace that was put in (an Object Splitting) and
    its twin.

    Returns:
        all_data.json, cache folder.
    """
    rng = np.random.default_rng(seed)
    rows, clips = [], {}
    for label in ("fake", "real"):
        for source in range(sources):
            for number in range(per_source):
                row = _row(rng, label, source, number, "test" if source == sources - 1 else "train")
                rows.append(row)
                clips[row["video_id"]] = _features(rng, row)
    data = folder / "all_data.json"
    data.write_text(json.dumps(rows))
    return data, _write_cache(folder / "cache", clips, planted=planted)


def _row(rng: np.random.Generator, label: str, source: int, number: int, split: str) -> dict:
    row = {
        "video_id": f"{label}{source}-{number}",
        "video_path": f"videos/{label}{source}-{number}.mp4",
        "video_type": f"{label}_video",
        "video_source": f"{label}-source-{source}",
        "split": split,
        "video_width": 320,
        "video_height": 240,
        "video_frame_rate": 24.0,
        "video_frame_count": 96,
        "video_duration": 4.0,
    }
    if label == "fake":
        onset = int(rng.integers(0, 48))
        left, top = float(rng.integers(0, 160)), float(rng.integers(0, 120))
        row |= {
            "faketrace_bbox": {"left": left, "top": top, "width": 160.0, "height": 120.0},
            "faketrace_first_frame": onset,
            "faketrace_duration": 1.5,
            "faketrace_check_applies": [TAGS[number % 2]],
            "faketrace_explanations": "The arm bends like rubber.",
        }
    return row


def _features(rng: np.random.Generator, row: dict) -> ClipFeatures:
    """24 steps of noise; channel 0 names the label, 1 the place and time of the trace, 2 and 3 its kind."""
    steps, cells = 24, grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), GRID, GRID)
    start = np.arange(steps, dtype=np.float32) / 6
    tokens = rng.normal(0, 0.5, (steps, GRID * GRID, WIDTH)).astype(np.float32)
    if row["video_type"] == "fake_video":
        tokens[..., 0] += 2.0
        box, onset = row["faketrace_bbox"], row["faketrace_first_frame"] / 24
        centre = (cells[:, :2] + cells[:, 2:]) / 2 * [320, 240] - [box["left"], box["top"]]
        inside = (centre > 0).all(axis=1) & (centre < [160, 120]).all(axis=1)
        during = (start >= onset - 0.05) & (start < onset + 1.45)
        here = during[:, None] & inside
        tokens[here, 1] += 4.0
        tokens[here, 2 + TAGS.index(row["faketrace_check_applies"][0])] += 4.0
    mask = np.ones(tokens.shape[:2], dtype=bool)
    step_s = np.stack([start, start + 1 / 6], axis=1).astype(np.float32)
    return ClipFeatures(tokens, mask, np.tile(cells, (steps, 1, 1)), step_s, BACKBONE)


def _with_trace(clip: ClipFeatures) -> ClipFeatures:
    tokens = clip.tokens.copy()
    tokens[6:15, :2, 1] += 4.0
    trace = TraceAnnotation(
        span_s=(1.0, 2.5),
        box=(0.0, 0.0, 0.5, 0.25),
        boxes=((1.0, (0.0, 0.0, 0.5, 0.25)), (2.4, (0.0, 0.0, 0.5, 0.25))),
        categories=frozenset({"Object Splitting"}),
    )
    return replace(clip, tokens=tokens, planted=Planted((trace,)))


def _write_cache(folder: Path, clips: dict[str, ClipFeatures], *, planted: bool) -> Path:
    recipe = CacheRecipe(
        identity={"backbone_id": BACKBONE, "views": [ViewSpec().to_json()]},
        backbone={"class_path": "dtr.backbones.image.ImageBackbone", "init_args": {}},
        backbone_id=BACKBONE,
        width=WIDTH,
        num_tokens=GRID * GRID,
        clock=Clock(),
        head_clock=Clock(),
    )
    cache = FeatureCache.create(folder, recipe)
    entries = []
    for video_id, clip in clips.items():
        for variant in ("plain", "canonical", "aug1"):
            parts = {"video_id": video_id, "variant": variant}
            key = cache_key(parts)
            entries.append(CacheEntry(video_id, variant, key, clip.num_steps, cache.write(key, clip, parts)))
        if planted:
            for variant, made in (("synth1", _with_trace(clip)), ("twin1", replace(clip, planted=Planted()))):
                parts = {"video_id": video_id, "variant": variant}
                size = cache.write(cache_key(parts), made, parts)
                entries.append(CacheEntry(video_id, variant, cache_key(parts), clip.num_steps, size))
    cache.write_index(entries)
    return folder
