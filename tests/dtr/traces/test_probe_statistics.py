"""A planted leak is found, and nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.probe_statistics import probe_pairs

COLUMNS = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for four columns."""
    monkeypatch.setattr("dtr.traces.probe_statistics.TREES", 8)


def drawn(seed: int = 0, pairs: int = 40, per_base: int = 2) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(N, 4) figures of twins that depend on their base clip alone, those of traced clips (alike), and bases."""
    rng = np.random.default_rng(seed)
    scene = np.repeat(rng.normal(0, 1, (pairs // per_base, 4)), per_base, axis=0)
    twin = scene + rng.normal(0, 0.1, scene.shape)
    return twin, scene + rng.normal(0, 0.1, scene.shape), [f"base{i // per_base}" for i in range(pairs)]


def test_probe_pairs__finds_a_planted_leak() -> None:
    twin, traced, bases = drawn()
    traced[:, 2] += 4
    found = probe_pairs("planted", "all", twin, traced, bases, COLUMNS)
    assert found.auroc is not None
    assert found.auroc > 0.9
    assert found.is_above_chance
    assert found.pairs_right == 1.0
    assert found.strongest[0] == ("c", 1.0)
    assert (found.num_pairs, found.num_bases) == (40, 20)


def test_probe_pairs__a_leak_hidden_by_the_scene_is_seen_only_by_pairs() -> None:
    twin, traced, bases = drawn()
    traced[:, 2] += 0.25
    found = probe_pairs("small", "all", twin, traced, bases, COLUMNS)
    assert found.auroc is not None
    assert found.auroc < 0.75
    assert found.pairs_right is not None
    assert found.pairs_right > 0.85


def test_probe_pairs__finds_nothing_where_there_is_nothing() -> None:
    areas, right = [], []
    for seed in range(3):
        found = probe_pairs("none", "all", *drawn(seed, pairs=40, per_base=1), COLUMNS, seed=seed)
        areas.append(found.auroc)
        right.append(found.pairs_right)
    assert 0.4 < np.mean(areas) < 0.6
    assert 0.35 < np.mean(right) < 0.65


def test_probe_pairs__copies_cannot_be_told_apart() -> None:
    twin, _, bases = drawn()
    found = probe_pairs("copies", "all", twin, twin.copy(), bases, COLUMNS)
    assert found.auroc == pytest.approx(0.5)
    assert found.pairs_right == pytest.approx(0.5)
    assert not found.is_above_chance


def test_probe_pairs__keeps_base_clips_whole() -> None:
    """Six pairs of one base share a shift that other bases do not: learnt only by a fold that splits the base."""
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.choice([-5.0, 5.0], (8, 4)), 6, axis=0)
    scene = np.repeat(rng.normal(0, 50, (8, 4)), 6, axis=0)
    bases = [f"base{i // 6}" for i in range(48)]
    found = probe_pairs("split", "all", scene, scene + shift, bases, COLUMNS)
    assert found.auroc is not None
    assert found.auroc < 0.75


def test_probe_pairs__leaves_out_what_says_nothing() -> None:
    twin, traced, bases = drawn(pairs=14, per_base=1)
    twin[:3] = np.nan
    found = probe_pairs("few", "a part", twin, traced, bases, COLUMNS)
    assert found.auroc is None
    assert found.skipped == "needs 12 pairs of 5 base clips, got 11 of 11"


def test_probe_pairs__is_the_same_for_the_same_seed() -> None:
    first, second = (probe_pairs("x", "all", *drawn(pairs=12, per_base=1), COLUMNS, seed=3) for _ in range(2))
    assert first == second
