from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import CATEGORIES
from dtr.errors import ConfigError, DetectorError
from dtr.reward.score import PARTS, UNNAMED, Reward, RewardWeights, TraceReward
from dtr.verdict import Trace, Verdict

DURATION_S = 4.0
SLACK = 1e-12  # rounding
unit = st.floats(0, 1, allow_subnormal=False)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    x0, x1 = sorted((draw(unit), draw(unit)))
    y0, y1 = sorted((draw(unit), draw(unit)))
    start, end = sorted((draw(unit) * DURATION_S, draw(unit) * DURATION_S))
    categories = {name: draw(unit) for name in draw(st.lists(st.sampled_from(CATEGORIES), unique=True, max_size=3))}
    return Trace(draw(unit), (start, end), (x0, y0, x1, y1), categories=categories)


@st.composite
def rewards(draw: st.DrawFn) -> TraceReward:
    parts = {name: draw(st.floats(0.01, 10)) for name in PARTS}
    categories = draw(st.dictionaries(st.sampled_from(CATEGORIES), unit, max_size=4))
    return TraceReward(RewardWeights(**parts, categories=categories))


lists = st.lists(traces(), max_size=4)


def verdict(found: list[Trace], score: float = 0.5, label: str = "fake", **changes: object) -> Verdict:
    plain = Verdict("a.mp4", "a", DURATION_S, 64, 48, label, score, traces=tuple(found))  # type: ignore[arg-type]
    return replace(plain, **changes)  # type: ignore[arg-type]


def trace(score: float = 0.5, span_s: tuple[float, float] = (1.0, 3.0), **changes: object) -> Trace:
    return replace(Trace(score, span_s, (0.0, 0.0, 0.5, 0.5)), **changes)  # type: ignore[arg-type]


def value(reward: TraceReward, found: list[Trace], score: float = 0.5) -> float:
    return reward(verdict(found, score)).value


@settings(max_examples=60, deadline=None)
@given(rewards(), lists, unit)
def test_reward__and_its_parts_lie_in_the_unit_range(reward: TraceReward, found: list[Trace], score: float) -> None:
    given_ = reward(verdict(found, score))
    parts = [getattr(given_.parts, name) for name in PARTS]
    assert all(0 <= v <= 1 + SLACK for v in (given_.value, *parts, *given_.parts.by_category.values()))
    assert all(v <= given_.parts.severity + SLACK for v in given_.parts.by_category.values())


@settings(max_examples=100, deadline=None)
@given(rewards(), lists, traces(), st.lists(unit, min_size=8, max_size=8))
def test_reward__never_rises_with_area_length_score_or_fake(
    reward: TraceReward, others: list[Trace], first: Trace, more: list[float]
) -> None:
    before = value(reward, [*others, first], score=more[0])
    x0, y0, x1, y1 = first.box
    start, end = first.span_s
    worse = {
        "area": replace(first, box=(x0 * more[1], y0 * more[2], x1 + (1 - x1) * more[3], y1 + (1 - y1) * more[4])),
        "length": replace(first, span_s=(start * more[5], end + (DURATION_S - end) * more[6])),
        "score": replace(first, score=first.score + (1 - first.score) * more[7]),
    }
    for what, changed in worse.items():
        assert value(reward, [*others, changed], score=more[0]) <= before + SLACK, what
    assert value(reward, [*others, first], score=more[0] + (1 - more[0]) * more[7]) <= before + SLACK
    assert before <= value(reward, others, score=more[0]) + SLACK  # one trace more


@settings(max_examples=60, deadline=None)
@given(lists, st.integers(0, 99), st.integers(0, 4))
def test_reward__order_label_and_threshold_change_nothing(found: list[Trace], seed: int, cut: int) -> None:
    shuffled = random.Random(seed).sample(found, len(found))
    reward = TraceReward()
    real = verdict(shuffled[:cut], label="real", candidates=tuple(shuffled[cut:]))
    assert reward(real) == reward(verdict(found))


@settings(max_examples=60, deadline=None)
@given(lists, traces(), unit)
def test_reward__is_continuous(others: list[Trace], first: Trace, score: float) -> None:
    step = 1e-7
    start, end = first.span_s
    moved = replace(first, score=min(1.0, first.score + step), span_s=(start, end + step))
    near = abs(value(TraceReward(), [*others, first], score) - value(TraceReward(), [*others, moved], score))
    assert near < 10 * step


@pytest.mark.parametrize("weights", [RewardWeights(), RewardWeights(label=0.1, coverage=0.7)])
def test_reward__ends_of_the_range(weights: RewardWeights) -> None:
    everything = Trace(1.0, (0.0, DURATION_S), (0.0, 0.0, 1.0, 1.0))
    assert value(TraceReward(weights), [], score=0.0) == 1.0
    assert value(TraceReward(weights), [everything], score=1.0) == pytest.approx(0.0, abs=SLACK)
    assert value(TraceReward(), [], score=1.0) == pytest.approx(0.75)


def test_parts__by_hand() -> None:
    found = [
        trace(0.4, (0.0, 2.0), categories={CATEGORIES[0]: 0.6, CATEGORIES[1]: 0.2}),
        trace(0.8, (1.0, 2.0)),
    ]
    parts = TraceReward()(verdict(found, 0.7)).parts
    assert parts.label == 0.7
    assert parts.worst_trace == pytest.approx(0.8)
    assert parts.coverage == pytest.approx((1 * 0.4 + 1 * 0.8) / 4)
    first, second = 0.4 * 0.25 * 0.5, 0.8 * 0.25 * 0.25
    assert parts.severity == pytest.approx(1 - (1 - first) * (1 - second))
    expected = {CATEGORIES[0]: first * 0.75, CATEGORIES[1]: first * 0.25, UNNAMED: second}
    assert parts.by_category == pytest.approx(expected)
    assert list(parts.by_category) == list(expected)


def test_category_weights__scale_a_trace() -> None:
    found = [trace(0.4, categories={CATEGORIES[0]: 0.6, CATEGORIES[1]: 0.2})]
    parts = TraceReward(RewardWeights(categories={CATEGORIES[0]: 0.0}))(verdict(found)).parts
    assert parts.worst_trace == pytest.approx(0.1)
    assert parts.by_category[CATEGORIES[0]] == 0
    none_likely = [trace(0.4, categories=dict.fromkeys(CATEGORIES[:2], 0.0))]
    assert TraceReward()(verdict(none_likely)).parts.worst_trace == pytest.approx(0.4)


def test_part_weights__count_in_proportion() -> None:
    found = [trace()]
    only_label = TraceReward(RewardWeights(label=3, severity=0, worst_trace=0, coverage=0))
    assert value(only_label, found, 0.3) == pytest.approx(0.7)
    twice = RewardWeights(label=2, severity=2, worst_trace=2, coverage=2)
    assert value(TraceReward(twice), found) == pytest.approx(value(TraceReward(), found))


def test_spans_and_boxes__beyond_the_clip_are_cut() -> None:
    inside = trace(span_s=(0.0, DURATION_S), box=(0.0, 0.0, 1.0, 1.0))
    beyond = trace(span_s=(-1.0, DURATION_S + 9), box=(-1.0, 0.0, 2.0, 1.0))
    assert TraceReward()(verdict([beyond])).parts == TraceReward()(verdict([inside])).parts
    after = TraceReward()(verdict([trace(span_s=(9.0, 10.0))])).parts
    assert (after.severity, after.coverage, after.worst_trace) == (0.0, 0.0, 0.5)


def test_reasons__are_words() -> None:
    found = [trace(s, categories={CATEGORIES[0]: 0.3, CATEGORIES[4]: 0.6}) for s in (0.3, 0.61, 0.2, 0.1)]
    reward = TraceReward()(verdict(found, 0.4, abstain=True, damage=("3 frames lost",)))
    assert reward.reasons[:2] == ("P(fake) 0.40", "upper left 1.0–3.0 s, Object Merging 0.61")
    assert len(reward.reasons) == 6  # three traces, the doubt, the damage
    assert "too close to call" in reward.reasons[4]
    assert "3 frames lost" in reward.reasons[5]
    assert TraceReward()(verdict([trace(0.001)], 0.0)).reasons[1] == "no visible trace found"


def test_abstain__is_told_and_changes_no_value() -> None:
    sure, unsure = (TraceReward()(verdict([trace()], abstain=a)) for a in (False, True))
    assert (sure.value, sure.parts) == (unsure.value, unsure.parts)
    assert (sure.abstain, unsure.abstain) == (False, True)


def test_to_json__is_plain() -> None:
    found: Reward = TraceReward()(verdict([trace()], 0.123456789))
    row = found.to_json()
    assert row["parts"]["label"] == 0.123457
    assert set(row) == {"reward", "parts", "reasons", "abstain"}
    assert set(row["parts"]) == {*PARTS, "by_category"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": -1.0}, "label=-1"),
        ({"coverage": float("nan")}, "coverage=nan"),
        (dict.fromkeys(PARTS, 0.0), "sum above 0"),
        ({"categories": {"Blur": 0.5}}, "Blur"),
        ({"categories": {CATEGORIES[0]: 1.5}}, "1.5"),
    ],
)
def test_weights__out_of_range_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        RewardWeights(**options)  # type: ignore[arg-type]


def test_weights__are_the_weights_given() -> None:
    mine = {CATEGORIES[0]: 0.5}
    weights = RewardWeights(categories=mine)
    mine[CATEGORIES[0]] = 7.0
    assert weights.categories == {CATEGORIES[0]: 0.5}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (verdict([], float("nan")), "nan"),
        (verdict([trace(1.5)]), "1.5"),
        (verdict([trace(categories={CATEGORIES[0]: -0.5})]), "-0.5"),
        (verdict([trace(span_s=(0.0, float("inf")))]), "finite"),
        (verdict([], duration_s=0.0), "duration"),
    ],
)
def test_verdict__out_of_range_is_refused(bad: Verdict, words: str) -> None:
    with pytest.raises(DetectorError, match=words):
        TraceReward()(bad)
