from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from dtr.clock import Clock
from dtr.metrics.ranking import auroc
from dtr.model_info import ModelInfo
from dtr.reward.score import PARTS, RewardWeights, TraceReward
from dtr.reward.twins import MEASURES, MIN_BASES, JudgedPair, TwinRow, measures, strongest_trace, twin_rows
from dtr.traces.probe_pairs import Pair, PairedTrace
from dtr.verdict import Trace, Verdict

INFO = ModelInfo("d@1", "b@1", Clock(), (), {}, thresholds={"trace": 0.5})


def verdict(p_fake: float, *parts: float) -> Verdict:
    """A verdict whose candidates have the score part × P(fake), each on a quarter of frame and half of the clip."""
    found = tuple(Trace(part * p_fake, (0.0, 2.0), (0.0, 0.0, 0.5, 0.5)) for part in parts)
    return Verdict("a", "a", 4.0, 64, 48, "fake" if p_fake >= 0.5 else "real", p_fake, candidates=found)


def paired(
    severity: float = 0.5,
    *,
    base: str = "a",
    label: str = "real",
    category: str = "Object Merging",
    held_out: bool | None = False,
) -> Pair:
    trace = PairedTrace("some", category, severity, 0.1, (), held_out)
    return Pair(base, Path("twin.mp4"), Path("traced.mp4"), (trace,), label)


def judged(pair: Pair, twin: float, traced: float) -> JudgedPair:
    return JudgedPair(pair, dict.fromkeys(MEASURES, twin), dict.fromkeys(MEASURES, traced))


def row(rows: list[TwinRow], part: str = "all", measure: str = "reward") -> TwinRow:
    (found,) = [one for one in rows if (one.part, one.measure) == (part, measure)]
    return found


def test_measures__are_the_reward_and_its_parts() -> None:
    weights = TraceReward(RewardWeights(label=2))
    found, reward = measures(verdict(0.4, 0.5), INFO, weights), weights(verdict(0.4, 0.5))
    assert tuple(found) == MEASURES
    assert found["reward"] == pytest.approx(reward.value)
    assert [found[name] for name in PARTS] == pytest.approx([1 - getattr(reward.parts, name) for name in PARTS])


def test_measures__under_an_assumed_label_do_not_see_p_fake() -> None:
    faint, clear = (measures(verdict(p, 0.5, 0.3), INFO) for p in (0.03, 0.97))
    assert faint["reward"] > clear["reward"]
    assert faint["severity"] > clear["severity"]
    for name in (name for name in MEASURES if name.endswith("_if_fake")):
        assert faint[name] == clear[name], name  # exactly: a tie must stay one


def test_measures__under_an_assumed_label_fall_with_the_traces() -> None:
    values = [measures(verdict(0.1, part), INFO) for part in (0.2, 0.4, 0.8)]
    for name in ("reward_if_fake", "severity_if_fake", "worst_trace_if_fake", "coverage_if_fake"):
        assert values[0][name] > values[1][name] > values[2][name]


def test_twin_rows__figures_are_those_of_other_programs() -> None:
    rng = np.random.default_rng(0)
    severity, twin = rng.uniform(0.2, 1, 30), rng.uniform(0.5, 1, 30).round(1)
    traced = np.clip(twin - 0.3 * severity + rng.normal(0, 0.1, 30), 0, 1).round(1)
    pairs = [paired(s, base=str(i // 2)) for i, s in enumerate(severity)]
    found = row(twin_rows([judged(*one) for one in zip(pairs, twin, traced, strict=True)], resamples=50))
    assert found.num_bases == 15
    assert (found.twin.value, found.traced.value) == pytest.approx((twin.mean(), traced.mean()))
    assert found.drop.value == pytest.approx(np.mean(twin - traced))
    assert found.auroc.value == pytest.approx(auroc(-np.concatenate([twin, traced]), np.repeat([0, 1], 30)))
    assert found.pairs_lower.value == pytest.approx(np.mean((traced < twin) + 0.5 * (traced == twin)))
    assert found.severity_rank.value == pytest.approx(spearmanr(severity, np.round(twin - traced, 9)).statistic)
    for one in (found.auroc, found.pairs_lower, found.severity_rank, found.drop):
        assert one.interval is not None
        assert one.interval[0] < one.value < one.interval[1]


def test_twin_rows__pairs_of_one_base_clip_are_drawn_together() -> None:
    apart = [judged(paired(base=str(i)), 0.9, 0.8 if i % 2 else 1.0) for i in range(40)]
    together = [judged(paired(base=str(i % 2 + 2 * (i // 20))), 0.9, 0.8 if i % 2 else 1.0) for i in range(40)]
    together += [judged(paired(base="more"), 0.9, 0.8)]
    widths = [np.ptp(row(twin_rows(one, resamples=200)).pairs_lower.interval) for one in (apart, together)]
    assert widths[1] > 2 * widths[0]


def test_twin_rows__nothing_differs() -> None:
    found = row(twin_rows([judged(paired(0.1 * i, base=str(i)), 0.7, 0.7) for i in range(9)]))
    assert (found.auroc.value, found.auroc.interval) == (0.5, (0.5, 0.5))
    assert (found.pairs_lower.value, found.drop.value) == (0.5, 0.0)
    assert found.severity_rank.value is None
    assert "not defined on 9 pairs" in found.severity_rank.reason


def test_twin_rows__one_pair_has_figures_but_no_interval() -> None:
    found = row(twin_rows([judged(paired(), 0.9, 0.8)]))
    assert (found.auroc.value, found.auroc.interval, found.auroc.n) == (1.0, None, 1)
    assert found.severity_rank.value is None


@pytest.mark.parametrize(("bases", "has_one"), [(MIN_BASES - 1, False), (MIN_BASES, True)])
def test_twin_rows__few_base_clips_have_no_interval(bases: int, has_one: bool) -> None:
    found = row(twin_rows([judged(paired(base=str(i % bases)), 0.9, 0.8) for i in range(20)], resamples=20))
    assert (found.auroc.interval is not None) == has_one


def test_twin_rows__groups() -> None:
    pairs = [
        judged(paired(0.3, base="a", label="real", category="Sudden Blurring"), 0.9, 0.8),
        judged(paired(0.4, base="b", label="fake", held_out=True), 0.9, 1.0),
        judged(paired(0.7, base="c", label="fake", held_out=None), 0.9, 0.9),
        judged(paired(1.0, base="d", label="fake", held_out=True), 0.9, 1.0),
    ]
    rows = [one for one in twin_rows(pairs, resamples=5) if one.measure == "reward"]
    assert [(one.group, one.part, one.auroc.n, one.pairs_lower.value) for one in rows] == [
        ("all", "all", 4, 0.375),
        ("category", "Sudden Blurring", 1, 1.0),
        ("category", "Object Merging", 3, pytest.approx(1 / 6)),
        ("mechanism", "trained", 1, 1.0),
        ("mechanism", "held out", 2, 0.0),
        ("label", "real", 1, 1.0),
        ("label", "fake", 3, pytest.approx(1 / 6)),
        ("severity", "below 0.4", 1, 1.0),
        ("severity", "0.4 to 0.7", 1, 0.0),
        ("severity", "above 0.7", 2, 0.25),
    ]


def test_strongest_trace__decides_the_group() -> None:
    weak, strong = (PairedTrace(name, name, severity, 0.1, ()) for name, severity in (("weak", 0.2), ("strong", 0.9)))
    pair = Pair("a", Path("b"), Path("c"), (weak, strong), "real")
    assert strongest_trace(pair).mechanism == "strong"
    parts = {one.part for one in twin_rows([judged(pair, 0.9, 0.8)], resamples=5)}
    assert "strong" in parts
    assert "weak" not in parts


def test_rows_and_pairs__are_plain_json() -> None:
    pair = judged(paired(), 0.9, 0.8)
    told = json.loads(json.dumps([row(twin_rows([pair], resamples=5)).to_json(), pair.to_json()], allow_nan=False))
    assert told[0]["auroc"]["value"] == 1.0
    assert (told[1]["twin"]["video"], told[1]["twin"]["reward"], told[1]["severity"]) == ("twin.mp4", 0.9, 0.5)
