"""Where: the video's single box per trace row, and average precision of its candidate boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dtr.metrics.average_precision import VideoCandidates, average_precision, candidate_outcomes
from dtr.metrics.grounding import box_rows
from dtr.metrics.rows import RowMetric, mean_or_nan, scalars, to_numpy


class BoxMetrics(RowMetric):
    """Mean IoU and centre distance over trace rows (the paper's way), and AP at IoU thresholds.

    Example:
        >>> metric = BoxMetrics()
        >>> metric.update((0, 0, 1, 1), [(0, 0, 0.5, 1)], [(0, 0, 1, 1)], [0.9])
        >>> {name: round(float(v), 3) for name, v in metric.compute().items()}
        {'box_iou': 0.5, 'box_distance': 0.177, 'map_iou_0.3': 1.0, 'map_iou_0.5': 1.0}
    """

    def __init__(self, thresholds: Sequence[float] = (0.3, 0.5), **kwargs: Any) -> None:
        """Keep the thresholds.

        Args:
            thresholds: IoU of a match, in (0, 1].
            **kwargs: as for `torchmetrics.Metric`.
        """
        # Matching is per video, so it is done on the spot: only scores and outcomes have to be gathered.
        super().__init__({"rows": 2, "candidates": 1 + len(thresholds), "truths": 1}, **kwargs)
        self.thresholds = tuple(thresholds)

    def update(
        self,
        box: ArrayLike | Tensor | None,
        true_boxes: ArrayLike | Tensor,
        candidates: ArrayLike | Tensor = (),
        scores: ArrayLike | Tensor = (),
        exhaustive: bool = False,
    ) -> None:
        """Add one video that somebody looked at.

        Args:
            box: (4,) xyxy, the video's single answer; None = none, which gets the worst figures on every row.
            true_boxes: (R, 4) of the rows that have a box; R = 0 for a real video.
            candidates: (K, 4); scores: (K,) finite.
            exhaustive: True = what is not annotated is not there (real videos).

        Raises:
            DetectorError: candidates or scores are not finite or do not pair.
            AnnotationError: true boxes are not finite or not (R, 4).
        """
        truth, s = to_numpy(true_boxes), to_numpy(scores)
        video = VideoCandidates(s, to_numpy(candidates), truth, exhaustive=exhaustive)  # type: ignore[arg-type]
        overlap = video.overlap("box")
        outcomes = [candidate_outcomes(video.scores, overlap, t, exhaustive) for t in self.thresholds]
        self._keep("rows", np.stack(box_rows(to_numpy(box), truth), axis=1))  # type: ignore[arg-type]
        self._keep("candidates", np.stack([np.asarray(video.scores), *outcomes], axis=1))
        self._keep("truths", [overlap.shape[1]])

    def compute(self) -> dict[str, Tensor]:
        """box_iou, box_distance and map_iou_<threshold> in [0, 1]; NaN without annotated boxes."""
        rows, candidates = self._rows("rows"), self._rows("candidates")
        num_truths = int(self._rows("truths").sum())
        figures = {"box_iou": mean_or_nan(rows[:, 0]), "box_distance": mean_or_nan(rows[:, 1])}
        for place, threshold in enumerate(self.thresholds, start=1):
            ap = average_precision(candidates[:, 0], candidates[:, place], num_truths)
            figures[f"map_iou_{threshold:g}"] = ap
        return scalars(figures, self.device)
