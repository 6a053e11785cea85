"""A data set without media, and a cache of made-up features for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dtr.cache import CacheEntry, CacheRecipe, FeatureCache, cache_key
from dtr.clock import Clock
from dtr.features import ClipFeatures

WIDTH = 3


def write_data(root: Path, *, train: int = 20, val: int = 12) -> list[tuple[str, str, str]]:
    """Rows of `train` and `val`, half of them generated; gives (video_id, split, label)."""
    videos = [
        (f"{split}{i}", split, "fake" if i % 2 else "real")
        for split, n in (("train", train), ("val", val))
        for i in range(n)
    ]
    rows: list[dict[str, Any]] = []
    for video_id, split, label in videos:
        row = {"video_id": video_id, "video_path": f"v/{video_id}.mp4", "video_type": f"{label}_video", "split": split}
        size = {"video_width": 100, "video_height": 50, "video_frame_rate": 10, "video_duration": 4.0}
        rows.append(row | size | {"video_source": f"{label}{int(video_id.removeprefix(split)) % 7}"})
    (root / "all_data.json").write_text(json.dumps(rows))
    return videos


def write_cache(
    folder: Path, videos: list[tuple[str, str, str]], variants: tuple[str, ...] = ("plain",), *, short: str = ""
) -> FeatureCache:
    """Features in which generated clips are brighter in channel 0 and more even in time; `short` has two steps."""
    recipe = CacheRecipe({"backbone_id": "toy@0"}, {}, "toy@0", WIDTH, 2, Clock(), Clock())
    cache, entries = FeatureCache.create(folder, recipe), []
    for variant in variants:
        for number, (video_id, _, label) in enumerate(videos):
            clip = make_clip(label, number, 2 if video_id == short else 10)
            key = cache_key({"clip": video_id, "variant": variant})
            entries.append(CacheEntry(video_id, variant, key, clip.num_steps, cache.write(key, clip, {})))
    cache.write_index(entries)
    return cache


def make_clip(label: str, seed: int, steps: int) -> ClipFeatures:
    """Random tokens around the label's mean."""
    rng = np.random.default_rng(seed)
    noise = 0.1 if label == "fake" else 1.0
    tokens = rng.normal(0, noise, size=(steps, 2, WIDTH)).astype(np.float32)
    tokens[..., 0] += 3.0 * (label == "fake")
    starts = np.arange(steps) / 6
    step_s = np.stack([starts, starts + 1 / 6], axis=1).astype(np.float32)
    mask = np.ones((steps, 2), np.bool_)
    return ClipFeatures(tokens, mask, np.zeros((steps, 2, 4), np.float32), step_s, "toy@0")
