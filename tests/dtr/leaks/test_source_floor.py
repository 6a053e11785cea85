from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.cache import CacheEntry, CacheRecipe, FeatureCache, cache_key
from dtr.clock import Clock
from dtr.errors import CacheError
from dtr.features import ClipFeatures
from dtr.leaks.source_floor import SourceFloor, cached_vectors, source_floor


def videos() -> list[VideoAnnotation]:
    sources = ["a"] * 12 + ["b"] * 10 + ["few"] * 4
    real = [VideoAnnotation(f"r{i}", Path("r.mp4"), "real", source=s) for i, s in enumerate(sources)]
    return real + [VideoAnnotation(f"f{i}", Path("f.mp4"), "fake", source=f"g{i % 3}") for i in range(20)]


def test_source_floor__features_that_name_the_source_reach_one() -> None:
    rng = np.random.default_rng(0)
    place = {"a": 0.0, "b": 4.0, "few": 8.0}
    vectors = {v.video_id: np.array([place.get(v.source, 2.0), 0.0]) + rng.normal(0, 0.1, 2) for v in videos()}
    found = source_floor(videos(), vectors, "toy")
    assert isinstance(found, SourceFloor)
    assert set(found.sources) == {"a", "b"}
    assert found.sources["a"] == found.worst == 1.0
    assert (found.width, found.num_real, found.num_fake, found.features) == (2, 26, 20, "toy")
    assert "learnt the source" in found.meaning


def test_source_floor__noise_names_nothing() -> None:
    rng = np.random.default_rng(1)
    found = source_floor(videos(), {v.video_id: rng.normal(size=4) for v in videos()}, "noise")
    assert isinstance(found, SourceFloor)
    assert 0.2 < found.mean < 0.8
    assert 0.25 < found.label_auroc < 0.75


def test_source_floor__one_real_source_is_a_reason() -> None:
    one = [v for v in videos() if v.source in {"a", "g0", "g1"}]
    reason = source_floor(one, {v.video_id: np.zeros(1) for v in one}, "toy")
    assert isinstance(reason, str)
    assert "12 clips of 1 real sources" in reason
    assert isinstance(source_floor(videos(), {}, "toy"), str)


def make_cache(folder: Path, tokens: dict[str, np.ndarray]) -> FeatureCache:
    clock = Clock()
    cache = FeatureCache.create(folder, CacheRecipe({"backbone_id": "toy@0"}, {}, "toy@0", 2, 2, clock, clock))
    entries = []
    for name, values in tokens.items():
        mask = np.array([[True, False]] * len(values))  # the second token carries nothing
        cells = np.zeros((len(values), 2, 4), np.float32)
        step_s = np.array([[i, i + 1] for i in range(len(values))], np.float32)
        clip = ClipFeatures(values.astype(np.float32), mask, cells, step_s, "toy@0")
        key = cache_key({"clip": name})
        entries.append(CacheEntry(name, "plain", key, len(values), cache.write(key, clip, {"clip": name})))
    cache.write_index(entries)
    return cache


def test_cached_vectors__are_means_of_the_tokens_that_carry_something(tmp_path: Path) -> None:
    tokens = np.array([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]]])
    cache = make_cache(tmp_path / "cache", {"r0": tokens})
    vectors, what = cached_vectors(cache.folder, videos())
    assert {name: row.tolist() for name, row in vectors.items()} == {"r0": [2.0, 3.0]}
    assert what == "mean tokens of toy@0"


def test_cached_vectors__a_cache_of_other_videos_is_an_error(tmp_path: Path) -> None:
    cache = make_cache(tmp_path / "cache", {"other": np.ones((1, 2, 2))})
    with pytest.raises(CacheError, match="got none of 46"):
        cached_vectors(cache.folder, videos())
    with pytest.raises(CacheError, match="found no"):
        cached_vectors(tmp_path, videos())
