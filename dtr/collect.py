"""Run heads over whole clips of a loader and hand each to decoding; for calibration and for the final tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES
from dtr.calibration import PlattCalibration, fit_platt
from dtr.decode.assemble import ClipGeometry, decode_clip
from dtr.decode.category import pool_categories
from dtr.decode.stitch import stitch
from dtr.errors import AnnotationError
from dtr.head import Batch, Head
from dtr.pipeline import trace_logit
from dtr.spec import ONNX_SEPARATOR, HeadSpec
from dtr.validation import ClipTruth, clip_geometry_of, clip_outputs

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class ClipResult:
    """One clip: raw outputs of every head, and what is known of it.

    Attributes:
        video_id: of the clip. outputs: `<head>.<field>` → (W, …). geometry: for decoding. truth: annotations.
    """

    video_id: str
    outputs: dict[str, FloatArray]
    geometry: ClipGeometry
    truth: ClipTruth


@torch.no_grad()
def run_heads(heads: Mapping[str, Head], loader: Iterable[Batch], backbone_id: str) -> Iterator[ClipResult]:
    """Every clip of a loader of whole clips, through every head.

    Args:
        heads: by name, in evaluation mode.
        loader: of whole clips, from `FeatureDataModule.part`.
        backbone_id: of the features that the heads were trained on.

    Raises:
        DetectorError: the loader's features come from another backbone.
    """
    for batch in loader:
        batch.features.require_backbone(backbone_id, ", ".join(heads))
        outputs = {name: head.run(batch.features) for name, head in heads.items()}
        for clip, video_id in enumerate(batch.video_ids):
            geometry = clip_geometry_of(batch, clip)
            merged: dict[str, FloatArray] = {}
            for name, output in outputs.items():
                merged |= clip_outputs(output, name, batch, clip)
            yield ClipResult(video_id, merged, geometry, ClipTruth(batch, clip, geometry))


EVEN = 0.5
"""Share of fakes that label scores assume; that among calibration clips is an accident of how they were collected."""


def calibrate_head(name: str, spec: HeadSpec, results: list[ClipResult]) -> dict[str, PlattCalibration]:
    """Calibration of one head's own target on clips that were not trained on.

    Args:
        name: of the head. spec: of the head.
        results: of the calibration part.

    Returns:
        {"label": …} (for an even prior) or {"category": …}; empty for kinds that only calibrate together (traces), and
        where the clips do not hold both classes.
    """
    if spec.kind == "label":
        fitted = _fit(*label_rows(name, spec, results), "label")
        return {target: c.with_prior(EVEN) for target, c in fitted.items()}
    if spec.kind == "category":
        scores, target = category_rows(name, results)
        logits = [trace_logit(float(s)) for s in scores.ravel()]
        return _fit(logits, target.ravel().tolist(), "category")
    return {}


def label_rows(name: str, spec: HeadSpec, results: list[ClipResult]) -> tuple[list[float], list[float]]:
    """Logit and label (1 fake, 0 real) of every clip whose label is known: two (N,)."""
    known = [r for r in results if not np.isnan(r.truth.label)]
    logits = [decode_clip(r.outputs, {name: spec}, r.geometry).label_logit or 0.0 for r in known]
    return logits, [r.truth.label for r in known]


def category_rows(name: str, results: list[ClipResult]) -> tuple[FloatArray, FloatArray]:
    """Scores inside every tagged trace's annotated tube, and its tags: two (R, C)."""
    scores, target = [], []
    for r in results:
        logits = stitch(
            r.outputs[f"{name}{ONNX_SEPARATOR}token_logits"], r.geometry.window_steps, len(r.geometry.step_s)
        )
        for span, boxes, tags in r.truth.tubes:
            g = r.geometry
            scores.append(pool_categories(logits, g.token_mask, g.cells, g.step_s, span, boxes))
            target.append(tags)
    shape = (-1, len(CATEGORIES))
    return np.array(scores, dtype=np.float64).reshape(shape), np.array(target, dtype=np.float64).reshape(shape)


def _fit(logits: list[float], labels: list[float], target: str) -> dict[str, PlattCalibration]:
    try:
        return {target: fit_platt(logits, labels, target=target)}
    except AnnotationError:  # one class only: an uncalibrated score is honest, a one-sided fit is not
        return {}
