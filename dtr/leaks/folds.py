"""Folds that keep sources whole, and an AUROC whose interval does too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtr.metrics.bootstrap import bootstrap_by_video
from dtr.metrics.ranking import auroc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FOLDS = 5


class Folds(NamedTuple):
    """Folds of a cross-validation.

    Attributes:
        fold: (N,) number of each video's fold.
        group: (N,) what was kept together.
        by_video: labels whose videos were dealt one by one.
    """

    fold: IntArray
    group: IntArray
    by_video: tuple[str, ...]


def source_folds(sources: Sequence[str], target: IntArray, *, seed: int = 0) -> Folds:
    """Deal videos into folds so that each label is in the training part of every fold.

    Args:
        sources: (N,) names of what stays together.
        target: (N,) 1 fake, 0 real, both there, at least two videos each.
        seed: of the dealing.

    Example:
        >>> folds = source_folds(["a", "a", "b", "b", "c", "c"], np.array([1, 1, 1, 1, 0, 0]))
        >>> folds.by_video, bool(folds.fold[0] == folds.fold[1] != folds.fold[2])
        (('real',), True)
    """
    names = np.array(sources, dtype=object)
    by_video: tuple[str, ...] = ()
    for label, word in ((0, "real"), (1, "fake")):
        if len(set(names[target == label].tolist())) < 2:
            by_video = (*by_video, word)
    fold, group = _deal(_loosened(names, target, by_video), target, seed)
    for label, word in ((0, "real"), (1, "fake")):
        # One source may hold nearly all videos of both labels; then a fold could leave nothing to learn from.
        if len(np.unique(fold[target == label])) < 2:
            by_video = (*by_video, word)
            fold, group = _deal(_loosened(names, target, by_video), target, seed)
    return Folds(fold, group, by_video)


def grouped_auroc(
    scores: FloatArray, target: IntArray, group: IntArray, *, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """AUROC with its 95 % interval, drawing whole groups: clips of one source are not independent.

    Args:
        scores, target: (N,) scores and 0 or 1.
        group: (N,) number of each video's group.
        seed: of the draw.

    Example:
        >>> grouped_auroc(np.array([0.1, 0.9]), np.array([0, 1]), np.array([0, 1]))
        (1.0, (1.0, 1.0))
    """

    def area(pairs: FloatArray) -> float:
        return auroc(pairs[:, 0], pairs[:, 1])

    pairs = np.stack([scores, target.astype(np.float64)], axis=1)
    return area(pairs), bootstrap_by_video([pairs[group == g] for g in np.unique(group)], area, seed=seed)


def _loosened(names: NDArray[np.object_], target: IntArray, by_video: Sequence[str]) -> IntArray:
    """Group numbers; every video of a label in `by_video` is a group of its own."""
    _, group = np.unique(names.astype(str), return_inverse=True)
    for label, word in ((0, "real"), (1, "fake")):
        if word in by_video:
            alone = np.flatnonzero(target == label)
            group[alone] = len(names) + alone
    return group


def _deal(group: IntArray, target: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """(N,) fold of each video, groups whole, and (N,) groups; large groups first, each where its labels are rarest."""
    numbers, place = np.unique(group, return_inverse=True)
    counts = np.zeros((len(numbers), 2))
    np.add.at(counts, (place, target), 1)
    order = np.random.default_rng(seed).permutation(len(numbers))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    dealt, fold = np.zeros((FOLDS, 2)), np.zeros(len(numbers), dtype=np.int64)
    for index in order:
        # The sum of squared shares grows least where the labels of this group are rarest.
        cost = (((dealt + counts[index]) ** 2 - dealt**2) / counts.sum(axis=0) ** 2).sum(axis=1)
        fold[index] = int(np.argmin(cost))
        dealt[fold[index]] += counts[index]
    return fold[place], group
