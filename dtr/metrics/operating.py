"""Where to put the threshold, how sure that can be, and what another base rate or staying silent changes.

Numpy only: evaluation, reports and the runtime (`--fpr`, `--prior`) share these functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.calibration import sigmoid, threshold_for_fpr
from dtr.checks import checked_array, checked_scores, checked_target
from dtr.errors import ConfigError
from dtr.metrics.intervals import Interval, clopper_pearson, wilson

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (fake if score ≥ threshold) and what it does on the videos it was chosen on.

    Attributes:
        threshold: just above a real video's score; it may exceed 1 (nothing is called fake).
        fpr: share of the real videos called fake; tpr: share of the fakes; NaN without fakes.
        fpr_interval, tpr_interval: exact 95 % intervals (`clopper_pearson`).
        n_real, n_fake: videos of each class.
    """

    threshold: float
    fpr: float
    fpr_interval: Interval
    tpr: float
    tpr_interval: Interval
    n_real: int
    n_fake: int

    @property
    def expected_fpr(self) -> float:
        """Chance that one more real video of the same kind is called fake: (k + 1) / (n + 1) after k of n.

        It is above `fpr`, since the threshold was put just above one of these very videos.
        """
        return (round(self.fpr * self.n_real) + 1) / (self.n_real + 1)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, rounded; None for what is not defined."""
        return {
            "threshold": _plain(self.threshold),
            "fpr": _plain(self.fpr),
            "fpr_interval": [_plain(v) for v in self.fpr_interval],
            "expected_fpr": _plain(self.expected_fpr),
            "tpr": _plain(self.tpr),
            "tpr_interval": [_plain(v) for v in self.tpr_interval],
            "n_real": self.n_real,
            "n_fake": self.n_fake,
        }


class RocCurve(NamedTuple):
    """One point per distinct score, and the corner (0, 0) first; each (K + 1,).

    Attributes:
        fpr, tpr: in [0, 1], never falling; NaN where that class is missing. thresholds: falling, from infinity.
    """

    fpr: FloatArray
    tpr: FloatArray
    thresholds: FloatArray


class RiskCoverage(NamedTuple):
    """Share of wrong answers among the surest ones; each (N,), for the surest 1, 2, …, N.

    Attributes:
        coverage: share that is answered, in (0, 1]. risk: share of the answered that is wrong, in [0, 1].
    """

    coverage: FloatArray
    risk: FloatArray

    @property
    def area(self) -> float:
        """AURC: mean risk over all coverages, lower is better; NaN without answers."""
        return float(self.risk.mean()) if len(self.risk) else math.nan


class Reliability(NamedTuple):
    """Scores against truth in equal-width bins; NaN where a bin is empty.

    Attributes:
        edges: (bins + 1,). mean_score, fake_share: (bins,) in [0, 1]. n: (bins,) videos.
        low, high: (bins,) 95 % Wilson interval of `fake_share`.
    """

    edges: FloatArray
    mean_score: FloatArray
    fake_share: FloatArray
    n: NDArray[np.int64]
    low: FloatArray
    high: FloatArray


def min_fpr(n_real: int) -> float:
    """The smallest false-positive rate that `n_real` real videos can support: one of them.

    Raises:
        ConfigError: there are none.

    Example:
        >>> min_fpr(200)
        0.005
    """
    if n_real < 1:
        raise ConfigError(f"a false-positive rate needs real videos to be measured on, got {n_real}; add some")
    return 1 / n_real


def operating_point(
    real_scores: ArrayLike, fake_scores: ArrayLike, fpr: float, *, new_videos: bool = False
) -> OperatingPoint:
    """The lowest threshold with at most a chosen rate of false alarms.

    Args:
        real_scores: (N,) in [0, 1] of real videos. fake_scores: (M,) of generated ones; may be empty.
        fpr: in (0, 1), at least 1 / N.
        new_videos: False = at most a share `fpr` of the given real videos is called fake, as a ROC curve is read (for
            reports). True = the chance for one more real video is at most `fpr`: one allowed false alarm is kept back,
            (k + 1) / (N + 1) ≤ fpr (for use). Either holds for videos of the same kind only.

    Raises:
        ConfigError: `fpr` is outside (0, 1), or there are fewer than 1 / fpr real videos.
        DetectorError: a score is not a number in [0, 1].

    Source: for `new_videos`, Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world" (inductive
    conformal prediction).

    Example:
        >>> point = operating_point([0.1, 0.2, 0.3, 0.9], [0.2, 0.8, 0.95], 0.25)
        >>> point.fpr, round(point.tpr, 3), 0.3 < point.threshold < 0.301
        (0.25, 0.667, True)
    """
    real = checked_scores(real_scores, "scores of real videos")
    fake = checked_scores(fake_scores, "scores of generated videos")
    require_fpr(fpr, len(real))
    kept_back = 1 if new_videos else 0
    allowed = math.floor(fpr * (len(real) + kept_back) + 1e-9) - kept_back
    threshold = threshold_for_fpr(real, min(allowed, len(real) - 1) / len(real))
    alarms, hits = int((real >= threshold).sum()), int((fake >= threshold).sum())
    return OperatingPoint(
        threshold,
        alarms / len(real),
        clopper_pearson(alarms, len(real)),
        hits / len(fake) if len(fake) else math.nan,
        clopper_pearson(hits, len(fake)),
        len(real),
        len(fake),
    )


def require_fpr(fpr: float, n_real: int) -> None:
    """Refuse a false-positive rate that cannot be measured on so few real videos.

    Raises:
        ConfigError: `fpr` is outside (0, 1), or below 1 / n_real.
    """
    if not 0 < fpr < 1:
        raise ConfigError(f"the false-positive rate must lie inside (0, 1), got {fpr}; 0.05 means one real in twenty")
    if fpr < min_fpr(n_real) * (1 - 1e-9):
        smallest = math.ceil(1e4 / n_real) / 1e4
        raise ConfigError(
            f"a false-positive rate of {fpr:g} needs at least {math.ceil(1 / fpr - 1e-9)} real videos to choose a "
            f"threshold on, got {n_real}; the smallest rate they support is {smallest:g}"
        )


def roc_curve(scores: ArrayLike, target: ArrayLike) -> RocCurve:
    """Rates of false and of true alarms at every threshold that changes them.

    Args:
        scores: (N,) any finite numbers; target: (N,) 0 or 1.

    Raises:
        DetectorError: a score is not finite.
        AnnotationError: targets do not pair with the scores, or are not 0 and 1.

    Example:
        >>> curve = roc_curve([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0])
        >>> curve.fpr.tolist(), curve.tpr.tolist(), curve.thresholds.tolist()
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], [inf, 0.9, 0.4, 0.1])
    """
    s = checked_array(scores, "scores", (None,))
    y = checked_target(target, len(s))
    levels, group = np.unique(-s, return_inverse=True)
    hits = np.cumsum(np.bincount(group[y], minlength=len(levels)))
    alarms = np.cumsum(np.bincount(group[~y], minlength=len(levels)))
    with np.errstate(invalid="ignore"):
        fpr, tpr = (np.concatenate([[0], c]) / c[-1:].sum() for c in (alarms, hits))
    return RocCurve(fpr, tpr, np.concatenate([[np.inf], -levels]))


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Risk of answering only the surest cases, for every number of them.

    Args:
        confidence: (N,) any finite numbers, larger = surer; equal ones share their errors evenly, so that no order
            among them matters.
        correct: (N,) 0 or 1.

    Raises:
        DetectorError: a confidence is not finite.
        AnnotationError: `correct` does not pair with it, or is not 0 and 1.

    Source: Geifman and El-Yaniv (2017), "Selective classification for deep neural networks".

    Example:
        >>> curve = risk_coverage([0.9, 0.8, 0.6, 0.5], [1, 1, 0, 1])
        >>> curve.risk.round(3).tolist(), round(curve.area, 3)
        ([0.0, 0.0, 0.333, 0.25], 0.146)
    """
    c = checked_array(confidence, "confidence", (None,))
    wrong = ~checked_target(correct, len(c), "correct")
    _, group, count = np.unique(-c, return_inverse=True, return_counts=True)
    share = np.bincount(group, wrong, len(count)) / count
    answered = np.arange(1, len(c) + 1)
    return RiskCoverage(answered / max(1, len(c)), np.cumsum(np.repeat(share, count)) / answered)


def reliability(scores: ArrayLike, target: ArrayLike, bins: int = 15) -> Reliability:
    """The reliability diagram's figures, in the same bins as `dtr.calibration.ece`.

    Args:
        scores: (N,) in [0, 1]; target: (N,) 0 or 1; bins: ≥ 1.

    Raises:
        ConfigError: no bins.
        DetectorError: a score is not a number in [0, 1].
        AnnotationError: targets do not pair with the scores, or are not 0 and 1.

    Example:
        >>> found = reliability([0.1, 0.3, 0.9], [0, 1, 1], bins=2)
        >>> found.mean_score.tolist(), found.fake_share.tolist(), found.n.tolist()
        ([0.2, 0.9], [0.5, 1.0], [2, 1])
    """
    if bins < 1:
        raise ConfigError(f"a reliability diagram needs at least 1 bin, got {bins}; 15 is usual")
    s = checked_scores(scores)
    y = checked_target(target, len(s))
    place = np.minimum((s * bins).astype(np.int64), bins - 1)
    n = np.bincount(place, minlength=bins)
    fakes = np.bincount(place, y, bins)
    with np.errstate(invalid="ignore"):
        mean_score, fake_share = np.bincount(place, s, bins) / n, fakes / n
    return Reliability(np.linspace(0, 1, bins + 1), mean_score, fake_share, n, *wilson(fakes, n))


def precision_at_prior(tpr: float, fpr: float, prior: float) -> float:
    """How many of the videos called fake are fake, where a share `prior` of all videos is.

    Returns:
        [0, 1]; NaN where nothing is called fake.

    Raises:
        ConfigError: a rate is outside [0, 1], or the prior outside (0, 1).

    Example:
        >>> round(precision_at_prior(0.9, 0.01, 0.001), 4)
        0.0826
    """
    require_prior(prior)
    if not (0 <= tpr <= 1 and 0 <= fpr <= 1):
        raise ConfigError(f"rates must lie in [0, 1], got a true-positive rate {tpr} and a false-positive rate {fpr}")
    called = tpr * prior + fpr * (1 - prior)
    return tpr * prior / called if called > 0 else math.nan


def reweight_scores(scores: ArrayLike, from_prior: float, to_prior: float) -> FloatArray:
    """Calibrated P(fake) for another share of fakes, by Bayes' rule on the odds.

    Args:
        scores: (N,) in [0, 1]. from_prior: share of fakes that they assume; to_prior: the one to assume; in (0, 1).

    Raises:
        ConfigError: a prior is outside (0, 1).
        DetectorError: a score is not a number in [0, 1].

    Source: Saerens, Latinne and Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori
    probabilities", eq. 2.4.

    Example:
        >>> reweight_scores([0.0, 0.5, 1.0], 0.5, 0.1).tolist()
        [0.0, 0.1, 1.0]
    """
    s = checked_scores(scores)
    require_prior(from_prior)
    require_prior(to_prior)
    fake, real = s * (to_prior / from_prior), (1 - s) * ((1 - to_prior) / (1 - from_prior))
    return np.asarray(fake / (fake + real), dtype=np.float64)


def abstain_band(
    real_scores: ArrayLike, fake_scores: ArrayLike, *, threshold: float = 0.5, share: float = 0.1
) -> Interval:
    """The scores around a threshold that are too close to call.

    The rule: the narrowest band, symmetric in log-odds around the threshold, that holds at least a share `share` of
    the given videos, each class counting for half. It is not a promise about errors: how wrong the videos inside are
    must be measured on others (`risk_coverage`).

    Args:
        real_scores: (N,) in [0, 1], N ≥ 1. fake_scores: (M,), M ≥ 1. Of videos that were not trained on.
        threshold: in (0, 1). share: in [0, 1); 0 = no band.

    Returns:
        (low, high), a score in [low, high) is too close to call; rounded outwards to four decimals.

    Raises:
        ConfigError: a class is missing, or threshold or share is out of range.

    Example:
        >>> abstain_band([0.1, 0.2, 0.45, 0.6], [0.3, 0.52, 0.8, 0.9], share=0.25)
        (0.45, 0.5501)
    """
    real, fake = checked_scores(real_scores, "scores of real videos"), checked_scores(fake_scores, "scores of fakes")
    if not len(real) or not len(fake):
        raise ConfigError(f"a band needs videos of both classes, got {len(real)} real and {len(fake)} generated")
    if not (0 < threshold < 1 and 0 <= share < 1):
        raise ConfigError(f"a band needs a threshold inside (0, 1) and a share in [0, 1), got {threshold} and {share}")
    if share == 0:
        return threshold, threshold
    scores = np.concatenate([real, fake])
    away = np.abs(log_odds(scores) - log_odds(threshold))
    weight = np.repeat([0.5 / len(real), 0.5 / len(fake)], [len(real), len(fake)])
    order = np.argsort(away, kind="stable")
    width = away[order][int(np.argmax(np.cumsum(weight[order]) >= share - 1e-9))]
    low, high = sigmoid(log_odds(threshold) + np.array([-width, width]))
    steps = math.floor(low * 1e4 + 1e-6)
    # The slack takes up rounding of the logarithms; it must not shut out a score a hair below the step.
    steps -= int(steps / 1e4 > min(threshold, scores[away <= width].min()))
    return steps / 1e4, (math.floor(high * 1e4 + 1e-6) + 1) / 1e4


def log_odds(scores: ArrayLike) -> FloatArray:
    """ln(s / (1 − s)); −infinity for 0 and infinity for 1.

    Example:
        >>> log_odds([0.0, 0.5, 1.0]).tolist()
        [-inf, 0.0, inf]
    """
    s = np.asarray(scores, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(s) - np.log1p(-s), dtype=np.float64)


def require_prior(prior: float) -> None:
    """Refuse a share of fakes that is none.

    Raises:
        ConfigError: it is outside (0, 1).
    """
    if not 0 < prior < 1:
        raise ConfigError(
            f"a prior share of fakes must lie inside (0, 1), got {prior}; 0.01 means one video in a hundred"
        )


def _plain(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
