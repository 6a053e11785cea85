"""Real/fake beside what answers that never look at a picture: the training majority, and metadata alone.

A floor is a list of answers like any other and goes through the same statistics, on the same videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.evaluation.compared import Compared, compare
from dtr.evaluation.counted import Counted
from dtr.evaluation.figures import FloatArray, Statistic
from dtr.evaluation.items import Item
from dtr.evaluation.label import label_statistics
from dtr.evaluation.metadata import MetadataOnly
from dtr.predictions import Prediction

ALWAYS_FAKE, MAJORITY, METADATA = "always_fake", "train_majority", "metadata_only"
LOWER_IS_BETTER = frozenset({"ece", "brier", "false_alarm_rate", "abstain"})
WITHOUT_FLOOR = frozenset({"fake_accuracy", "real_accuracy", "false_alarm_rate", "ece", "abstain", "accuracy_answered"})
"""Figures that a constant answer gets for nothing, at the cost of another one: a floor would say nothing."""


def label_floors(
    items: Sequence[Item], train: Sequence[VideoAnnotation], metadata: MetadataOnly | None
) -> dict[str, list[Item]]:
    """Answers of each floor, for the same videos.

    Args:
        items: V videos. train: training videos; without any labelled one there is no majority.
        metadata: scores of the V videos.

    Returns:
        Answers by name of the floor; "always_fake" is always there.
    """
    found = {ALWAYS_FAKE: _answered(items, np.ones(len(items)))}
    labels = [v.label for v in train if v.label is not None]
    if labels:
        share = labels.count("fake") / len(labels)
        found[MAJORITY] = _answered(items, np.full(len(items), share))
    if metadata is not None:
        found[METADATA] = _answered(items, metadata.scores)
    return found


def called_fake(floors: Mapping[str, Sequence[Item]]) -> dict[str, NDArray[np.bool_]]:
    """(V,) "called fake" of every floor."""
    return {name: np.array([i.called_fake for i in items], dtype=np.bool_) for name, items in floors.items()}


def label_compared(
    items: Sequence[Item], floors: Mapping[str, Sequence[Item]], weights: FloatArray
) -> dict[str, Compared]:
    """Every figure of `dtr.evaluation.label` beside the floors.

    Args:
        items: V videos. floors: from `label_floors`. weights: (n + 1, V).
    """
    theirs = {name: label_statistics(_where_scored(items, answers)) for name, answers in floors.items()}
    return {
        name: compare(counted, _beside(name, theirs), weights, lower=name in LOWER_IS_BETTER)
        for name, counted in label_statistics(items).items()
    }


def _beside(name: str, floors: Mapping[str, Mapping[str, Counted]]) -> dict[str, Statistic]:
    if name in WITHOUT_FLOOR:
        return {}
    return {floor: statistics[name].statistic for floor, statistics in floors.items()}


def _answered(items: Sequence[Item], scores: FloatArray) -> list[Item]:
    return [
        Item(i.video, Prediction(i.video.video_id, "fake" if s >= 0.5 else "real", float(s)))
        for i, s in zip(items, scores, strict=True)
    ]


def _where_scored(items: Sequence[Item], floor: Sequence[Item]) -> list[Item]:
    """The floor's answers, with a score only where the model has one: both rank the same videos."""
    scored = [i.prediction is not None and i.prediction.fake_score is not None for i in items]
    return [
        f if s or f.prediction is None else Item(f.video, replace(f.prediction, fake_score=None))
        for f, s in zip(floor, scored, strict=True)
    ]
