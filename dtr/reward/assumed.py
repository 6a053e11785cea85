"""What a verdict would be if the detector were certain that the clip is generated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dtr.calibration import PlattCalibration, sigmoid
from dtr.errors import DetectorError
from dtr.model_info import ModelInfo
from dtr.pipeline import trace_logit
from dtr.verdict import Trace, Verdict

_EDGE = 1e-12  # of a score: keeps its log-odds finite


def assume_fake(verdict: Verdict, info: ModelInfo) -> Verdict:
    """The same verdict with P(fake) = 1: a trace's score is a product with P(fake), and that factor is taken out.

    So traces of a clip that looks real can be compared with those of one that looks generated. Undoing the product is
    exact except for traces that calibration had cut at its smallest raw score (10⁻⁶); those come out too high.

    Args:
        verdict: of the detector's own base rate.
        info: of the detector that gave it.

    Returns:
        Label FAKE, score 1, nobody abstains; all traces and candidates, split anew at the trace threshold.

    Raises:
        DetectorError: P(fake) is not in (0, 1], so that nothing can be undone.

    Example:
        >>> from dtr.clock import Clock
        >>> info = ModelInfo("d@1", "b@1", Clock(), (), {})
        >>> faint = Trace(0.1, (0.0, 1.0), (0.0, 0.0, 1.0, 1.0))
        >>> sure = assume_fake(Verdict("a.mp4", "a", 1.0, 64, 48, "real", 0.125, candidates=(faint,)), info)
        >>> sure.label, sure.score, round(sure.traces[0].score, 6)
        ('fake', 1.0, 0.8)
    """
    if not 0 < verdict.score <= 1:
        raise DetectorError(
            f"{verdict.video}: expected P(fake) in (0, 1] to assume a FAKE label, got {verdict.score}; "
            "check the detector's calibration"
        )
    fitted = info.calibration.get("trace")
    calibration = None if fitted is None else PlattCalibration.from_json(fitted)
    cut = float(info.thresholds.get("trace", 0.5))
    traces = [_certain(trace, verdict.score, calibration) for trace in verdict.traces + verdict.candidates]
    return replace(
        verdict,
        label="fake",
        score=1.0,
        abstain=False,
        traces=tuple(t for t in traces if t.score >= cut),
        candidates=tuple(t for t in traces if t.score < cut),
    )


def _certain(trace: Trace, p_fake: float, calibration: PlattCalibration | None) -> Trace:
    """The trace with P(fake) taken out of its score, before the calibration of traces."""
    if calibration is None:
        return replace(trace, score=min(1.0, trace.score / p_fake))
    score = min(max(trace.score, _EDGE), 1 - _EDGE)
    logit = (np.log(score / (1 - score)) - calibration.intercept) / calibration.slope
    raw = min(1.0, float(sigmoid(logit)) / p_fake)
    return replace(trace, score=float(calibration.apply(trace_logit(raw))))
