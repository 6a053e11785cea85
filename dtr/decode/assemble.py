"""From the stitched outputs of any subset of heads to scored trace candidates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.boxes import box_iou
from dtr.calibration import sigmoid
from dtr.decode.boundary import SpanCandidate, decode_spans
from dtr.decode.box import Tube, decode_tubes
from dtr.decode.category import pool_categories
from dtr.decode.label import clip_logit
from dtr.decode.options import DecodeOptions
from dtr.decode.stitch import stitch
from dtr.errors import DetectorError
from dtr.spans import span_iou
from dtr.spec import ONNX_SEPARATOR, HeadSpec

FloatArray = NDArray[np.floating]

READS: dict[str, tuple[str, ...]] = {
    "label": ("video_logit", "step_logits"),
    "category": ("token_logits",),
    "box": ("heat_logits", "boxes"),
    "boundary": ("action_logits", "start_logits", "end_logits"),
}
"""Outputs that decoding reads, by head kind; whatever else a head puts out is for losses and for users."""


@dataclass(frozen=True)
class ClipGeometry:
    """What decoding knows of a clip besides head outputs.

    Attributes:
        window_steps: (W, T) step index, −1 = padding.
        step_s: (N, 2) seconds. token_mask: (N, P) bool. cells: (N, P, 4). duration_s: seconds.
    """

    window_steps: NDArray[np.int64]
    step_s: FloatArray
    token_mask: NDArray[np.bool_]
    cells: FloatArray
    duration_s: float

    @property
    def step_mask(self) -> NDArray[np.bool_]:
        """(N,) bool: steps with any token."""
        return np.asarray(self.token_mask.any(axis=1), dtype=bool)


@dataclass(frozen=True)
class Candidate:
    """A trace before calibration.

    Attributes:
        raw_score: geometric mean of its parts × P(fake), in [0, 1]; at most that of the clip's likeliest candidate.
        parts: the parts by head kind.
        span_s: seconds. box: (4,). times_s: (M,). boxes: (M, 4). categories: (C,) or empty.
    """

    raw_score: float
    parts: dict[str, float]
    span_s: tuple[float, float]
    box: FloatArray
    times_s: FloatArray
    boxes: FloatArray
    categories: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class ClipDecoding:
    """All that decoding says of one clip.

    Attributes:
        label_logit: of the clip, or None without a label head.
        step_logits: (N,), empty without a label head.
        candidates: strongest first, the likeliest of equals.
    """

    label_logit: float | None
    step_logits: FloatArray
    candidates: list[Candidate]


def decode_clip(
    outputs: dict[str, FloatArray],
    specs: dict[str, HeadSpec],
    geometry: ClipGeometry,
    *,
    fake_score: float | None = None,
    options: DecodeOptions | None = None,
) -> ClipDecoding:
    """Stitch, decode and assemble. Validation, prediction and the runtime all come through here.

    Boundary proposes spans (the whole clip without that head), boxes are linked inside each (the whole frame without
    that head), categories are pooled inside each tube. A candidate's score is the geometric mean of its parts × P(fake)
    and the parts of a span or tube that is not the clip's likeliest are reduced by how much less likely it is. The best
    supported tube of the likeliest span is the clip's answer, the one that priors move: no other candidate is scored
    above it.

    Args:
        outputs: `<head>.<field>` → (W, …) raw outputs per window.
        specs: by head name; `kind` decides what a head's outputs mean.
        geometry: of the clip.
        fake_score: calibrated P(fake); None = sigmoid of the clip's logit, or 1 without a label head.
        options: decoding parameters.

    Returns:
        Candidates and label, uncalibrated.

    Raises:
        DetectorError: a head lacks an output that its kind needs, one of them is not finite, or two heads share a kind.
    """
    options = options or DecodeOptions()
    kinds = [spec.kind for spec in specs.values()]
    if len(set(kinds)) < len(kinds):
        raise DetectorError(
            f"decoding takes one head of each kind, got {sorted(kinds)} of {', '.join(specs)}; keep one"
        )
    by_kind: dict[str, dict[str, Any]] = {
        spec.kind: _stitched(outputs, name, spec, geometry) for name, spec in specs.items()
    }
    label = by_kind.get("label")
    logit = None
    if label is not None:
        logit = clip_logit(label["video_logit"], geometry.window_steps, geometry.step_mask)
    if fake_score is None:
        fake_score = 1.0 if logit is None else float(sigmoid(np.array(logit)))
    candidates: list[Candidate] = []
    if {"box", "boundary"} & set(by_kind):
        spans = _spans(by_kind.get("boundary"), geometry, options)
        for span in spans:
            tubes = _tubes(by_kind.get("box"), span, geometry, options)
            for tube in tubes:
                parts = {
                    "boundary": span.score * span.share / spans[0].share,
                    "box": tube.score * min(1.0, tube.share / tubes[0].share),
                }
                found = _candidate(span, tube, parts, by_kind, geometry, fake_score)
                most = candidates[0].raw_score if candidates else 1.0
                candidates.append(replace(found, raw_score=min(found.raw_score, most)))
    steps = label["step_logits"] if label is not None else np.zeros(0)
    return ClipDecoding(logit, steps, _without_duplicates(candidates, options))


def _stitched(outputs: dict[str, FloatArray], name: str, spec: HeadSpec, geometry: ClipGeometry) -> dict[str, Any]:
    """A head's outputs per step of the clip (per window where they have no step axis), and its parameters."""
    num_steps = len(geometry.step_s)
    fields: dict[str, Any] = {"params": spec.params}
    axes = {output.name: output.axes for output in spec.outputs}
    for field_name in READS.get(spec.kind, ()):
        value = outputs.get(f"{name}{ONNX_SEPARATOR}{field_name}")
        if value is None or field_name not in axes:
            raise DetectorError(
                f"head '{name}': kind '{spec.kind}' needs an output '{field_name}', got only {', '.join(axes)}; "
                "add it to the head's outputs and spec"
            )
        if not np.isfinite(value).all():
            raise DetectorError(
                f"head '{name}': output '{field_name}' must be finite, got NaN or infinity; "
                "check the head's weights and the features it was given"
            )
        fields[field_name] = stitch(value, geometry.window_steps, num_steps) if "T" in axes[field_name] else value
    return fields


def _spans(boundary: dict[str, Any] | None, geometry: ClipGeometry, options: DecodeOptions) -> list[SpanCandidate]:
    if boundary is None:
        return [SpanCandidate((0.0, geometry.duration_s), 1.0, 1.0)]
    return decode_spans(
        boundary["action_logits"],
        boundary["start_logits"],
        boundary["end_logits"],
        np.asarray(boundary["params"]["bins_s"]),
        geometry.step_s,
        geometry.step_mask,
        geometry.duration_s,
        options,
    )


def _tubes(
    box: dict[str, Any] | None, span: SpanCandidate, geometry: ClipGeometry, options: DecodeOptions
) -> list[Tube]:
    if box is not None:
        return decode_tubes(
            box["heat_logits"], box["boxes"], geometry.token_mask, geometry.step_s, span.span_s, options
        )
    inside = (geometry.step_s[:, 1] > span.span_s[0]) & (geometry.step_s[:, 0] < span.span_s[1])
    steps = np.flatnonzero(inside)
    frame = np.array([0.0, 0.0, 1.0, 1.0])
    return [Tube(1.0, 1.0, frame, steps, np.tile(frame, (len(steps), 1)))]


def _candidate(
    span: SpanCandidate,
    tube: Tube,
    parts: dict[str, float],
    by_kind: dict[str, Any],
    geometry: ClipGeometry,
    fake_score: float,
) -> Candidate:
    """Pool categories in the tube and score the trace by the parts of the heads there are."""
    parts = {kind: value for kind, value in parts.items() if kind in by_kind}
    categories: FloatArray = np.zeros(0)
    if "category" in by_kind:
        places = np.tile(tube.box, (len(geometry.step_s), 1))
        places[tube.steps] = tube.boxes  # where it moves, its categories are read along its way, as in training
        categories = pool_categories(
            by_kind["category"]["token_logits"],
            geometry.token_mask,
            geometry.cells,
            geometry.step_s,
            span.span_s,
            places,
        )
        parts["category"] = float(categories.max())
    geometric = float(np.exp(np.mean(np.log(np.maximum(list(parts.values()), 1e-9)))))
    times = geometry.step_s[tube.steps].mean(axis=1)
    times = np.clip(times, span.span_s[0], span.span_s[1])
    return Candidate(geometric * fake_score, parts, span.span_s, tube.box, times, tube.boxes, categories)


def _without_duplicates(candidates: list[Candidate], options: DecodeOptions) -> list[Candidate]:
    """Strongest first, without candidates that overlap a stronger one in space and in time."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.raw_score):
        same = any(
            box_iou(candidate.box[None], other.box[None])[0, 0] > options.duplicate_iou
            and span_iou([candidate.span_s], [other.span_s])[0, 0] > options.duplicate_tiou
            for other in kept
        )
        if not same:
            kept.append(candidate)
    return kept[: options.max_candidates]
