"""Small classifiers on a few hundred clips: source-balanced, standardised, their penalty chosen by whole sources."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.errors import AnnotationError
from dtr.extras import require_sklearn
from dtr.leaks.folds import FOLDS, source_folds
from dtr.metadata_floor import filled
from dtr.metrics.ranking import auroc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TrainRows:
    """Rows to learn from.

    Attributes:
        values: (N, F), NaN = unknown. target: (N,) 1 fake, 0 real.
        sources: (N,) generator or camera source. groups: (N,) what no fold may tear.
    """

    values: FloatArray
    target: IntArray
    sources: Sequence[str]
    groups: Sequence[str]


@dataclass(frozen=True)
class FittedScores:
    """Answers of a classifier, and how its penalty was chosen.

    Attributes:
        scores: (M,) P(fake) in [0, 1].
        penalty: the chosen one. cv_auroc: AUROC over the held-out sources of the training rows, by penalty.
    """

    scores: FloatArray
    penalty: float
    cv_auroc: dict[float, float]


Scorer = Callable[[FloatArray, IntArray, FloatArray, FloatArray, float, int], FloatArray]
"""(known (N, F), target, weights (N,), asked (M, F), penalty, seed) → (M,) P(fake)."""


def source_weights(target: IntArray, sources: Sequence[str]) -> FloatArray:
    """Weights under which both labels count alike, and within a label all its sources.

    Args:
        target: (N,) 1 fake, 0 real. sources: (N,); a generator and a camera source of one name are two.

    Returns:
        (N,) positive, of mean 1.

    Example:
        >>> source_weights(np.array([1, 1, 1, 0]), ["a", "a", "b", "c"]).tolist()
        [0.5, 0.5, 1.0, 2.0]
    """
    keys = list(zip(target.tolist(), sources, strict=True))
    clips, kinds = Counter(keys), Counter(label for label, _ in set(keys))
    weights = np.array([1 / (clips[key] * kinds[key[0]]) for key in keys])
    return weights * (len(weights) / weights.sum())


def logistic_scores(
    known: FloatArray, target: IntArray, weights: FloatArray, asked: FloatArray, penalty: float, seed: int
) -> FloatArray:
    """P(fake) by logistic regression; `penalty` is that of the squared coefficients."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / penalty, max_iter=2000, random_state=seed)
    return model.fit(known, target, sample_weight=weights).predict_proba(asked)[:, 1]


NETWORKS = 5
HIDDEN = (64, 32)


def network_scores(
    known: FloatArray, target: IntArray, weights: FloatArray, asked: FloatArray, penalty: float, seed: int
) -> FloatArray:
    """P(fake) by five small networks (hidden layers of 64 and 32), averaged; each on its own draw by the weights."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    scores = []
    for number in range(NETWORKS):
        rng = np.random.default_rng([seed, number])
        rows = np.concatenate([_drawn(rng, np.flatnonzero(target == label), weights, len(target)) for label in (0, 1)])
        model = MLPClassifier(HIDDEN, alpha=penalty, max_iter=100, random_state=number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it stops after 100 passes on purpose
            scores.append(model.fit(known[rows], target[rows]).predict_proba(asked)[:, 1])
    return np.mean(scores, axis=0)


def fit_scores(
    train: TrainRows, asked: FloatArray, scorer: Scorer, penalties: Sequence[float], *, seed: int = 0
) -> FittedScores:
    """Choose a penalty on held-out sources of the training rows, fit on all of them, score others.

    What is unknown becomes the training median; columns are standardised with the training rows' mean and spread.

    Args:
        train: rows; both labels, at least two rows each.
        asked: (M, F), NaN = unknown.
        scorer: what to fit. penalties: to choose from; of equally good ones the first.
        seed: of folds and fits.

    Raises:
        AnnotationError: a label has fewer than two rows.
        MissingExtraError: scikit-learn is not installed.
    """
    require_sklearn("baselines")
    counts = np.bincount(train.target, minlength=2)
    if counts.min() < 2:
        raise AnnotationError(
            f"a baseline needs two training clips of each label with features, got {counts[1]} fake and {counts[0]} "
            "real; give the whole training split and its features"
        )
    fold = source_folds(train.groups, train.target, seed=seed).fold
    cv_auroc = {penalty: _held_out_auroc(train, fold, scorer, penalty, seed) for penalty in penalties}
    best = max(penalties, key=lambda p: cv_auroc[p])
    scores = _scored(train, np.arange(len(train.target)), asked, scorer, best, seed)
    return FittedScores(scores, best, cv_auroc)


def _held_out_auroc(train: TrainRows, fold: IntArray, scorer: Scorer, penalty: float, seed: int) -> float:
    scores = np.zeros(len(fold))
    for number in range(FOLDS):
        out = fold == number
        if out.any():
            scores[out] = _scored(train, np.flatnonzero(~out), train.values[out], scorer, penalty, seed)
    return auroc(scores, train.target)


def _scored(
    train: TrainRows, rows: IntArray, asked: FloatArray, scorer: Scorer, penalty: float, seed: int
) -> FloatArray:
    if not len(asked):
        return np.zeros(0)
    known, asked = filled((train.values[rows], asked))
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0] = 1.0
    weights = source_weights(train.target[rows], [train.sources[i] for i in rows])
    return scorer((known - centre) / spread, train.target[rows], weights, (asked - centre) / spread, penalty, seed)


def _drawn(rng: np.random.Generator, rows: IntArray, weights: FloatArray, size: int) -> IntArray:
    """Rows of one label with replacement, by their weights: as many as of the other label, so that none is missing."""
    return rng.choice(rows, size, p=weights[rows] / weights[rows].sum())
