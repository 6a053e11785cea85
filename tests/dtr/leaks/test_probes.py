from __future__ import annotations

import numpy as np
import pytest

from dtr.leaks.probes import (
    GeneratorProbe,
    LabelProbe,
    generator_probe,
    label_probe,
    verdict_of,
)
from dtr.leaks.tables import Table

TARGET = np.arange(80) % 2
SOURCES = [f"{i % 2}/{i // 8}" for i in range(80)]  # ten sources of each label


def table(*columns: np.ndarray, model: str = "trees") -> Table:
    names = tuple(f"c{i}" for i in range(len(columns)))
    return Table(names, np.stack(columns, axis=1).astype(np.float64), model)  # type: ignore[arg-type]


def probed(given_table: Table, target: np.ndarray = TARGET, sources: list[str] = SOURCES) -> LabelProbe:
    found = label_probe(given_table, target, sources)
    assert isinstance(found, LabelProbe), found
    return found


@pytest.mark.parametrize("model", ["trees", "linear"])
def test_label_probe__a_planted_leak_is_strong(model: str) -> None:
    noise = np.random.default_rng(0).normal(size=80)
    found = probed(table(noise, TARGET * 2.0, model=model))
    assert found.auroc > 0.98
    assert found.verdict == "strong"
    assert found.strongest[0] == ("c1", 1.0)
    assert (found.num_fake, found.num_real, found.num_groups, found.notes) == (40, 40, 20, ())


@pytest.mark.parametrize("model", ["trees", "linear"])
def test_label_probe__noise_says_nothing(model: str) -> None:
    rng = np.random.default_rng(1)
    found = probed(table(*rng.normal(size=(3, 80)), model=model))
    assert 0.35 < found.auroc < 0.65
    assert found.verdict in {"none", "unclear"}


def test_label_probe__one_value_for_all_is_one_half_exactly() -> None:
    found = probed(table(np.full(80, 24.0)))
    assert (found.auroc, found.interval, found.verdict) == (0.5, (0.5, 0.5), "none")


def test_label_probe__few_of_one_label_do_not_bend_the_scale() -> None:
    # Without equal weights the folds' own shares of fakes would order the scores, and chance would not be one half.
    rng = np.random.default_rng(2)
    target = (np.arange(120) % 6 == 0).astype(np.int64)
    found = probed(table(rng.normal(size=120)), target, [f"{target[i]}/{i // 12}" for i in range(120)])
    assert 0.3 < found.auroc < 0.7


def test_label_probe__knowing_the_source_is_not_knowing_the_label() -> None:
    # Each source has a value of its own: told by clip the label is known, told by unseen sources it is not.
    place = np.arange(240) // 24  # ten sources
    value, target = place * 7 % 10 * 1.0, place % 2
    by_source = probed(table(value), target, [str(p) for p in place])
    by_clip = probed(table(value), target, [str(i) for i in range(240)])
    assert by_clip.auroc > 0.95
    assert by_source.auroc < 0.75


def test_label_probe__one_source_of_a_label_is_dealt_by_video_and_said() -> None:
    sources = ["real/only" if y == 0 else f"fake/{i // 8}" for i, y in enumerate(TARGET)]
    found = probed(table(TARGET * 1.0), sources=sources)
    assert found.auroc == 1.0
    assert found.notes == ("real videos come from too few sources: their folds share them",)
    assert found.num_groups == 40 + 10


def test_label_probe__videos_without_the_fact_are_left_out_and_counted() -> None:
    column, other = TARGET * 1.0, np.random.default_rng(0).normal(size=80)
    column[:10] = other[:8] = np.nan
    found = probed(table(column, other))
    assert (found.left_out, found.num_fake + found.num_real, found.unknown) == (8, 72, {"c0": 2})


def test_label_probe__too_few_videos_is_a_reason() -> None:
    column = np.where(TARGET == 1, 1.0, np.nan)
    assert label_probe(table(column), TARGET, SOURCES) == (
        "needs 10 videos of each label with these facts, got 40 fake and 0 real"
    )


def test_label_probe__repeats_with_its_seed() -> None:
    noise = table(np.random.default_rng(3).normal(size=80), model="linear")
    assert label_probe(noise, TARGET, SOURCES, seed=4) == label_probe(noise, TARGET, SOURCES, seed=4)


def test_generator_probe__names_generators_that_differ_and_counts_the_rest() -> None:
    generators = ["a"] * 20 + ["b"] * 12 + ["c"] * 8 + ["rare"] * 3 + [""] * 2
    values = np.array([{"a": 0.0, "b": 5.0, "c": 9.0}.get(name, 7.0) for name in generators])
    found = generator_probe(table(values), generators)
    assert isinstance(found, GeneratorProbe)
    assert (found.accuracy, found.majority, found.num_clips, found.num_generators, found.left_out_clips) == (
        1.0, 0.5, 40, 3, 5,
    )  # fmt: skip
    same = generator_probe(table(np.zeros(45)), generators)
    assert isinstance(same, GeneratorProbe)
    assert same.accuracy <= same.majority + 0.15


def test_generator_probe__one_generator_is_a_reason() -> None:
    assert generator_probe(table(np.zeros(9)), ["a"] * 9) == "needs two generators with 5 clips each"


@pytest.mark.parametrize(
    ("interval", "word"),
    [((0.7, 0.9), "strong"), ((0.51, 0.99), "weak"), ((0.5, 0.69), "none"), ((0.4, 0.7), "unclear")],
)  # fmt: skip
def test_verdict_of__goes_by_the_interval(interval: tuple[float, float], word: str) -> None:
    assert verdict_of(sum(interval) / 2, interval) == word
