"""When: the video's single span per trace row, and average precision of its candidate spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dtr.metrics.average_precision import VideoCandidates, average_precision, candidate_outcomes
from dtr.metrics.grounding import span_rows
from dtr.metrics.rows import RowMetric, mean_or_nan, scalars, to_numpy


class BoundaryMetrics(RowMetric):
    """Onset error, time distance and tIoU as means over trace rows (the paper's way), and AP at tIoU thresholds.

    Example:
        >>> metric = BoundaryMetrics()
        >>> metric.update((1.0, 3.0), [(0.0, 2.0)], 4.0, [(1.0, 3.0)], [0.9])
        >>> {name: round(float(v), 3) for name, v in metric.compute().items()}  # doctest: +NORMALIZE_WHITESPACE
        {'onset_error_s': 1.0, 'time_distance': 0.25, 'tiou': 0.333,
         'map_tiou_0.3': 1.0, 'map_tiou_0.5': 0.0, 'map_tiou_0.7': 0.0}
    """

    def __init__(self, thresholds: Sequence[float] = (0.3, 0.5, 0.7), **kwargs: Any) -> None:
        """Keep the thresholds.

        Args:
            thresholds: tIoU of a match, in (0, 1].
            **kwargs: as for `torchmetrics.Metric`.
        """
        super().__init__({"rows": 3, "candidates": 1 + len(thresholds), "truths": 1}, **kwargs)
        self.thresholds = tuple(thresholds)

    def update(
        self,
        span_s: ArrayLike | Tensor | None,
        true_spans_s: ArrayLike | Tensor,
        duration_s: float,
        candidates: ArrayLike | Tensor = (),
        scores: ArrayLike | Tensor = (),
        exhaustive: bool = False,
    ) -> None:
        """Add one video that somebody looked at.

        Args:
            span_s: (2,) seconds, the video's single answer; None = none, which gets the worst figures on every row.
            true_spans_s: (R, 2) of the rows that have a span; R = 0 for a real video.
            duration_s: of the video, > 0.
            candidates: (K, 2) seconds; scores: (K,) finite.
            exhaustive: True = what is not annotated is not there (real videos).

        Raises:
            DetectorError: candidates or scores are not finite or do not pair.
            AnnotationError: true spans are not finite or not (R, 2), or the duration is not above 0.
        """
        truth, s = to_numpy(true_spans_s), to_numpy(scores)
        video = VideoCandidates(s, spans_s=to_numpy(candidates), true_spans_s=truth)  # type: ignore[arg-type]
        overlap = video.overlap("tiou")
        outcomes = [candidate_outcomes(video.scores, overlap, t, exhaustive) for t in self.thresholds]
        rows = span_rows(to_numpy(span_s), truth, float(duration_s))  # type: ignore[arg-type]
        self._keep("rows", np.stack(rows, axis=1))
        self._keep("candidates", np.stack([np.asarray(video.scores), *outcomes], axis=1))
        self._keep("truths", [overlap.shape[1]])

    def compute(self) -> dict[str, Tensor]:
        """onset_error_s (seconds), time_distance, tiou, map_tiou_<threshold> (all [0, 1]); NaN without true spans."""
        rows, candidates = self._rows("rows"), self._rows("candidates")
        num_truths = int(self._rows("truths").sum())
        names = ("onset_error_s", "time_distance", "tiou")
        figures = {name: mean_or_nan(rows[:, place]) for place, name in enumerate(names)}
        for place, threshold in enumerate(self.thresholds, start=1):
            ap = average_precision(candidates[:, 0], candidates[:, place], num_truths)
            figures[f"map_tiou_{threshold:g}"] = ap
        return scalars(figures, self.device)
