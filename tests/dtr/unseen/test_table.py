from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.unseen.measure import Mean
from dtr.unseen.table import SMALL, best_floor_names, category_table, combine, make_table, spread


def generator(clips: int, auroc: float, time: float | None = None, floors: dict[str, float] | None = None) -> Any:
    model = {"auroc": (auroc, clips)} | ({} if time is None else {"time_distance": (time, clips)})
    by_name = {name: (value, clips) for name, value in (floors or {}).items()}
    return {"clips": clips, "model": model, "floors": {"time_distance": by_name} if by_name else {}}


def fold(unseen: dict[str, Any], seen: dict[str, Any] | None = None, cameras: dict[str, Any] | None = None) -> Any:
    return {
        "unseen": {"generators": unseen, "real_sources": cameras or {}},
        "seen": {"generators": seen or {}, "real_sources": {}},
    }


def camera(clips: int, alarms: float) -> Any:
    return {"clips": clips, "model": {"false_alarms": (alarms, clips), "fake_score": (alarms, clips)}}


FOLDS = [
    fold({"a": generator(4, 0.8, 0.3, {"early": 0.2, "late": 0.1})}, {"b": generator(2, 1.0)}, {"c": camera(3, 0.5)}),
    fold({"b": generator(4, 0.6, 0.1, {"early": 0.2, "late": 0.5})}, {"a": generator(1, 0.9)}, {"d": camera(1, 1.0)}),
    fold({"tiny": generator(1, 0.0), "small": generator(2, 0.9, 0.2)}, {"a": generator(1, 0.7)}, {"e": camera(1, 0.0)}),
]


def test_make_table__mean_spread_and_worst_over_groups() -> None:
    table = make_table(FOLDS, 3)
    assert list(table["generators"]) == ["a", "b", SMALL]
    small = table["generators"][SMALL]
    assert (small["sources"], small["unseen"]["answers"]) == (2, 3)
    assert small["unseen"]["model"]["auroc"] == {"value": pytest.approx(0.6), "n": 3}
    row = table["summary"]["auroc"]["unseen"]
    assert row["mean"] == pytest.approx((0.8 + 0.6 + 0.6) / 3)
    assert (row["groups"], row["n"]) == (3, 11)
    assert row["pooled"] == pytest.approx((4 * 0.8 + 4 * 0.6 + 1.8) / 11)
    assert row["worst_group"] in {"b", SMALL}
    assert table["summary"]["time_distance"]["unseen"]["worst_group"] == "a"  # here the largest is the worst
    assert table["real_sources"][SMALL]["unseen"]["model"]["false_alarms"]["value"] == 0.5
    json.dumps(table, allow_nan=False)


def test_make_table__the_gap_is_over_groups_with_both_and_positive_where_unseen_is_worse() -> None:
    gap = make_table(FOLDS, 3)["summary"]["auroc"]["gap"]
    assert gap["n"] == 2
    assert gap["value"] == pytest.approx(((0.8 - 0.8) + (1.0 - 0.6)) / 2)
    assert gap["interval"][0] <= gap["value"] <= gap["interval"][1]
    late = [fold({g: generator(3, 0.5, 0.4)}, {g: generator(3, 0.5, 0.1)}) for g in "ab"]
    assert make_table(late, 3)["summary"]["time_distance"]["gap"]["value"] == pytest.approx(0.3)


def test_make_table__one_floor_for_all_and_the_gain_over_it() -> None:
    assert best_floor_names(FOLDS) == {"time_distance": "early"}  # 0.2 against (0.1 + 0.5) / 2
    row = make_table(FOLDS, 3)["summary"]["time_distance"]
    assert (row["floor_name"], row["unseen"]["floor"]) == ("early", pytest.approx(0.2))
    assert row["unseen"]["gain"]["value"] == pytest.approx(((0.2 - 0.3) + (0.2 - 0.1)) / 2)


def test_make_table__another_smallest_group_needs_no_training() -> None:
    assert SMALL not in make_table(FOLDS, 1)["generators"]
    assert list(make_table(FOLDS, 5)["generators"]) == [SMALL]


def test_make_table__held_out_kind_alone_has_no_gap() -> None:
    table = make_table([fold({}, {"a": generator(2, 0.9)}, {"c": camera(3, 0.5)})], 2)
    assert table["summary"]["auroc"]["gap"] is None
    assert table["summary"]["auroc"]["unseen"]["mean"] is None
    assert table["summary"]["auroc"]["seen"]["mean"] == 0.9
    assert table["real_summary"]["false_alarms"]["unseen"]["std"] is None


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), max_size=8))
def test_combine__is_the_mean_of_what_lies_under(means: list[Mean]) -> None:
    flat = [value for value, n in means for _ in range(n)]
    value, n = combine(means)
    assert n == len(flat)
    if flat:
        assert value == pytest.approx(sum(flat) / n)


def test_spread__of_nothing_is_none() -> None:
    assert spread({}, worse_high=True)["mean"] is None


def test_category_table__joins_the_rows_of_all_folds() -> None:
    one, two = [0.0] * 9, [0.0] * 9
    one[0], two[1] = 1.0, 1.0
    empty = {"scores": [], "target": []}
    folds = [
        {"categories": {"unseen": {"scores": [one], "target": [[int(v) for v in one]]}, "seen": empty}},
        {"categories": {"unseen": {"scores": [two], "target": [[int(v) for v in two]]}, "seen": empty}},
    ]
    assert category_table(folds) == {"unseen": {"map": 1.0, "constant": 0.5, "rows": 2}}
