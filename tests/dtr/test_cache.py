from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.cache import CacheEntry, CacheRecipe, FeatureCache, cache_key
from dtr.clock import Clock
from dtr.errors import CacheError
from dtr.features import ClipFeatures

RECIPE = CacheRecipe(
    identity={"backbone_id": "toy@0", "views": ({"size": 32},)},
    backbone={"class_path": "toy.Toy", "init_args": {}},
    backbone_id="toy@0",
    width=3,
    num_tokens=2,
    clock=Clock(),
    head_clock=Clock(1.0, 8, 4),
)
CLIP = ClipFeatures(
    np.ones((1, 2, 3), np.float32),
    np.ones((1, 2), bool),
    np.zeros((1, 2, 4), np.float32),
    np.array([[0, 1.0]]),
    "toy@0",
)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache", RECIPE)


def test_open__gives_the_recipe_that_was_written(cache: FeatureCache) -> None:
    again = FeatureCache.open(cache.folder).recipe
    assert (again.clock, again.head_clock, again.width) == (Clock(), Clock(1.0, 8, 4), 3)
    assert again.backbone == RECIPE.backbone


def test_create__accepts_its_own_folder_again_and_refuses_another_recipe(cache: FeatureCache) -> None:
    FeatureCache.create(cache.folder, RECIPE)
    other = replace(RECIPE, identity={"backbone_id": "toy@1", "views": RECIPE.identity["views"]})
    with pytest.raises(CacheError, match=r"differs in backbone_id \(backbone_id: toy@0 there, toy@1 now\)"):
        FeatureCache.create(cache.folder, other)


def test_create__refuses_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="expected a folder"):
        FeatureCache.create(tmp_path / "file" / "cache", RECIPE)


def test_open__refuses_what_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"no recipe\.json"):
        FeatureCache.open(tmp_path)
    for text in ("{", "[]", '{"format": 1}', '{"format": 99}'):
        (tmp_path / "recipe.json").write_text(text)
        with pytest.raises(CacheError) as caught:
            FeatureCache.open(tmp_path)
        assert "\n" not in str(caught.value)


def test_read__gives_what_was_written(cache: FeatureCache) -> None:
    size = cache.write("k1", CLIP, {"a": 1})
    assert size == cache.path("k1").stat().st_size
    np.testing.assert_array_equal(cache.read("k1").tokens, CLIP.tokens)
    assert cache.has("k1")
    assert cache.verify("k1") is not None


def test_read__missing_cut_renamed_or_changed_files_are_found(cache: FeatureCache) -> None:
    assert not cache.has("k1")
    with pytest.raises(CacheError, match="found no file"):
        cache.read("k1")
    cache.write("k1", CLIP, {})
    whole = cache.path("k1").read_bytes()
    cache.path("k2").write_bytes(whole)
    with pytest.raises(CacheError, match="another key"):
        cache.read("k2")
    for damaged in (whole[:-1], whole[:20], b"", whole[:-1] + bytes([whole[-1] ^ 255])):
        cache.path("k1").write_bytes(damaged)
        assert cache.verify("k1") is None
        with pytest.raises(CacheError, match="damaged"):
            cache.read("k1")


def test_write__leaves_the_old_file_when_it_fails(cache: FeatureCache) -> None:
    cache.write("k1", CLIP, {})
    bad = replace(CLIP, tokens=np.full((1, 2, 3), np.nan, np.float32))
    with pytest.raises(CacheError):
        cache.write("k1", bad, {})
    assert cache.verify("k1") is not None


def test_locked__keeps_a_second_writer_out_and_clears_leftovers(cache: FeatureCache) -> None:
    left = cache.folder / "clips" / ".k.safetensors.1.tmp"
    left.write_bytes(b"half")
    with cache.locked():
        assert not left.exists()
        with pytest.raises(CacheError, match="another process"), cache.locked():
            pass
    with cache.locked():
        pass


def test_index__finds_variants_by_video_and_merges_with_an_older_one(cache: FeatureCache) -> None:
    with pytest.raises(CacheError, match="no index"):
        _ = cache.entries
    for key in ("k1", "k2", "k3"):
        cache.write(key, CLIP, {})
    cache.write_index([CacheEntry("a", "plain", "k1", 1, 9), CacheEntry("b", "plain", "k2", 1, 9)])
    cache.path("k2").unlink()
    cache.write_index([CacheEntry("a", "aug1", "k3", 1, 9)])
    assert {v: {n: e.key for n, e in found.items()} for v, found in cache.by_video.items()} == {
        "a": {"plain": "k1", "aug1": "k3"}
    }
    assert FeatureCache.open(cache.folder).entries == cache.entries


def test_index__damaged_says_what_to_do(cache: FeatureCache) -> None:
    for text in ("{", json.dumps({"video_id": "a"})):
        (cache.folder / "index.jsonl").write_text(text)
        with pytest.raises(CacheError, match="delete it"):
            _ = cache.entries


def test_cache_key__changes_with_every_part() -> None:
    parts = {"content_sha256": "a", "views": [{"size": 32}], "variant": {"kind": "plain"}}
    others = [{"content_sha256": "b"}, {"views": [{"size": 64}]}, {"variant": {"kind": "canonical"}}, {"more": None}]
    assert len({cache_key(parts | other) for other in [{}, *others]}) == 5
