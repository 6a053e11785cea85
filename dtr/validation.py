"""What validation measures for each kind of head: the runtime's own decoding, then metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import Metric

from dtr.calibration import sigmoid
from dtr.decode.assemble import ClipDecoding, ClipGeometry, decode_clip
from dtr.decode.category import pool_categories
from dtr.decode.stitch import stitch
from dtr.head import Batch
from dtr.metrics.boundary import BoundaryMetrics
from dtr.metrics.box import BoxMetrics
from dtr.metrics.category import CategoryMetrics
from dtr.metrics.label import LabelMetrics
from dtr.spec import ONNX_SEPARATOR, HeadSpec

FloatArray = NDArray[np.floating]

MONITORS = {
    "label": ("video_auroc", "max"),
    "category": ("map", "max"),
    "box": ("box_iou", "max"),
    "boundary": ("time_distance", "min"),
}
"""The metric that chooses a checkpoint, and which way is better, by head kind."""


class ClipTruth:
    """Annotations of one clip of a batch, read back from its targets.

    Attributes:
        label: 1, 0 or NaN. exhaustive, annotated: bool. duration_s: seconds.
        spans_s: (R, 2) of the traces with a span. boxes: (R', 4) of those with a box: the smallest around its boxes at
            the steps of its span.
        tubes: (span or None, (N, 4) boxes or None, (C,) categories) of each tagged trace.
        paired: every trace has a box and a span, so that `boxes` and `spans_s` are of the same traces, in order.
    """

    def __init__(self, batch: Batch, clip: int, geometry: ClipGeometry) -> None:
        rows = torch.nonzero(batch.clip_index == clip).flatten()
        t = batch.targets
        first = rows[0]
        self.label = float(t.label[first])
        self.exhaustive = bool(t.exhaustive[first])
        self.annotated = bool(t.annotated[first])
        self.duration_s = float(t.duration_s[first])
        self.spans_s: list[FloatArray] = []
        self.boxes: list[FloatArray] = []
        self.tubes: list[tuple[tuple[float, float] | None, FloatArray | None, FloatArray]] = []
        self.paired = bool((t.box_mask[first] & t.span_mask[first])[t.trace_mask[first]].all())
        for n in torch.nonzero(t.trace_mask[first]).flatten():
            span = t.span_s[first, n].double().cpu().numpy() if t.span_mask[first, n] else None
            if span is not None:
                self.spans_s.append(span)
            boxes = None
            if t.box_mask[first, n]:
                boxes = _scatter(t.boxes[rows, n], batch.window_steps[rows], len(geometry.step_s))
                self.boxes.append(_around_span(boxes, geometry.step_s, span))
            if t.category_mask[first, n]:
                tube_span = None if span is None else (float(span[0]), float(span[1]))
                self.tubes.append((tube_span, boxes, t.categories[first, n].cpu().numpy()))


def clip_geometry_of(batch: Batch, clip: int) -> ClipGeometry:
    """Geometry of one clip of a batch of whole clips (every window of the clip must be there)."""
    rows = torch.nonzero(batch.clip_index == clip).flatten()
    window_steps = batch.window_steps[rows].cpu().numpy()
    num_steps = int(window_steps.max()) + 1
    f = batch.features
    mask = _scatter(f.token_mask[rows].float(), batch.window_steps[rows], num_steps) > 0.5
    step_s = _scatter(f.step_s[rows], batch.window_steps[rows], num_steps)
    cells = _scatter(f.cells[rows], batch.window_steps[rows], num_steps)
    return ClipGeometry(window_steps, step_s, mask, cells, float(batch.targets.duration_s[rows[0]]))


def clip_outputs(output: Any, name: str, batch: Batch, clip: int) -> dict[str, FloatArray]:
    """One clip's raw outputs as the runtime would give them: `<head>.<field>` → (W, …) numpy."""
    rows = torch.nonzero(batch.clip_index == clip).flatten()
    fields = zip(output._fields, output, strict=True)
    return {f"{name}{ONNX_SEPARATOR}{field}": value[rows].detach().float().cpu().numpy() for field, value in fields}


class HeadEvaluator(nn.Module):
    """Decodes every clip of a batch with the runtime's own code and keeps the metrics of the head's kind.

    Box and boundary are measured under the oracle label: every annotated generated video is answered, by its single
    best candidate, against each of its trace rows.

    Args:
        name: of the head. spec: of the head.
    """

    def __init__(self, name: str, spec: HeadSpec) -> None:
        super().__init__()
        self.name, self.spec = name, spec
        makers: dict[str, Any] = {
            "label": LabelMetrics,
            "category": CategoryMetrics,
            "box": BoxMetrics,
            "boundary": BoundaryMetrics,
        }
        self.metric: Metric = makers[spec.kind]()

    def update(self, output: Any, batch: Batch) -> None:
        """Add all clips of a batch (each with all its windows)."""
        for clip in range(len(batch.video_ids)):
            geometry = clip_geometry_of(batch, clip)
            self._add(clip_outputs(output, self.name, batch, clip), geometry, ClipTruth(batch, clip, geometry))

    def compute(self) -> dict[str, Tensor]:
        """Metric name → value."""
        return self.metric.compute()

    def reset(self) -> None:
        """Forget all clips."""
        self.metric.reset()

    def _add(self, outputs: dict[str, FloatArray], geometry: ClipGeometry, truth: ClipTruth) -> None:
        if self.spec.kind == "category":
            self._add_categories(outputs, geometry, truth)
            return
        decoding = decode_clip(outputs, {self.name: self.spec}, geometry)
        if self.spec.kind == "label":
            if not np.isnan(truth.label):
                self.metric.update(sigmoid([decoding.label_logit or 0.0]), [truth.label])
        elif truth.annotated and self.spec.kind == "box":
            self._add_boxes(decoding, truth)
        elif truth.annotated:
            self._add_spans(decoding, truth)

    def _add_boxes(self, decoding: ClipDecoding, truth: ClipTruth) -> None:
        candidates = np.array([c.box for c in decoding.candidates]).reshape(-1, 4)
        scores = [c.raw_score for c in decoding.candidates]
        best = candidates[0] if len(candidates) else None
        true = np.array(truth.boxes).reshape(-1, 4)
        self.metric.update(best, true, candidates, scores, truth.exhaustive)

    def _add_spans(self, decoding: ClipDecoding, truth: ClipTruth) -> None:
        candidates = np.array([c.span_s for c in decoding.candidates]).reshape(-1, 2)
        scores = [c.raw_score for c in decoding.candidates]
        best = candidates[0] if len(candidates) else None
        true = np.array(truth.spans_s).reshape(-1, 2)
        self.metric.update(best, true, truth.duration_s, candidates, scores, truth.exhaustive)

    def _add_categories(self, outputs: dict[str, FloatArray], geometry: ClipGeometry, truth: ClipTruth) -> None:
        """Each tagged trace, pooled inside its annotated tube."""
        logits = stitch(
            outputs[f"{self.name}{ONNX_SEPARATOR}token_logits"], geometry.window_steps, len(geometry.step_s)
        )
        for span, boxes, categories in truth.tubes:
            scores = pool_categories(logits, geometry.token_mask, geometry.cells, geometry.step_s, span, boxes)
            self.metric.update([scores], [categories])


def predicted_rows(name: str, spec: HeadSpec, output: Any, batch: Batch) -> list[dict[str, Any]]:
    """One head's decoded answer for every clip of a batch, uncalibrated; JSON types, candidates strongest first."""
    rows = []
    for clip, video_id in enumerate(batch.video_ids):
        geometry = clip_geometry_of(batch, clip)
        outputs = clip_outputs(output, name, batch, clip)
        row: dict[str, Any] = {"video_id": video_id, "head": name}
        if spec.kind == "category":
            logits = stitch(outputs[f"{name}{ONNX_SEPARATOR}token_logits"], geometry.window_steps, len(geometry.step_s))
            scores = pool_categories(logits, geometry.token_mask, geometry.cells, geometry.step_s, None, None)
            row["categories"] = [round(float(v), 6) for v in scores]
        else:
            decoding = decode_clip(outputs, {name: spec}, geometry)
            row["label_logit"] = decoding.label_logit
            row["candidates"] = [
                {"score": c.raw_score, "span_s": list(c.span_s), "box": [round(float(v), 6) for v in c.box]}
                for c in decoding.candidates
            ]
        rows.append(row)
    return rows


def _scatter(values: Tensor, window_steps: Tensor, num_steps: int) -> FloatArray:
    """(W, T, …) values that agree wherever windows overlap → (N, …)."""
    return stitch(values.cpu().numpy(), window_steps.cpu().numpy(), num_steps)


def _around_span(boxes: FloatArray, step_s: FloatArray, span: FloatArray | None) -> FloatArray:
    """(N, 4) → (4,): the smallest box around a trace's boxes at the steps of its span."""
    if span is not None:
        inside = (step_s[:, 1] > span[0]) & (step_s[:, 0] < span[1])
        boxes = boxes[inside] if inside.any() else boxes
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
