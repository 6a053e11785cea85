"""How rewards of clean twins and of the same clips with a trace put in differ, and whether strength tells how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES
from dtr.evaluation.figures import Figure, Statistic, draw_weights, figure, ratio_statistic
from dtr.metrics.rank_correlation import weighted_spearman
from dtr.metrics.weighted import weighted_auroc
from dtr.model_info import ModelInfo
from dtr.reward.assumed import assume_fake
from dtr.reward.score import PARTS, Reward, TraceReward
from dtr.traces.probe_pairs import Pair, PairedTrace
from dtr.traces.probe_report import BANDS
from dtr.verdict import Verdict

FloatArray = NDArray[np.float64]

IF_FAKE = "_if_fake"
"""Ends the names of measures under an assumed FAKE label."""

MEASURES = ("reward", *PARTS, *(f"{name}{IF_FAKE}" for name in ("reward", *PARTS[1:])))
"""What is compared: the reward, and 1 − each of its parts; P(fake) is 1 where the label is assumed."""

MIN_BASES = 5
"""Base clips below which resampling them says nothing of other clips."""

_DIGITS = 9  # undoing P(fake) rounds, and rounding must not break a tie


@dataclass(frozen=True)
class JudgedPair:
    """A pair with what the detector makes of both files: value in [0, 1] by measure, higher = fewer visible traces."""

    pair: Pair
    twin: Mapping[str, float]
    traced: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        strongest = strongest_trace(self.pair)
        return {
            "base_id": self.pair.base,
            "label": self.pair.label,
            "mechanism": strongest.mechanism,
            "category": strongest.category,
            "held_out": strongest.held_out,
            "severity": self.pair.severity,
            "twin": {"video": str(self.pair.twin), **self.twin},
            "traced": {"video": str(self.pair.traced), **self.traced},
        }


@dataclass(frozen=True)
class TwinRow:
    """One measure on one group of pairs; intervals are 95 %, resampling base clips.

    Attributes:
        group, part: which pairs: "all", or "category", "mechanism", "label" or "severity" and one of its values.
        measure: one of `MEASURES`.
        num_bases: base clips among the pairs.
        twin, traced: mean of each side; drop: mean of twin − traced.
        auroc: how often a traced clip has the lower value than a twin of any clip, ties counting half.
        pairs_lower: how often it has the lower value than its own twin, ties counting half.
        severity_rank: Spearman's correlation of a pair's severity with its drop.
    """

    group: str
    part: str
    measure: str
    num_bases: int
    twin: Figure
    traced: Figure
    drop: Figure
    auroc: Figure
    pairs_lower: Figure
    severity_rank: Figure

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {name: one.to_json() if isinstance(one, Figure) else one for name, one in vars(self).items()}


def strongest_trace(pair: Pair) -> PairedTrace:
    """The trace that a pair with several is counted under: the most severe, the first of equals.

    Example:
        >>> from pathlib import Path
        >>> traces = [PairedTrace(name, "", severity, 0.1, ()) for name, severity in (("melt", 0.4), ("swell", 0.8))]
        >>> strongest_trace(Pair("a", Path("b.mp4"), Path("c.mp4"), tuple(traces))).mechanism
        'swell'
    """
    return max(pair.traces, key=lambda trace: trace.severity)


def measures(verdict: Verdict, info: ModelInfo, reward: TraceReward | None = None) -> dict[str, float]:
    """Value of every measure, in [0, 1], higher = fewer visible traces.

    Args:
        verdict: of the detector's own base rate. info: of the detector. reward: None = `TraceReward()`.

    Raises:
        DetectorError: the verdict's scores, boxes or times are not finite or out of range.

    Example:
        >>> from dtr.clock import Clock
        >>> found = measures(Verdict("a", "a", 1.0, 64, 48, "real", 0.25), ModelInfo("d@1", "b@1", Clock(), (), {}))
        >>> found["reward"], found["label"], found["severity"], found["reward_if_fake"]
        (0.9375, 0.75, 1.0, 0.75)
    """
    reward = reward or TraceReward()
    own = _values(reward(verdict))
    assumed = _values(reward(assume_fake(verdict, info)))
    del assumed["label"]  # 0 for every clip
    return own | {f"{name}{IF_FAKE}": value for name, value in assumed.items()}


def twin_rows(judged: Sequence[JudgedPair], *, resamples: int = 1000, seed: int = 0) -> list[TwinRow]:
    """Every measure on all pairs and on every group of them that has any.

    Args:
        judged: pairs. resamples, seed: of the bootstrap.

    Example:
        >>> from pathlib import Path
        >>> pair = Pair("a", Path("b.mp4"), Path("c.mp4"), (PairedTrace("melt", "Object Distortion", 0.5, 0.1, ()),))
        >>> row = twin_rows([JudgedPair(pair, dict.fromkeys(MEASURES, 0.9), dict.fromkeys(MEASURES, 0.8))])[0]
        >>> row.part, row.measure, round(row.drop.value, 6), row.auroc.value, row.severity_rank.value
        ('all', 'reward', 0.1, 1.0, None)
    """
    rows = []
    for group, part, chosen in _groups(judged):
        _, base = np.unique([one.pair.base for one in chosen], return_inverse=True)
        weights = draw_weights(int(base.max()) + 1, resamples, seed)
        rows += [_row(group, part, measure, chosen, base, weights) for measure in MEASURES]
    return rows


def _values(reward: Reward) -> dict[str, float]:
    found = {"reward": reward.value} | {name: 1.0 - getattr(reward.parts, name) for name in PARTS}
    return {name: round(value, _DIGITS) for name, value in found.items()}


def _groups(judged: Sequence[JudgedPair]) -> Iterator[tuple[str, str, list[JudgedPair]]]:
    """(group, part, its pairs), groups without pairs left out; a pair goes by its strongest trace."""
    strongest = [(one, strongest_trace(one.pair)) for one in judged]
    parts: list[tuple[str, str, list[JudgedPair]]] = [("all", "all", list(judged))]
    names = {trace.category for _, trace in strongest}
    order = [name for name in CATEGORIES if name in names] + sorted(names - set(CATEGORIES))
    parts += [("category", name, [one for one, t in strongest if t.category == name]) for name in order]
    for word, held_out in (("trained", False), ("held out", True)):
        parts.append(("mechanism", word, [one for one, t in strongest if t.held_out is held_out]))
    parts += [("label", word, [one for one in judged if one.pair.label == word]) for word in ("real", "fake")]
    for name, low, high in BANDS:
        chosen = [one for one in judged if low <= one.pair.severity < high]
        parts.append(("severity", name.removeprefix("severity "), chosen))
    yield from (one for one in parts if one[2])


def _row(
    group: str, part: str, measure: str, chosen: Sequence[JudgedPair], base: NDArray[np.intp], weights: FloatArray
) -> TwinRow:
    """One row; `base` (N,) is the number of each pair's base clip, `weights` (n, B) how often each clip is drawn."""
    twin = np.array([one.twin[measure] for one in chosen])
    traced = np.array([one.traced[measure] for one in chosen])
    severity = np.array([one.pair.severity for one in chosen])
    drop = np.round(twin - traced, _DIGITS)
    values, is_traced = np.concatenate([twin, traced]), np.repeat([0, 1], len(chosen))
    enough = weights.shape[1] >= MIN_BASES

    def of_pairs(statistic: Statistic) -> Figure:
        found = figure(lambda w: statistic(w[:, base]), weights, len(chosen), "pairs")
        return found if enough else replace(found, interval=None)

    def mean(numbers: FloatArray) -> Figure:
        return of_pairs(ratio_statistic(numbers, np.ones(len(numbers))))

    return TwinRow(
        group,
        part,
        measure,
        num_bases=weights.shape[1],
        twin=mean(twin),
        traced=mean(traced),
        drop=mean(drop),
        auroc=of_pairs(lambda w: weighted_auroc(-values, is_traced, np.tile(w, 2))),
        pairs_lower=mean((np.sign(drop) + 1) / 2),
        severity_rank=of_pairs(lambda w: weighted_spearman(severity, drop, w)),
    )
