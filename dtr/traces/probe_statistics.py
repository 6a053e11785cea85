"""How well figures tell the traced clip from its twin: cross-validated by base clip, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.extras import require_sklearn
from dtr.leaks.folds import FOLDS, grouped_auroc
from dtr.leaks.probes import linear_scores
from dtr.metadata_floor import filled
from dtr.metrics.bootstrap import bootstrap_by_video

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MIN_PAIRS = 12
"""Pairs below which a probe says nothing."""

TREES = 60
PENALTY = 0.05
"""Inverse strength of the linear model's penalty: there are about as many features as pairs."""

LISTED = 3


@dataclass(frozen=True)
class Probed:
    """How well one group of figures tells a traced clip from its twin.

    Attributes:
        probe: what was looked at. part: of what ("all", a band of severity, a mechanism).
        num_pairs, num_bases: that took part; a base clip is never on both sides of a fold.
        auroc, interval: of a classifier that sees one clip at a time, as a detector does.
        pairs_right, pairs_interval: share of pairs in which a linear model that sees both names the traced one: far
            more sensitive than any detector can be, since the scene cancels out. 0.5 = by chance.
        strongest: the figures that most often differ in one direction: (name, share of pairs in which it rises).
        skipped: why there is no figure; "" = there is.
    """

    probe: str
    part: str
    num_pairs: int
    num_bases: int
    auroc: float | None = None
    interval: tuple[float, float] | None = None
    pairs_right: float | None = None
    pairs_interval: tuple[float, float] | None = None
    strongest: tuple[tuple[str, float], ...] = ()
    skipped: str = ""

    @property
    def is_above_chance(self) -> bool:
        """The whole interval of the AUROC lies above 0.5."""
        return self.interval is not None and self.interval[0] > 0.5


def probe_pairs(
    probe: str,
    part: str,
    twin: FloatArray,
    traced: FloatArray,
    bases: Sequence[str],
    columns: Sequence[str],
    *,
    seed: int = 0,
) -> Probed:
    """Cross-validate classifiers of "traced" on figures of pairs.

    Args:
        probe, part: names for the result.
        twin, traced: (N, F) figures of each pair; NaN = unknown; pairs that know none of them take no part.
        bases: (N,) base clip of each pair. columns: (F,) names of the figures.
        seed: of folds, trees and bootstrap.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    require_sklearn("probes of synthesised traces")
    known = ~(np.isnan(twin).all(axis=1) | np.isnan(traced).all(axis=1))
    twin, traced = twin[known], traced[known]
    _, base = np.unique(np.array(bases, dtype=str)[known], return_inverse=True)
    count, num_bases = len(twin), len(np.unique(base))
    if count < MIN_PAIRS or num_bases < FOLDS:
        why = f"needs {MIN_PAIRS} pairs of {FOLDS} base clips, got {count} of {num_bases}"
        return Probed(probe, part, count, num_bases, skipped=why)
    fold = np.random.default_rng(seed).permutation(np.arange(num_bases) % FOLDS)[base]
    scores = _single_scores(twin, traced, fold, seed)
    target = np.repeat([0, 1], count).astype(np.int64)
    area, interval = grouped_auroc(scores, target, np.tile(base, 2), seed=seed)
    right = _pairs_right(twin, traced, fold)
    low, high = bootstrap_by_video([right[base == b] for b in np.unique(base)], seed=seed)
    return Probed(
        probe,
        part,
        count,
        num_bases,
        round(area, 4),
        (round(interval[0], 4), round(interval[1], 4)),
        round(float(right.mean()), 4),
        (round(low, 4), round(high, 4)),
        _strongest(twin, traced, columns),
    )


def _single_scores(twin: FloatArray, traced: FloatArray, fold: IntArray, seed: int) -> FloatArray:
    """(2N,) scores of twins, then of traced clips: mean of the ranks that trees and a linear model give in a fold."""
    from sklearn.ensemble import ExtraTreesClassifier

    values, folds = np.concatenate([twin, traced]), np.tile(fold, 2)
    target = np.repeat([0, 1], len(twin))
    scores = np.zeros(len(values))
    for number in np.unique(folds):
        test = folds == number
        known, asked = _standardised(values[~test], values[test])
        trees = ExtraTreesClassifier(TREES, min_samples_leaf=3, random_state=seed).fit(known, target[~test])
        answers = trees.predict_proba(asked)[:, 1], linear_scores(known, target[~test], asked, c=PENALTY)
        scores[test] = np.mean([_ranks(a) for a in answers], axis=0)
    return scores


def _pairs_right(twin: FloatArray, traced: FloatArray, fold: IntArray) -> FloatArray:
    """(N,) 1 where a linear model of differences of other folds names the traced one; 0.5 = nothing differs."""
    change = np.nan_to_num(traced - twin)
    right = np.zeros(len(change))
    for number in np.unique(fold):
        test = fold == number
        size = np.sqrt((change[~test] ** 2).mean(axis=0))
        size[size < 1e-9] = np.inf  # what never differed while learning says nothing
        # Differences have heavy tails: one pair should not decide.
        known, asked = np.clip(change[~test] / size, -3, 3), np.clip(change[test] / size, -3, 3)
        if not known.any():
            right[test] = 0.5
            continue
        steady = _steady(known)
        both, asked = np.concatenate([known[:, steady], -known[:, steady]]), asked[:, steady]
        target = np.repeat([1, 0], len(known))
        forward, backward = (linear_scores(both, target, sign * asked, c=PENALTY) for sign in (1, -1))
        margin = forward - backward
        right[test] = np.where(np.abs(margin) < 1e-9, 0.5, margin > 0)
    return right


def _steady(change: FloatArray) -> NDArray[np.bool_]:
    """(F,) figures whose mean change is two standard errors from 0: few pairs cannot weigh dozens; all if none is."""
    error = change.std(axis=0) / np.sqrt(len(change))
    steady = (np.abs(change.mean(axis=0)) > 2 * error) & change.any(axis=0)
    return steady if steady.any() else np.ones(change.shape[1], bool)


def _standardised(known: FloatArray, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    known, asked = filled((known, asked))
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread < 1e-9] = 1.0
    return (known - centre) / spread, (asked - centre) / spread


def _ranks(values: FloatArray) -> FloatArray:
    """Mean ranks in [0, 1]; equal values get equal ranks.

    Example:
        >>> _ranks(np.array([5.0, 7.0, 5.0])).tolist()
        [0.25, 1.0, 0.25]
    """
    # Copies of one clip must not be told apart by rounding.
    _, group, count = np.unique(values.round(9), return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count + 1) / 2
    return middle[group] / max(1, len(values) - 1)


def _strongest(twin: FloatArray, traced: FloatArray, columns: Sequence[str]) -> tuple[tuple[str, float], ...]:
    change = np.nan_to_num(traced - twin)
    rises = ((change > 1e-9) + 0.5 * (np.abs(change) <= 1e-9)).mean(axis=0)
    order = np.argsort(-np.abs(rises - 0.5), kind="stable")[:LISTED]
    return tuple((columns[i], round(float(rises[i]), 3)) for i in order)
