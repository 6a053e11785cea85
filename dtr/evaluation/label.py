"""Real or fake, per video: ranking, calibration, errors, and what staying silent does to them.

Figures of the score rest on the videos whose answer has one, figures of the label on all videos: there, a missing
answer or an invalid label is wrong, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtr.evaluation.counted import Counted, undefined
from dtr.evaluation.figures import FloatArray, Statistic, ratio_statistic
from dtr.evaluation.items import Item
from dtr.metrics.weighted import (
    weighted_auroc,
    weighted_average_precision,
    weighted_brier,
    weighted_ece,
    weighted_tpr_at_fpr,
)

FPRS = (0.01, 0.001)
"""False-positive rates at which the true-positive rate is told."""

LABEL_FIGURES = (
    "auroc",
    "ap",
    *(f"tpr_at_fpr_{fpr:g}" for fpr in FPRS),
    "ece",
    "brier",
    "accuracy",
    "fake_accuracy",
    "real_accuracy",
    "false_alarm_rate",
    "abstain",
    "accuracy_answered",
)
"""Keys of `label_statistics`, in its order."""

Ranking = Callable[[FloatArray, NDArray[np.bool_], FloatArray], FloatArray]


class VideoScores(NamedTuple):
    """What is known and was said of V videos.

    Attributes:
        scores: (V,) of fake in [0, 1]; NaN = not said.
        is_fake, has_score: (V,) bool.
    """

    scores: FloatArray
    is_fake: NDArray[np.bool_]
    has_score: NDArray[np.bool_]


def video_scores(items: Sequence[Item]) -> VideoScores:
    """Scores and truth of every video.

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> video_scores([Item(VideoAnnotation("a", Path("a"), "fake"), None)]).has_score.tolist()
        [False]
    """
    said = [None if item.prediction is None else item.prediction.fake_score for item in items]
    scores = np.array([np.nan if s is None else s for s in said], dtype=np.float64)
    is_fake = np.array([item.is_fake for item in items], dtype=np.bool_)
    return VideoScores(scores, is_fake, np.array([s is not None for s in said], dtype=np.bool_))


def label_statistics(items: Sequence[Item]) -> dict[str, Counted]:
    """Every figure of `LABEL_FIGURES`.

    The interval of the calibration error lies high: the noise of resampling counts as more of it.

    Args:
        items: V videos.

    Raises:
        DetectorError: a score is not a number in [0, 1].

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> from dtr.predictions import Prediction
        >>> clips = [VideoAnnotation(v, Path(v), label) for v, label in (("a", "fake"), ("b", "real"))]
        >>> items = [Item(clips[0], Prediction("a", "fake", 0.9)), Item(clips[1], None)]
        >>> found = {name: c.figure(np.ones((2, 2))) for name, c in label_statistics(items).items()}
        >>> found["accuracy"].value, found["auroc"].value, found["auroc"].reason
        (0.5, None, 'a ranking needs scores of both classes, got 1 fake and 0 real')
    """
    return _score_statistics(video_scores(items)) | _answer_statistics(items)


def _score_statistics(said: VideoScores) -> dict[str, Counted]:
    n = int(said.has_score.sum())
    n_fake, n_real = int((said.has_score & said.is_fake).sum()), int((said.has_score & ~said.is_fake).sum())
    missing = "" if n else "no answer has a score of fake"
    one_class = missing or f"a ranking needs scores of both classes, got {n_fake} fake and {n_real} real"

    def on_scored(ranking: Ranking, reason: str) -> Counted:
        return Counted(_on_scored(ranking, *said), n, "videos", reason)

    found = {"auroc": on_scored(weighted_auroc, one_class), "ap": _ap(on_scored, n_real, one_class)}
    for fpr in FPRS:
        found[f"tpr_at_fpr_{fpr:g}"] = (
            undefined(n, "videos", missing or f"a rate of {fpr:g} needs {round(1 / fpr)} real videos, got {n_real}")
            if n_real * fpr < 1 - 1e-9
            else on_scored(partial(weighted_tpr_at_fpr, fpr=fpr), one_class)
        )
    found["ece"] = on_scored(weighted_ece, missing)
    found["brier"] = on_scored(weighted_brier, missing)
    return found


def _ap(on_scored: Callable[[Ranking, str], Counted], n_real: int, reason: str) -> Counted:
    """Average precision; without any real video it would be 1 by definition, which says nothing."""
    if n_real == 0:
        return on_scored(lambda scores, target, weights: np.full(len(weights), np.nan), reason)
    return on_scored(weighted_average_precision, reason)


def _answer_statistics(items: Sequence[Item]) -> dict[str, Counted]:
    is_fake = _flags([item.is_fake for item in items])
    correct = _flags([item.correct for item in items])
    called = _flags([item.called_fake for item in items])
    silent = _flags([item.prediction is not None and item.prediction.abstain for item in items])
    given = _flags([item.prediction is not None for item in items])
    labelled = _flags([item.prediction is not None and item.prediction.label is not None for item in items])
    answered = labelled * (1 - silent)
    is_real = 1 - is_fake
    return {
        "accuracy": _share(correct, np.ones(len(items)), "videos"),
        "fake_accuracy": _share(correct * is_fake, is_fake, "fake videos"),
        "real_accuracy": _share(correct * is_real, is_real, "real videos"),
        "false_alarm_rate": _share(called * is_real, is_real, "real videos"),
        "abstain": _share(silent, given, "answered videos"),
        "accuracy_answered": _share(correct * answered, answered, "videos that it was sure of"),
    }


def _share(above: FloatArray, below: FloatArray, unit: str) -> Counted:
    n = int(below.sum())
    return Counted(ratio_statistic(above, below), n, unit, "" if n else f"there are no {unit}")


def _flags(values: Sequence[bool]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def _on_scored(
    ranking: Ranking, scores: FloatArray, target: NDArray[np.bool_], has_score: NDArray[np.bool_]
) -> Statistic:
    kept = np.flatnonzero(has_score)
    return lambda weights: ranking(scores[kept], target[kept], weights[:, kept])
