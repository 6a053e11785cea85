"""Raw head outputs of cached clips as verdicts and predictions: what `dtr detect` would say, without its media."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dtr.annotation import VideoAnnotation
from dtr.model_info import ModelInfo
from dtr.pipeline import apply_calibration, decode_outputs
from dtr.predictions import Prediction, from_verdict
from dtr.verdict import Verdict

if TYPE_CHECKING:  # it needs torch, which evaluation does not
    from dtr.collect import ClipResult


def predictions_of(info: ModelInfo, results: Iterable[ClipResult]) -> dict[str, Prediction]:
    """A detector's answers by video id, with the runtime's own decoding, calibration and thresholds.

    Args:
        info: of the detector, calibrated.
        results: raw outputs of whole clips.

    Raises:
        DetectorError: the detector has no head that tells real from fake.
    """
    return {r.video_id: from_verdict(verdict_of(info, r)) for r in results}


def verdict_of(info: ModelInfo, result: ClipResult, video: VideoAnnotation | None = None) -> Verdict:
    """A detector's verdict on one clip.

    Args:
        info: of the detector, calibrated.
        result: raw outputs of the whole clip.
        video: what is known of the file; size 0 × 0 where it is not stated, the cached steps' length where its
            duration is not.

    Raises:
        DetectorError: the detector has no head that tells real from fake.
    """
    judgement = apply_calibration(info, decode_outputs(info, result.outputs, result.geometry))
    steps, mask = result.geometry.step_s, result.geometry.step_mask
    stated_s = None if video is None else video.duration_s
    return Verdict(
        video="" if video is None else str(video.path),
        video_id=result.video_id,
        duration_s=stated_s or result.geometry.duration_s,
        width=(video and video.width) or 0,
        height=(video and video.height) or 0,
        label="fake" if judgement.label == "fake" else "real",
        score=judgement.score,
        abstain=judgement.abstain,
        traces=judgement.traces,
        candidates=judgement.candidates,
        frame_times_s=tuple(float(t) for t in steps[mask, 0]),
        frame_scores=tuple(float(v) for v in judgement.frame_scores[mask]),
        provenance={
            "model_id": info.model_id,
            "backbone_id": info.backbone_id,
            "features": "cached",
            "thresholds": {kind: info.thresholds[kind] for kind in ("trace", "category") if kind in info.thresholds},
        },
    )
