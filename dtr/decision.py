"""How a detector's score becomes a label: threshold, base rate, and the band of "can't tell"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.calibration import PlattCalibration, sigmoid
from dtr.checks import checked_array
from dtr.errors import ConfigError, DetectorError
from dtr.metrics.operating import OperatingPoint, abstain_band, log_odds, operating_point
from dtr.model_info import ModelInfo

FloatArray = NDArray[np.float64]

ABSTAIN_SHARE = 0.1
"""Share of the calibration clips (each class counting for half) that the abstain band is made to hold."""

_STEP = 1e-4  # calibration logits are stored in these


@dataclass(frozen=True)
class Decision:
    """What is done with the label head's logits.

    Attributes:
        threshold: fake if score ≥ threshold; may exceed 1 (nothing is called fake).
        abstain: (low, high), a score in [low, high) is too close to call; None = never.
        calibration: of logits into scores; None = the plain sigmoid of an uncalibrated detector.
        prior: share of fakes that scores are re-weighted to; None = the calibration's own.
        asked_fpr: the false-positive rate that was asked for, and `point`, what was chosen for it; None = not asked.
    """

    threshold: float
    abstain: tuple[float, float] | None
    calibration: PlattCalibration | None = None
    prior: float | None = None
    asked_fpr: float | None = None
    point: OperatingPoint | None = None

    def score(self, logits: ArrayLike) -> FloatArray:
        """P(fake) under the decision's base rate, shaped as the logits; equal order, whatever the base rate."""
        calibration = self.calibration
        if calibration is None:
            return sigmoid(logits)
        return (calibration if self.prior is None else calibration.with_prior(self.prior)).apply(logits)

    def unsure(self, score: float) -> bool:
        """Whether a score lies in the abstain band."""
        return self.abstain is not None and self.abstain[0] <= score < self.abstain[1]

    def trace_factor(self, logit: float) -> float:
        """What another base rate does to the chance of a trace: P(fake) under it over P(fake) as calibrated.

        A trace exists in a fake only, so its chance is that in a fake times P(fake).
        """
        if self.prior is None or self.calibration is None:
            return 1.0
        before = float(self.calibration.apply(logit))
        return float(self.score(logit)) / before if before > 0 else 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, for a verdict's provenance."""
        own = None if self.calibration is None else self.calibration.prior
        point = None if self.point is None else {"asked_fpr": self.asked_fpr, **self.point.to_json()}
        return {
            "threshold": round(self.threshold, 6),
            "abstain": None if self.abstain is None else [round(v, 6) for v in self.abstain],
            "prior": own if self.prior is None else self.prior,
            "operating_point": point,
        }


def decide(info: ModelInfo, *, fpr: float | None = None, prior: float | None = None) -> Decision:
    """The detector's own threshold and band, or those for a false-positive rate or another base rate.

    Args:
        info: of the detector.
        fpr: None = the detector's own threshold. Else the threshold is the lowest at which one more real video like
            those of the calibration part is called fake with at most this chance; the abstain band goes with it, and
            holds as many calibration clips around it as the detector's own band does.
        prior: share of fakes among the videos to be judged; None = what the calibration assumes. Scores are
            re-weighted by Bayes' rule. Without `fpr` the threshold stays the same number (0.5 = as likely fake as
            real) and labels change; with it the same videos stay above the threshold, which moves with the scores.

    Raises:
        ConfigError: the detector carries no operating data or no calibration for what is asked, too few real clips for
            `fpr`, or a rate out of range.
        DetectorError: the detector's operating data are damaged.
    """
    threshold = float(info.thresholds.get("label", 0.5))
    band = info.thresholds.get("abstain")
    abstain = None if band is None else (float(band[0]), float(band[1]))
    fitted = info.calibration.get("label")
    calibration = None if fitted is None else PlattCalibration.from_json(fitted)
    if prior is not None:
        if calibration is None:
            raise ConfigError(
                f"{info.model_id}: another prior needs calibrated scores, and this detector's are not calibrated; "
                "leave out the prior, or train with calibration clips of both classes"
            )
        calibration.with_prior(prior)  # refuses one that is out of range
    own = Decision(threshold, abstain, calibration)
    asked = replace(own, prior=prior)
    if fpr is None:
        return asked
    real, fake = _logits(info, "real_logits"), _logits(info, "fake_logits")
    if not len(real):
        raise ConfigError(
            f"{info.model_id}: a false-positive rate needs the scores of real calibration clips, and this detector "
            "carries none; make it again with `dtr train-all`, or leave out the rate"
        )
    point = operating_point(asked.score(real), asked.score(fake), fpr, new_videos=True)
    # The band is made on the calibration's own scores: under a small prior its rounding would be coarse.
    before = operating_point(own.score(real), own.score(fake), fpr, new_videos=True).threshold
    band = _moved(_band_around(before, own, real, fake), before, point.threshold)
    return replace(asked, threshold=point.threshold, abstain=band, asked_fpr=fpr, point=point)


def operating_data(logits: Sequence[float], labels: Sequence[float]) -> dict[str, Any]:
    """What a detector keeps of its calibration clips, so that an operating point can be chosen later.

    Logits rather than scores, so that they follow the calibration and any base rate, and none is rounded to 1. They are
    sorted, and rounded so that it never flatters: real ones up, fake ones down.

    Args:
        logits: (N,) of the clips' label head; labels: (N,) 1 fake, 0 real.

    Example:
        >>> operating_data([0.5, -1.0, 2.00007], [0, 0, 1])
        {'real_logits': [-0.9999, 0.5001], 'fake_logits': [2.0]}
    """
    found: dict[str, list[float]] = {"real_logits": [], "fake_logits": []}
    for logit, label in zip(logits, labels, strict=True):
        steps = math.floor(logit / _STEP + 1e-3)
        found["fake_logits" if label else "real_logits"].append(round((steps + (not label)) * _STEP, 4))
    return {name: sorted(values) for name, values in found.items()}


def fit_band(calibration: PlattCalibration, operating: dict[str, Any], threshold: float) -> dict[str, Any]:
    """The abstain band of `ABSTAIN_SHARE` as an entry of `thresholds`; empty where a class is missing."""
    real, fake = operating["real_logits"], operating["fake_logits"]
    if not real or not fake:
        return {}
    scores = calibration.apply(real), calibration.apply(fake)
    return {"abstain": list(abstain_band(*scores, threshold=threshold, share=ABSTAIN_SHARE))}


def _logits(info: ModelInfo, name: str) -> FloatArray:
    try:
        return checked_array(info.operating.get(name, []), f"{info.model_id}: operating data '{name}'", (None,))
    except (TypeError, ValueError, AttributeError) as error:
        raise DetectorError(
            f"{info.model_id}: operating data must hold a list of numbers '{name}', got {info.operating!r:.80}; "
            "copy or make the detector again"
        ) from error


def _band_around(threshold: float, own: Decision, real: FloatArray, fake: FloatArray) -> tuple[float, float] | None:
    """A band around another threshold that holds as many calibration clips as the detector's own, if it has one."""
    if own.abstain is None or not 0 < threshold < 1:
        return None
    if not len(fake):
        return _moved(own.abstain, own.threshold, threshold)
    scores = own.score(real), own.score(fake)
    share = float(np.mean([np.mean([own.unsure(float(s)) for s in part]) for part in scores]))
    return abstain_band(*scores, threshold=threshold, share=min(share, 0.999))


def _moved(band: tuple[float, float] | None, threshold: float, to: float) -> tuple[float, float] | None:
    """A band shifted in log-odds as its threshold is; None where no score reaches the threshold."""
    if band is None or not (0 < threshold < 1 and 0 < to < 1):
        return None
    low, high = sigmoid(log_odds(np.minimum(band, 1.0)) + log_odds(to) - log_odds(threshold))
    return float(low), float(high)
