"""How well a group of facts names the label, and the generator: cross-validated, with intervals and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.leaks.folds import FOLDS, grouped_auroc, source_folds
from dtr.leaks.tables import Table
from dtr.metadata_floor import filled, tree_scores
from dtr.metrics.bootstrap import bootstrap_by_video
from dtr.metrics.ranking import auroc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Verdict = Literal["none", "unclear", "weak", "strong"]

MIN_PER_LABEL = 10
"""Videos of each label below which a probe says nothing."""

MIN_PER_GENERATOR = FOLDS
"""Clips of a generator below which it is left out of naming generators: one for each fold."""

TREES = 100
"""Of a forest; there are many folds to learn."""

LISTED = 50
"""Names of columns that a result carries at most; parts of file names come in hundreds."""

STRONG = 0.7
"""A leak is strong if its whole interval lies at or above this AUROC."""


@dataclass(frozen=True)
class GeneratorProbe:
    """How often the generator of a generated clip is named right.

    Attributes:
        accuracy, interval: of the answers for clips of other folds; the interval draws clips.
        majority: share of the most frequent generator, what always naming it scores.
        num_clips, num_generators: that took part.
        left_out_clips: of generators with too few clips, or that state none.
    """

    accuracy: float
    interval: tuple[float, float]
    majority: float
    num_clips: int
    num_generators: int
    left_out_clips: int


@dataclass(frozen=True)
class LabelProbe:
    """How well a group of facts tells fake from real.

    Attributes:
        auroc, interval: of the scores of videos of other folds; the interval draws what a fold keeps together.
        verdict: see `verdict_of`.
        num_fake, num_real: videos that took part. left_out: videos that say nothing of this group.
        num_groups: sources, or videos where a label has one source only.
        num_features: columns; features: their names, the first 50.
        strongest: the columns that tell most by themselves, with their AUROC (whichever way round).
        unknown: column → videos, of those that took part, that do not say it.
        notes: in words.
    """

    auroc: float
    interval: tuple[float, float]
    verdict: Verdict
    num_fake: int
    num_real: int
    left_out: int
    num_groups: int
    num_features: int
    features: tuple[str, ...]
    strongest: tuple[tuple[str, float], ...]
    unknown: dict[str, int]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def verdict_of(value: float, interval: tuple[float, float]) -> Verdict:
    """A word for an AUROC and its 95 % interval.

    strong: all of the interval is at or above 0.7. weak: all of it is above 0.5. none: it reaches down to 0.5, and not
    up to 0.7. unclear: it holds both 0.5 and 0.7, there are too few videos or sources to tell.

    All of it below 0.5 is "none" too. Where a fact was matched between the labels value by value, leaving out the fakes
    of one value leaves its real ones to learn from, so that the held-out ones are named wrong: nothing to gain from.

    Example:
        >>> [verdict_of(0.8, i) for i in ((0.75, 0.9), (0.6, 0.9))], verdict_of(0.5, (0.4, 0.6))
        (['strong', 'weak'], 'none')
        >>> verdict_of(0.6, (0.4, 0.8))
        'unclear'
    """
    low, high = interval
    if low >= STRONG:
        return "strong"
    if low > 0.5:
        return "weak"
    return "unclear" if max(value, high) >= STRONG else "none"


def label_probe(table: Table, target: IntArray, sources: Sequence[str], *, seed: int = 0) -> LabelProbe | str:
    """Cross-validate a classifier of the label on one table; needs scikit-learn (`require_sklearn`).

    No source is in the training and the test part of a fold at once, unless a label has one source only: then the
    videos of that label are dealt one by one, and the result says so.

    Args:
        table: (N, F) facts; a video that states none of them takes no part.
        target: (N,) 1 fake, 0 real.
        sources: (N,) what must stay together (`dtr.data.splits.source_groups`).
        seed: of folds, trees and bootstrap.

    Returns:
        The probe, or why there is none.
    """
    known = ~np.isnan(table.values).all(axis=1)
    values, y = table.values[known], target[known]
    fake, real = int(y.sum()), int((1 - y).sum())
    if min(fake, real) < MIN_PER_LABEL:
        return f"needs {MIN_PER_LABEL} videos of each label with these facts, got {fake} fake and {real} real"
    folds = source_folds([sources[i] for i in np.flatnonzero(known).tolist()], y, seed=seed)
    scores = _out_of_fold(values, y, folds.fold, table.model, seed)
    area, interval = grouped_auroc(scores, y, folds.group, seed=seed)
    unknown = np.isnan(values).sum(axis=0)
    return LabelProbe(
        auroc=area,
        interval=interval,
        verdict=verdict_of(area, interval),
        num_fake=fake,
        num_real=real,
        left_out=int((~known).sum()),
        num_groups=len(np.unique(folds.group)),
        num_features=len(table.columns),
        features=table.columns[:LISTED],
        strongest=_strongest(table.columns, values, y),
        unknown={name: int(n) for name, n in zip(table.columns, unknown, strict=True) if n},
        notes=tuple(f"{label} videos come from too few sources: their folds share them" for label in folds.by_video),
    )


def generator_probe(table: Table, generators: Sequence[str], *, seed: int = 0) -> GeneratorProbe | str:
    """Cross-validate the naming of generators, by stratified folds of clips.

    Clips of a generator must be on both sides here, so its pages and prompts are too: the figure is an upper bound of
    what the facts say about the generator itself.

    Args:
        table: (N, F) facts of generated clips.
        generators: (N,) their names; "" = not stated.
        seed: of folds, trees and bootstrap.

    Returns:
        The probe, or why there is none.
    """
    named = np.array(generators, dtype=object)
    known = ~np.isnan(table.values).all(axis=1) & (named != "")
    counts = Counter(named[known].tolist())
    kept = known & np.array([counts[name] >= MIN_PER_GENERATOR for name in named], dtype=bool)
    if len(set(named[kept].tolist())) < 2:
        return f"needs two generators with {MIN_PER_GENERATOR} clips each"
    names, answer = np.unique(named[kept].astype(str), return_inverse=True)
    right = _names_right(table.values[kept], answer, seed)
    low, high = bootstrap_by_video(list(right[:, None]), seed=seed)
    majority = float(np.bincount(answer).max() / len(answer))
    return GeneratorProbe(
        accuracy=float(right.mean()),
        interval=(low, high),
        majority=majority,
        num_clips=len(answer),
        num_generators=len(names),
        left_out_clips=int((~kept).sum()),
    )


def linear_scores(known: FloatArray, target: IntArray, asked: FloatArray, *, c: float = 1.0) -> FloatArray:
    """Scores of a logistic regression that weighs both classes alike.

    Args:
        known: (N, F) finite features; target: (N,) 0 or 1, both there; asked: (M, F).
        c: inverse strength of the penalty.

    Returns:
        (M,) log odds.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, class_weight="balanced", max_iter=1000)
    return model.fit(known, target).decision_function(asked)


def _out_of_fold(values: FloatArray, target: IntArray, fold: IntArray, model: str, seed: int) -> FloatArray:
    """(N,) scores of each video by a classifier that saw the other folds."""
    scores = np.zeros(len(target))
    for number in np.unique(fold):
        test = fold == number
        known, asked = filled((values[~test], values[test]))
        if (known == known[0]).all():
            scores[test] = 0.5 if model == "trees" else 0.0  # one value for all says nothing
        elif model == "trees":
            scores[test] = tree_scores(known, target[~test], asked, balanced=True, trees=TREES, seed=seed)
        else:
            scores[test] = linear_scores(known, target[~test], asked)
    return scores


def _strongest(columns: Sequence[str], values: FloatArray, target: IntArray) -> tuple[tuple[str, float], ...]:
    """The three columns with the largest AUROC by themselves, whichever way round, that half of the videos state."""
    areas = []
    for name, column in zip(columns, values.T, strict=True):
        known = ~np.isnan(column)
        area = auroc(column[known], target[known])
        if 2 * known.sum() >= len(target) and not np.isnan(area):  # a few videos tell nothing of the others
            areas.append((name, round(max(area, 1 - area), 3)))
    return tuple(sorted(areas, key=lambda pair: -pair[1])[:3])


def _names_right(values: FloatArray, answer: IntArray, seed: int) -> FloatArray:
    """(N,) 1 where a forest that saw the other folds names the generator, else 0."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold

    right = np.zeros(len(answer))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(values, answer):
        known, asked = filled((values[train], values[test]))
        model = ExtraTreesClassifier(TREES, random_state=seed).fit(known, answer[train])
        right[test] = model.predict(asked) == answer[test]
    return right
