"""From a media file to a verdict: decode, infer, decode outputs, calibrate. The model comes in as an argument."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES
from dtr.calibration import PlattCalibration, sigmoid
from dtr.decision import Decision, decide
from dtr.decode.assemble import Candidate, ClipDecoding, ClipGeometry, decode_clip
from dtr.decode.options import DecodeOptions
from dtr.errors import DetectorError
from dtr.model_info import ModelInfo
from dtr.sampling import load_steps
from dtr.steps import ClipSteps
from dtr.verdict import Trace, Verdict
from dtr.video import Limits

FloatArray = NDArray[np.floating]


class Model(Protocol):
    """A runnable detector: metadata, and raw head outputs of a clip."""

    @property
    def info(self) -> ModelInfo:
        """Metadata: clock, views, heads, calibration, thresholds."""
        ...

    def infer(self, steps: ClipSteps) -> dict[str, FloatArray]:
        """Raw outputs `<head>.<field>` → (W, T, …) per window, and "cells" → (N, P, 4)."""
        ...


@dataclass(frozen=True)
class Judgement:
    """A verdict without the file around it: what calibration and thresholds make of a decoded clip.

    Attributes:
        label: "fake" or "real". score: calibrated P(fake). abstain: inside the band of "can't tell".
        traces, candidates: as in `Verdict`. frame_scores: (N,) P(fake) of each step, masked ones included.
    """

    label: str
    score: float
    abstain: bool
    traces: tuple[Trace, ...]
    candidates: tuple[Trace, ...]
    frame_scores: FloatArray


def judge(
    path: str | Path,
    model: Model,
    *,
    video_id: str | None = None,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
    fpr: float | None = None,
    prior: float | None = None,
) -> Verdict:
    """Answer for one file.

    Args:
        path: media file.
        model: a loaded detector.
        video_id: None = the file's stem.
        decoder: "pyav" or "decord".
        limits: resource limits; None = the safe defaults.
        strict: refuse damaged files instead of using what can be decoded.
        fpr: rate of false alarms to choose the threshold for; prior: share of fakes to expect (`dtr.decision.decide`).

    Raises:
        ConfigError: the detector does not support `fpr` or `prior`.
        VideoError: the file cannot be opened, is refused, or holds no picture.
        DetectorError: the detector has no head that tells real from fake.
    """
    info = model.info
    decision = decide(info, fpr=fpr, prior=prior)
    began = time.perf_counter()
    steps = load_steps(path, info.clock, info.views, decoder=decoder, limits=limits or Limits(), strict=strict)
    decode_s = time.perf_counter() - began
    return judge_steps(steps, model, path, video_id=video_id, decoder=decoder, decision=decision, decode_s=decode_s)


def judge_steps(
    steps: ClipSteps,
    model: Model,
    path: str | Path,
    *,
    video_id: str | None = None,
    decoder: str = "pyav",
    decision: Decision | None = None,
    decode_s: float = 0.0,
) -> Verdict:
    """Answer for steps that are already there.

    Args:
        steps: rendered with the model's clock and views.
        model: a loaded detector.
        path: of the file that they come from; video_id: None = its stem.
        decoder: that read it, for the provenance.
        decision: None = the detector's own.
        decode_s: seconds that it took to make the steps.

    Raises:
        DetectorError: the detector has no head that tells real from fake.
    """
    decision = decision or decide(model.info)
    began = time.perf_counter()
    judgement = judge_outputs(model.info, model.infer(steps), steps, decision)
    infer_s = time.perf_counter() - began
    return Verdict(
        video=str(path),
        video_id=video_id or Path(path).stem,
        duration_s=steps.duration_s,
        width=steps.width,
        height=steps.height,
        label="fake" if judgement.label == "fake" else "real",
        score=judgement.score,
        abstain=judgement.abstain,
        traces=judgement.traces,
        candidates=judgement.candidates,
        frame_times_s=tuple(float(t) for t in steps.frame_times_s[steps.step_mask]),
        frame_scores=tuple(float(v) for v in judgement.frame_scores[steps.step_mask]),
        damage=steps.damage,
        provenance=_provenance(model.info, steps, decoder) | {"decision": decision.to_json()},
        timing_s={"decode": decode_s, "infer": infer_s},
    )


def judge_outputs(
    info: ModelInfo, outputs: dict[str, FloatArray], steps: ClipSteps, decision: Decision | None = None
) -> Judgement:
    """Decode raw outputs of a clip, then apply the detector's calibration and thresholds.

    Args:
        info: of the model that made `outputs`.
        outputs: `<head>.<field>` → (W, …), and "cells" → (N, P, 4).
        steps: the clip.
        decision: None = the detector's own.
    """
    geometry = clip_geometry(info, outputs["cells"], steps)
    return apply_calibration(info, decode_outputs(info, outputs, geometry), decision)


def clip_geometry(info: ModelInfo, cells: FloatArray, steps: ClipSteps) -> ClipGeometry:
    """What decoding must know of a clip: its windows, step times, and where its tokens lie."""
    mask = np.broadcast_to(steps.step_mask[:, None], cells.shape[:2])
    windows = info.clock.window_steps(len(steps.step_mask))
    return ClipGeometry(windows, steps.step_s, mask, cells, steps.duration_s)


def decode_outputs(info: ModelInfo, outputs: dict[str, FloatArray], geometry: ClipGeometry) -> ClipDecoding:
    """Candidates of a clip, with P(fake) calibrated but traces not yet.

    Raises:
        DetectorError: no head of kind "label".
    """
    if not any(spec.kind == "label" for spec in info.heads.values()):
        names = ", ".join(info.heads) or "none"
        raise DetectorError(
            f"{info.model_id}: a verdict needs a head that tells real from fake, got only {names}; "
            "train configs/head/binary.yaml on the same features and export both detectors together"
        )
    options = DecodeOptions.from_json(info.decoding)
    plain = decode_clip(outputs, info.heads, geometry, fake_score=1.0, options=options)
    score = label_score(info, plain.label_logit or 0.0)
    candidates = [
        Candidate(c.raw_score * score, c.parts, c.span_s, c.box, c.times_s, c.boxes, c.categories)
        for c in plain.candidates
    ]
    return ClipDecoding(plain.label_logit, plain.step_logits, candidates)


def apply_calibration(info: ModelInfo, decoding: ClipDecoding, decision: Decision | None = None) -> Judgement:
    """Scores, label and thresholds of a decoded clip.

    A REAL label empties `traces` and keeps the candidates; a FAKE one splits them at the trace threshold. Another base
    rate scales the chance of every trace as it scales P(fake); under an operating point, which keeps its clips whatever
    the base rate, a FAKE also keeps its traces.

    Args:
        info: of the detector. decoding: of the clip.
        decision: None = the detector's own threshold, band and base rate.
    """
    decision = decision or decide(info)
    logit = decoding.label_logit or 0.0
    score = float(decision.score(logit))
    label = "fake" if score >= decision.threshold else "real"
    factor = decision.trace_factor(logit)
    cut = float(info.thresholds.get("trace", 0.5))
    traces: list[Trace] = []
    candidates: list[Trace] = []
    for trace in (_trace(info, c) for c in decoding.candidates):
        shown = replace(trace, score=min(1.0, trace.score * factor))
        strong = (shown if decision.point is None else trace).score >= cut
        (traces if label == "fake" and strong else candidates).append(shown)
    frame_scores = np.asarray(decision.score(decoding.step_logits))
    return Judgement(label, score, decision.unsure(score), tuple(traces), tuple(candidates), frame_scores)


def label_score(info: ModelInfo, logit: float) -> float:
    """Calibrated P(fake) of a logit, for the calibration's own prior; the plain sigmoid if there is no calibration."""
    calibration = info.calibration.get("label")
    if calibration is None:
        return float(sigmoid(np.array(logit)))
    return float(PlattCalibration.from_json(calibration).apply(np.array([logit]))[0])


def trace_logit(raw_score: float) -> float:
    """Log-odds of a raw trace score: what trace calibration is fitted on."""
    p = min(max(raw_score, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def _trace(info: ModelInfo, candidate: Candidate) -> Trace:
    score = candidate.raw_score
    if "trace" in info.calibration:
        calibration = PlattCalibration.from_json(info.calibration["trace"])
        score = float(calibration.apply(np.array([trace_logit(score)]))[0])
    categories: dict[str, float] = {}
    if len(candidate.categories):
        categories = dict(zip(CATEGORIES, category_scores(info, candidate.categories), strict=True))
    boxes = tuple(
        (float(t), *(float(v) for v in box)) for t, box in zip(candidate.times_s, candidate.boxes, strict=True)
    )
    x0, y0, x1, y1 = (float(v) for v in candidate.box)
    return Trace(score, candidate.span_s, (x0, y0, x1, y1), boxes, categories)  # type: ignore[arg-type]


def category_scores(info: ModelInfo, scores: FloatArray) -> list[float]:
    """Calibrated category scores: one slope and intercept shared by the nine (too few tags for one each)."""
    if "category" not in info.calibration:
        return [float(v) for v in scores]
    calibration = PlattCalibration.from_json(info.calibration["category"])
    return [float(v) for v in calibration.apply(np.array([trace_logit(float(v)) for v in scores]))]


def _provenance(info: ModelInfo, steps: ClipSteps, decoder: str) -> dict[str, Any]:
    """Ids, versions, clock and the sampled presentation times."""
    from dtr import __version__

    masked = int((~steps.step_mask).sum())
    return {
        "dtr": __version__,
        "model_id": info.model_id,
        "backbone_id": info.backbone_id,
        "clock": {"rate_hz": info.clock.rate_hz, "window": info.clock.window, "hop": info.clock.hop},
        "decoder": decoder,
        "steps": len(steps.step_mask),
        "masked_steps": masked,
        "sampled_pts_s": [round(float(t), 6) for t in steps.frame_times_s[steps.step_mask]],
        "calibrated": sorted(info.calibration),
        "thresholds": {kind: info.thresholds[kind] for kind in ("trace", "category") if kind in info.thresholds},
    }
