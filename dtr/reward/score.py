"""The reward of a verdict: a pure function of its scores, boxes and times, never of its label or thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from dtr.annotation import CATEGORIES
from dtr.boxes import area, clip_boxes, place_in_words
from dtr.errors import ConfigError, DetectorError
from dtr.verdict import Trace, Verdict

PARTS = ("label", "severity", "worst_trace", "coverage")
"""The parts of a reward; each is a penalty in [0, 1]."""

UNNAMED = "unnamed"
"""Stands for the category of a trace where the detector has no category head."""

MAX_REASONS = 3  # traces told of
MIN_REASON = 0.005  # a weight below it reads 0.00


@dataclass(frozen=True)
class RewardWeights:
    """How much each part counts; only the proportions of the first four matter. Equal by default, fitted to nothing.

    Attributes:
        label: weight of P(fake). severity, worst_trace, coverage: of the parts of that name. All ≥ 0, not all 0.
        categories: how much a trace of a category counts, [0, 1]; a category that is not named counts 1.

    Raises:
        ConfigError: a weight is out of range, or no category has that name.
    """

    label: float = 1.0
    severity: float = 1.0
    worst_trace: float = 1.0
    coverage: float = 1.0
    categories: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = self.of_parts()
        bad = [f"{name}={value}" for name, value in parts.items() if not (math.isfinite(value) and value >= 0)]
        if bad:
            raise ConfigError(f"reward weights must be finite and at least 0, got {', '.join(bad)}; choose others")
        if not 0 < sum(parts.values()) < math.inf:
            raise ConfigError(f"reward weights need a sum above 0, got {parts}; give one part a weight, for example 1")
        unknown = sorted(set(self.categories) - set(CATEGORIES))
        if unknown:
            raise ConfigError(f"reward weights: expected categories ({', '.join(CATEGORIES)}), got {unknown}")
        bad = [f"{name}={value}" for name, value in self.categories.items() if not 0 <= value <= 1]
        if bad:
            raise ConfigError(f"weights of categories must lie in [0, 1], got {', '.join(bad)}; scale them down")
        object.__setattr__(self, "categories", dict(self.categories))  # the caller's may change later

    def of_parts(self) -> dict[str, float]:
        """Weight by part."""
        return {name: getattr(self, name) for name in PARTS}


@dataclass(frozen=True)
class RewardParts:
    """What is subtracted, each part in [0, 1], 0 = nothing to see.

    Attributes:
        label: P(fake) of the clip.
        severity: 1 − Π (1 − area × duration × confidence) over the traces.
        worst_trace: the highest confidence of a trace.
        coverage: share of the clip's time that traces cover, each moment weighted by the surest trace there.
        by_category: severity of each category alone; a trace with several is shared out by their scores. Names only.
    """

    label: float
    severity: float
    worst_trace: float
    coverage: float
    by_category: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, six decimals."""
        named = {name: round(value, 6) for name, value in self.by_category.items()}
        return {name: round(getattr(self, name), 6) for name in PARTS} | {"by_category": named}


@dataclass(frozen=True)
class Reward:
    """The reward of one clip.

    Attributes:
        value: [0, 1], higher = fewer visible traces; 1 = P(fake) 0 and no trace.
        parts: what was subtracted.
        reasons: in words: P(fake), the surest traces with place, time, likeliest category and score, and what to be
            careful of.
        abstain: the detector calls the clip too close to call; the value is what its scores give all the same.
    """

    value: float
    parts: RewardParts
    reasons: tuple[str, ...] = ()
    abstain: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, six decimals."""
        return {
            "reward": round(self.value, 6),
            "parts": self.parts.to_json(),
            "reasons": list(self.reasons),
            "abstain": self.abstain,
        }


@dataclass(frozen=True)
class TraceReward:
    """Turns verdicts into rewards: 1 − the weighted mean of four penalties.

    Traces and candidates of a verdict count alike, by their scores. So nothing jumps where a label flips or a trace
    crosses a threshold. A larger box, a longer span, a higher trace score, a higher P(fake) or one more trace never
    raises the reward, and the order of traces changes nothing. A trace's score already holds P(fake), so a clip that
    looks real is told of its weak candidates only faintly.

    Example:
        >>> trace = Trace(0.5, (1.0, 3.0), (0.0, 0.0, 0.5, 0.5), categories={"Object Merging": 0.6})
        >>> reward = TraceReward()(Verdict("a.mp4", "a", 4.0, 64, 48, "fake", 0.8, traces=(trace,)))
        >>> round(reward.value, 6), round(reward.parts.severity, 6), reward.parts.coverage
        (0.596875, 0.0625, 0.25)
        >>> reward.reasons
        ('P(fake) 0.80', 'upper left 1.0–3.0 s, Object Merging 0.50')
        >>> TraceReward()(Verdict("a.mp4", "a", 4.0, 64, 48, "real", 0.0)).value
        1.0
    """

    weights: RewardWeights = RewardWeights()

    def __call__(self, verdict: Verdict) -> Reward:
        """The reward of one verdict.

        Raises:
            DetectorError: a score, box, span or duration of the verdict is not finite or out of range.
        """
        _check_verdict(verdict)
        seen = [_seen(t, verdict.duration_s, self.weights.categories) for t in verdict.traces + verdict.candidates]
        parts = RewardParts(
            label=float(verdict.score),
            severity=_any_of(one.severity for one in seen),
            worst_trace=max((one.confidence for one in seen), default=0.0),
            coverage=_coverage(seen) / verdict.duration_s,
            by_category=_by_category(seen),
        )
        weights = self.weights.of_parts()
        penalty = math.fsum(weights[n] * getattr(parts, n) for n in PARTS) / math.fsum(weights.values())
        return Reward(min(1.0, max(0.0, 1.0 - penalty)), parts, _reasons(verdict, seen), verdict.abstain)


@dataclass(frozen=True)
class _Seen:
    """A trace as the reward sees it: inside the clip, its confidence weighted by category.

    Attributes:
        span_s: seconds inside the clip. confidence: trace score × weight of its categories. severity: confidence × area
            × duration, as shares of frame and clip. shares: of the severity by category, that sum to it.
    """

    trace: Trace
    span_s: tuple[float, float]
    confidence: float
    severity: float
    shares: dict[str, float]


def _check_verdict(verdict: Verdict) -> None:
    where = verdict.video
    if not (math.isfinite(verdict.duration_s) and verdict.duration_s > 0):
        raise DetectorError(f"{where}: a reward needs a duration above 0 s, got {verdict.duration_s}; judge it again")
    traces = verdict.traces + verdict.candidates
    scores = [verdict.score, *(s for t in traces for s in (t.score, *t.categories.values()))]
    bad = [score for score in scores if not 0 <= score <= 1]
    if bad:
        raise DetectorError(f"{where}: scores of a verdict must lie in [0, 1], got {bad[0]}; check the detector")
    bad = [value for trace in traces for value in (*trace.box, *trace.span_s) if not math.isfinite(value)]
    if bad:
        raise DetectorError(f"{where}: boxes and spans of a verdict must be finite, got {bad[0]}; check the detector")


def _seen(trace: Trace, duration_s: float, category_weights: Mapping[str, float]) -> _Seen:
    start, end = (min(duration_s, max(0.0, t)) for t in trace.span_s)
    end = max(start, end)
    scores = trace.categories if any(trace.categories.values()) else dict.fromkeys(trace.categories or (UNNAMED,), 1.0)
    total = math.fsum(scores.values())
    weighted = {name: score / total * category_weights.get(name, 1.0) for name, score in scores.items()}
    confidence = trace.score * min(1.0, math.fsum(weighted.values()))
    size = float(area(clip_boxes(trace.box))) * (end - start) / duration_s
    shares = {name: trace.score * weight * size for name, weight in weighted.items()}
    return _Seen(trace, (start, end), confidence, confidence * size, shares)


def _any_of(values: Iterable[float]) -> float:
    """1 − Π (1 − v): at least the largest, at most 1, and the same in any order.

    Example:
        >>> _any_of([0.5, 0.0, 0.5]), _any_of([])
        (0.75, 0.0)
    """
    return 1.0 - math.prod(1.0 - value for value in sorted(values))


def _coverage(seen: list[_Seen]) -> float:
    """Seconds covered by a trace, each moment weighted by the surest one there."""
    edges = sorted({t for one in seen for t in one.span_s})
    return math.fsum(
        (end - start) * max((o.confidence for o in seen if o.span_s[0] <= start and end <= o.span_s[1]), default=0.0)
        for start, end in pairwise(edges)
    )


def _by_category(seen: list[_Seen]) -> dict[str, float]:
    names = {name for one in seen for name in one.shares}
    order = [name for name in CATEGORIES if name in names] + sorted(names - set(CATEGORIES))
    return {name: _any_of(one.shares.get(name, 0.0) for one in seen) for name in order}


def _reasons(verdict: Verdict, seen: list[_Seen]) -> tuple[str, ...]:
    """P(fake), the surest traces (in an order that does not depend on the verdict's), and warnings."""
    ordered = sorted(
        seen, key=lambda o: (-o.confidence, -o.severity, o.span_s, o.trace.box, -o.trace.score, o.trace.category or "")
    )
    reasons = [f"P(fake) {verdict.score:.2f}"]
    reasons += [_in_words(one) for one in ordered[:MAX_REASONS] if one.confidence >= MIN_REASON]
    if len(reasons) == 1:
        reasons.append("no visible trace found")
    if verdict.abstain:
        reasons.append("too close to call: the detector can't tell real from fake here")
    reasons += [f"damaged, judged by what could be decoded: {damage}" for damage in verdict.damage]
    return tuple(reasons)


def _in_words(one: _Seen) -> str:
    start, end = one.span_s
    kind = one.trace.category or "trace"
    place = place_in_words(one.trace.box)
    return f"{place} {start:.1f}–{end:.1f} s, {kind} {one.trace.score:.2f}"
