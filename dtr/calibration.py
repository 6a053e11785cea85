"""Calibration of logits into scores that can be read as probabilities, and the figures that tell how well it went.

Numpy only: the runtime applies what training fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.checks import checked_array, checked_scores, checked_target
from dtr.errors import AnnotationError, ConfigError, DetectorError

FloatArray = NDArray[np.float64]

MIN_SLOPE = 1e-3
"""Smallest slope of a fit: a head that ranks backwards becomes almost constant, but is never turned round in silence,
and the order of its scores (which thresholds at a false-positive rate need) survives."""


def sigmoid(logits: ArrayLike) -> FloatArray:
    """Logistic function without overflow.

    Example:
        >>> sigmoid([-1000.0, 0.0, 1000.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    x = np.asarray(logits, dtype=np.float64)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


@dataclass(frozen=True)
class PlattCalibration:
    """score = sigmoid(slope · logit + intercept), with what it was fitted on.

    Attributes:
        slope: ≥ MIN_SLOPE after a fit.
        intercept: in logits.
        n: examples it was fitted on; n_positive: positive ones among them.
        prior: share of positives, in (0, 1), that the scores assume.
        target: what is calibrated: "label", "trace" or "category".

    Source: Platt (1999), "Probabilistic outputs for support vector machines", eq. 1.
    """

    slope: float
    intercept: float
    n: int
    n_positive: int
    prior: float
    target: str = "label"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise DetectorError(
                f"calibration of '{self.target}' needs a finite slope above 0 and a finite intercept, "
                f"got {self.slope} and {self.intercept}; fit it again"
            )
        _check_prior(self.prior, DetectorError)

    def apply(self, logits: ArrayLike) -> FloatArray:
        """Calibrated scores in [0, 1], shaped as the logits.

        Raises:
            DetectorError: a logit is NaN.

        Example:
            >>> PlattCalibration(2.0, 0.0, 10, 5, 0.5).apply([0.0, 100.0]).tolist()
            [0.5, 1.0]
        """
        x = np.asarray(logits, dtype=np.float64)
        if np.isnan(x).any():
            raise DetectorError(f"logits of '{self.target}' must be numbers, got NaN; check the model and its features")
        return sigmoid(self.slope * x + self.intercept)

    def with_prior(self, prior: float) -> PlattCalibration:
        """The same calibration for another share of positives (Bayes' rule moves the intercept only).

        Raises:
            ConfigError: `prior` is not inside (0, 1).

        Example:
            >>> even = PlattCalibration(1.0, 0.0, 10, 5, 0.5)
            >>> round(float(even.with_prior(0.1).apply(0.0)), 6)
            0.1
        """
        _check_prior(prior, ConfigError)
        shift = _log_odds(prior) - _log_odds(self.prior)
        return replace(self, intercept=self.intercept + shift, prior=prior)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlattCalibration:
        """Inverse of `to_json`.

        Raises:
            DetectorError: a field is missing or is not a number.
        """
        try:
            return cls(
                slope=float(data["slope"]),
                intercept=float(data["intercept"]),
                n=int(data["n"]),
                n_positive=int(data["n_positive"]),
                prior=float(data["prior"]),
                target=str(data["target"]),
            )
        except (KeyError, TypeError, ValueError) as e:
            raise DetectorError(
                f"calibration must have the numbers slope, intercept, n, n_positive, prior and a target, "
                f"got {data!r:.200} ({e!r}); fit it again"
            ) from e


def fit_platt(logits: ArrayLike, labels: ArrayLike, *, target: str = "label", l2: float = 0.0) -> PlattCalibration:
    """Fit slope and intercept by Newton's method to Platt's smoothed targets.

    The smoothed targets, (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), keep the fit finite on separable data.

    Args:
        logits: (N,) of examples that were not used for training.
        labels: (N,) 0 or 1.
        target: what is calibrated.
        l2: weight ≥ 0 of the squared slope, in units of the logits' standard deviation.

    Raises:
        AnnotationError: labels other than 0 and 1, or only one of them.
        DetectorError: a logit is not finite.
        ConfigError: `l2` is negative.

    Source: Platt (1999), sections 2.1 and 2.2; Lin, Lin and Weng (2007) for Newton with backtracking.

    Example:
        >>> fit = fit_platt([-1.0, -2.0, 1.0, 2.0], [0, 0, 1, 1])
        >>> round(float(fit.apply(0.0)), 6), fit.n, fit.prior
        (0.5, 4, 0.5)
    """
    if not (math.isfinite(l2) and l2 >= 0):
        raise ConfigError(f"l2 must be a finite number of at least 0, got {l2}; 0 is a plain Platt fit")
    x = checked_array(logits, f"logits to calibrate '{target}'", (None,))
    positive = checked_target(labels, len(x), "labels")
    n, n_positive = len(x), int(positive.sum())
    if n_positive in (0, n):
        raise AnnotationError(
            f"calibrating '{target}' needs examples of both classes, got {n_positive} positive and "
            f"{n - n_positive} negative; choose calibration data with both"
        )
    smoothed = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n - n_positive + 2))
    # Standardised logits keep the 2 × 2 Hessian well conditioned whatever scale a head works on.
    mean, scale = float(x.mean()), float(x.std())
    slope, offset = _newton((x - mean) / scale, smoothed, l2) if scale > 0 else (0.0, _log_odds(smoothed.mean()))
    slope = slope / scale if scale > 0 else 0.0
    intercept = offset - slope * mean
    if slope < MIN_SLOPE:
        slope, intercept = MIN_SLOPE, _intercept_for(MIN_SLOPE * x, smoothed)
    return PlattCalibration(float(slope), float(intercept), n, n_positive, n_positive / n, target)


def threshold_for_fpr(real_scores: ArrayLike, fpr: float) -> float:
    """The lowest threshold at which at most a share `fpr` of the given real videos scores ≥ threshold.

    Args:
        real_scores: (N,) in [0, 1], of real videos only.
        fpr: in [0, 1); below 1 / N no given video may pass, and the true rate is only known to be about that small.

    Returns:
        A threshold just above a real video's score; it may exceed 1 (nothing is called fake).

    Raises:
        ConfigError: `fpr` is outside [0, 1) or there is no real score.

    Example:
        >>> 0.8 < threshold_for_fpr([0.1, 0.2, 0.8, 0.9], 0.25) < 0.81
        True
    """
    s = np.sort(checked_scores(real_scores, "scores of real videos"))[::-1]
    if not 0 <= fpr < 1:
        raise ConfigError(f"the false-positive rate must lie in [0, 1), got {fpr}; 0.05 means one real video in twenty")
    if not len(s):
        raise ConfigError("a threshold at a false-positive rate needs real videos, got none; calibrate on some")
    allowed = math.floor(fpr * len(s) + 1e-9)
    return float(np.nextafter(s[allowed], np.inf))


def ece(scores: ArrayLike, target: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error of P(fake): mean gap between score and share of fakes over equal-width bins.

    Args:
        scores: (N,) in [0, 1]; target: (N,) 0 or 1; bins: ≥ 1.

    Returns:
        [0, 1]; NaN without scores.

    Source: Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".

    Example:
        >>> round(ece([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]), 6)
        0.25
    """
    if bins < 1:
        raise ConfigError(f"the calibration error needs at least 1 bin, got {bins}; 15 is usual")
    s = checked_scores(scores)
    y = checked_target(target, len(s))
    if not len(s):
        return math.nan
    place = np.minimum((s * bins).astype(np.int64), bins - 1)
    return float(np.abs(np.bincount(place, s - y, bins)).sum() / len(s))


def brier(scores: ArrayLike, target: ArrayLike) -> float:
    """Brier score: mean squared difference of score and truth, in [0, 1]; NaN without scores.

    Source: Brier (1950), "Verification of forecasts expressed in terms of probability".

    Example:
        >>> brier([0.5, 1.0], [0, 1])
        0.125
    """
    s = checked_scores(scores)
    y = checked_target(target, len(s))
    return float(np.mean((s - y) ** 2)) if len(s) else math.nan


def _newton(z: FloatArray, t: FloatArray, l2: float) -> tuple[float, float]:
    """Slope and intercept that minimise the cross-entropy of sigmoid(a · z + b) against `t`, plus l2 · a² / 2."""
    design = np.stack([z, np.ones_like(z)], axis=1)  # (N, 2)
    ridge = np.diag([l2, 0.0])
    w = np.array([0.0, _log_odds(t.mean())])
    value = _cross_entropy(design @ w, t) + w @ ridge @ w / 2
    for _ in range(100):
        p = sigmoid(design @ w)
        gradient = design.T @ (p - t) + ridge @ w
        if np.abs(gradient).max() < 1e-10 * len(z):
            break
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + ridge + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        rate = 1.0
        while rate > 1e-10:
            trial = w - rate * step
            trial_value = _cross_entropy(design @ trial, t) + trial @ ridge @ trial / 2
            if trial_value <= value:
                break
            rate /= 2
        else:  # no smaller value in floating point: this is the minimum
            break
        w, value = trial, trial_value
    return float(w[0]), float(w[1])


def _intercept_for(fixed: FloatArray, t: FloatArray) -> float:
    """The intercept b at which sigmoid(fixed + b) has the mean of `t`, by bisection (it is monotone in b)."""
    low, high = -float(fixed.max()) - 50.0, -float(fixed.min()) + 50.0
    for _ in range(200):
        middle = (low + high) / 2
        if sigmoid(fixed + middle).mean() < t.mean():
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _cross_entropy(logits: FloatArray, t: FloatArray) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - t * logits))


def _log_odds(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _check_prior(prior: float, error: type[ConfigError] | type[DetectorError]) -> None:
    if not 0 < prior < 1:
        raise error(f"a prior share of fakes must lie inside (0, 1), got {prior}; 0.5 means as many fakes as reals")
