from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import Label, VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.errors import AnnotationError, ConfigError
from dtr.unseen.folds import Fold, deal, held_groups, plan_folds, take_seen
from dtr.unseen.recipe import UnseenRecipe

Facts = dict[str, dict[str, Any]]


def clips(label: Label, sizes: dict[str, int]) -> list[VideoAnnotation]:
    return [
        VideoAnnotation(f"{label}-{source}-{i}", Path("v.mp4"), label, source)
        for source, size in sizes.items()
        for i in range(size)
    ]


VIDEOS = clips("fake", {f"g{i}": 1 + i % 5 for i in range(20)}) + clips("real", {f"c{i}": 1 + i % 4 for i in range(16)})


def recipe(**options: Any) -> UnseenRecipe:
    return UnseenRecipe({"binary": "configs/head/binary.yaml"}, **options)


def sources(videos: tuple[VideoAnnotation, ...]) -> set[tuple[str | None, str]]:
    return {(v.label, v.source) for v in videos}


def check(folds: list[Fold], facts: Facts, cut_by_video: str = "") -> None:
    """What makes a fold honest; the sources of a label that is cut by video are in every part."""
    for fold in folds:
        parts = {**fold.parts, "left_out": fold.left_out}
        every = [v.video_id for part in parts.values() for v in part]
        assert len(every) == len(set(every))
        assert fold.parts["fit"]
        trained = [v for name in ("fit", "dev", "calibration") for v in fold.parts[name]]
        assert not sources(fold.parts["unseen"]) & sources(tuple(trained))
        assert sources(fold.parts["seen"]) <= sources(fold.parts["fit"])
        tuned = {s for s in sources(fold.parts["dev"] + fold.parts["calibration"]) if s[0] != cut_by_video}
        assert not sources(fold.parts["seen"]) & tuned
        pages = {facts.get(v.video_id, {}).get("source_repo") for v in fold.parts["unseen"]} - {None}
        assert not [v for v in (*trained, *fold.parts["seen"]) if facts.get(v.video_id, {}).get("source_repo") in pages]


@pytest.mark.parametrize("folds", [2, 5, "all"])
def test_plan_folds__every_clip_is_unseen_once_and_its_source_never_trained_on(folds: int | str) -> None:
    plan = plan_folds(VIDEOS, recipe(folds=folds, seen_fraction=0.4))
    check(plan, {})
    held = Counter(v.video_id for fold in plan for v in fold.parts["unseen"] if v.label == "fake")
    assert set(held) == {v.video_id for v in VIDEOS if v.label == "fake"}
    assert set(held.values()) == {1}
    assert len(plan) == (20 if folds == "all" else folds)
    assert any(fold.parts["seen"] for fold in plan)
    reals = {v.video_id for fold in plan for v in fold.parts["unseen"] if v.label == "real"}
    assert reals == {v.video_id for v in VIDEOS if v.label == "real"}


def test_plan_folds__linked_generators_go_together_or_are_left_out() -> None:
    facts: Facts = {v.video_id: {"source_repo": "page"} for v in VIDEOS if v.source in {"g0", "g1", "g2"}}
    together = plan_folds(VIDEOS, recipe(folds=4), facts)
    check(together, facts)
    assert sum(bool({"g0", "g1", "g2"} & {s for _, s in sources(f.parts["unseen"])}) for f in together) == 1
    assert not any(fold.left_out for fold in together)
    alone = plan_folds(VIDEOS, recipe(folds="all"), facts)
    check(alone, facts)
    left = {frozenset(s for _, s in sources(f.left_out)) for f in alone if f.left_out}
    assert left == {frozenset(p) for p in (("g0", "g1"), ("g0", "g2"), ("g1", "g2"))}


def test_plan_folds__a_camera_page_that_shows_generated_clips_is_left_out_too() -> None:
    facts: Facts = {v.video_id: {"source_repo": "page"} for v in VIDEOS if v.source in {"g0", "c0"}}
    plan = plan_folds(VIDEOS, recipe(folds=4, leave="generators"), facts)
    check(plan, facts)
    (fold,) = [f for f in plan if ("fake", "g0") in sources(f.parts["unseen"])]
    assert sources(fold.left_out) == {("real", "c0")}


@pytest.mark.parametrize(("leave", "label"), [("generators", "fake"), ("real-sources", "real")])
def test_plan_folds__only_what_is_asked_for_is_held_out(leave: str, label: str) -> None:
    plan = plan_folds(VIDEOS, recipe(folds=3, leave=leave))
    assert {v.label for fold in plan for v in fold.parts["unseen"]} == {label}


def test_plan_folds__follows_the_seed_and_nothing_else() -> None:
    first, again = ([fold.to_json() for fold in plan_folds(VIDEOS, recipe(seeds=(4,)))] for _ in range(2))
    assert first == again
    both = plan_folds(VIDEOS, recipe(seeds=(4, 5)))
    assert [fold.name for fold in both][::5] == ["seed4-fold1", "seed5-fold1"]
    assert [fold.to_json() for fold in both[:5]] == first
    assert both[0].parts["unseen"] != both[5].parts["unseen"]


def test_plan_folds__too_few_sources_are_refused_with_their_number() -> None:
    release = [v for v in VIDEOS if v.label == "fake"] + clips("real", {"LLaVA-Video-178K": 40})
    with pytest.raises(ConfigError, match=r"5 groups of real sources .* got 1 of 40 clips"):
        plan_folds(release, recipe())
    check(plan_folds(release, recipe(leave="generators", folds="all")), {}, cut_by_video="real")
    few = clips("fake", {"a": 1, "b": 1}) + clips("real", {f"c{i}": 2 for i in range(6)})
    with pytest.raises(ConfigError, match=r"seed0-fold1: too little remains .* when 1 clips are held out"):
        plan_folds(few, recipe(folds=2, leave="generators"))


def test_plan_folds__a_clip_without_a_source_cannot_be_held_out() -> None:
    with pytest.raises(AnnotationError, match=r"1 of 85 without one \(first: x\)"):
        plan_folds([*VIDEOS[:84], VideoAnnotation("x", Path("x.mp4"), "fake")], recipe())


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=30), seed=st.integers(0, 9))
def test_deal__groups_differ_by_no_more_than_the_largest_thing(sizes: list[int], seed: int) -> None:
    named = {f"n{i}": size for i, size in enumerate(sizes)}
    groups = deal(named, 2, seed)
    assert sorted(name for group in groups for name in group) == sorted(named)
    totals = sorted(sum(named[name] for name in group) for group in groups)
    assert all(b - a <= max(sizes) for a, b in pairwise(totals))


def test_held_groups__do_not_depend_on_the_order_of_the_videos() -> None:
    assert held_groups(VIDEOS, "fake", 4, 1) == held_groups(VIDEOS[::-1], "fake", 4, 1)


def test_take_seen__leaves_every_source_a_clip_and_takes_the_share() -> None:
    videos = tuple(clips("fake", {f"g{i}": 1 + i % 6 for i in range(60)}))
    rest, seen = take_seen(videos, 0.3, 0)
    assert sources(rest) == sources(videos)
    with_more = [v for v in videos if sum(w.source == v.source for w in videos) > 1]
    assert len(seen) / len(with_more) == pytest.approx(0.3, abs=0.05)
    assert take_seen(videos[::-1], 0.3, 0)[1][::-1] == seen


def test_plan_folds__of_the_shared_clips_are_balanced(shared_data: Path) -> None:
    data = read_dataset(shared_data)
    plan = plan_folds(data.in_split("train"), recipe(), data.facts)
    check(plan, dict(data.facts))
    assert all(25 < sum(v.label == "real" for v in fold.parts["unseen"]) < 50 for fold in plan)
    assert all(v.split == "train" for fold in plan for part in fold.parts.values() for v in part)
