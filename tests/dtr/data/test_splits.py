from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import Label, VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.data.splits import source_groups, split_by_source, training_parts
from dtr.errors import ConfigError


def clips(label: Label, sizes: dict[str, int]) -> list[VideoAnnotation]:
    return [
        VideoAnnotation(f"{label}-{source}-{i}", Path("v.mp4"), label, source)
        for source, size in sizes.items()
        for i in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(
    fake=st.lists(st.integers(1, 30), min_size=2, max_size=12),
    real=st.lists(st.integers(1, 30), min_size=2, max_size=12),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 99),
)
def test_split_by_source__never_tears_a_source_and_loses_no_video(
    fake: list[int], real: list[int], fraction: float, seed: int
) -> None:
    videos = clips("fake", {f"f{i}": n for i, n in enumerate(fake)}) + clips(
        "real", {f"r{i}": n for i, n in enumerate(real)}
    )
    rest, held_out = split_by_source(videos, fraction, seed)
    assert sorted(v.video_id for v in (*rest, *held_out)) == sorted(v.video_id for v in videos)
    assert not {v.source for v in rest} & {v.source for v in held_out}
    for part in (rest, held_out):
        assert {v.label for v in part} == {"fake", "real"}


def test_split_by_source__comes_near_the_fraction_for_each_label() -> None:
    videos = clips("fake", {f"f{i}": 1 + i % 5 for i in range(40)}) + clips("real", {f"r{i}": 3 for i in range(30)})
    for seed in range(5):
        _, held_out = split_by_source(videos, 0.2, seed)
        for label in ("fake", "real"):
            share = sum(v.label == label for v in held_out) / sum(v.label == label for v in videos)
            assert share == pytest.approx(0.2, abs=0.03)


def test_split_by_source__depends_on_the_seed_and_not_on_the_order() -> None:
    videos = clips("fake", {f"f{i}": 2 for i in range(20)})
    first = {v.video_id for v in split_by_source(videos, 0.3, 1)[1]}
    assert {v.video_id for v in split_by_source(videos[::-1], 0.3, 1)[1]} == first
    assert {v.video_id for v in split_by_source(videos, 0.3, 2)[1]} != first


def test_source_groups__links_sources_that_share_a_repository() -> None:
    a, b, c = clips("fake", {"a": 1, "b": 1, "c": 1})
    facts = {a.video_id: {"source_repo": "x"}, b.video_id: {"source_repo": "x"}, c.video_id: {"source_repo": "y"}}
    groups = source_groups([a, b, c], facts)
    assert groups[a.video_id] == groups[b.video_id] != groups[c.video_id]
    assert len(set(source_groups([a, b, c]).values())) == 3


def test_source_groups__a_video_without_source_stands_alone() -> None:
    assert len(set(source_groups(clips("fake", {"": 3})).values())) == 3


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_split_by_source__refuses_a_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        split_by_source(clips("fake", {"a": 2, "b": 2}), fraction)


def test_split_by_source__refuses_a_label_with_one_source() -> None:
    videos = clips("fake", {"a": 2, "b": 2}) + clips("real", {"only": 9})
    with pytest.raises(ConfigError, match="label real on both sides, got 1 sources for its 9 videos"):
        split_by_source(videos, 0.5)


def test_training_parts__share_no_source_and_lose_no_video() -> None:
    videos = clips("fake", {f"f{i}": 2 for i in range(12)}) + clips("real", {f"r{i}": 2 for i in range(12)})
    parts = training_parts(videos, 0.25, 0.25, 3)
    assert {name: len(part) for name, part in parts.items()} == {"fit": 24, "dev": 12, "calibration": 12}
    assert len({(name, v.source) for name, part in parts.items() for v in part}) == 24
    assert training_parts(videos, 0.0, 0.25, 3) == {
        "fit": tuple(v for v in videos if v not in parts["calibration"]),
        "dev": (),
        "calibration": parts["calibration"],
    }


def test_training_parts__a_label_with_one_source_is_cut_by_video_and_said(caplog: pytest.LogCaptureFixture) -> None:
    videos = clips("fake", {f"f{i}": 2 for i in range(6)}) + clips("real", {"only": 12})
    parts = training_parts(videos, 0.2, 0.2)
    assert all({v.label for v in part} == {"fake", "real"} for part in parts.values())
    assert {v.source for part in parts.values() for v in part if v.label == "real"} == {"only"}
    assert "labelled real have fewer sources than there are parts" in caplog.text


def test_split_by_source__cuts_the_shared_training_clips(shared_data: Path) -> None:
    data = read_dataset(shared_data)
    train = data.in_split("train")
    rest, held_out = split_by_source(train, 0.15, facts=data.facts)
    for label in ("fake", "real"):
        share = sum(v.label == label for v in held_out) / sum(v.label == label for v in train)
        assert share == pytest.approx(0.15, abs=0.02)
    sides = [{data.facts[v.video_id]["source_repo"] for v in part} for part in (rest, held_out)]
    assert not sides[0] & sides[1]


def test_training_parts__by_video_tears_every_source_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    videos = clips("fake", {"a": 40, "b": 20}) + clips("real", {"only": 40})
    facts = {v.video_id: {"source_repo": "one"} for v in videos}
    parts = training_parts(videos, 0.0, 0.25, facts=facts, by="video")
    assert caplog.text == ""
    assert parts["dev"] == ()
    assert {v.source for v in parts["fit"]} == {v.source for v in parts["calibration"]} == {"a", "b", "only"}
    assert [sum(v.label == label for v in parts["calibration"]) for label in ("fake", "real")] == [15, 10]
    again = training_parts(videos[::-1], 0.0, 0.25, by="video")
    assert {v.video_id for v in again["calibration"]} == {v.video_id for v in parts["calibration"]}
    other = training_parts(videos, 0.0, 0.25, 1, by="video")
    assert {v.video_id for v in other["calibration"]} != {v.video_id for v in parts["calibration"]}
