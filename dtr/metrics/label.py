"""Real or fake, per video."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from dtr.checks import checked_scores, checked_target
from dtr.errors import ConfigError
from dtr.metrics.rows import RowMetric, mean_or_nan, scalars, to_numpy


class LabelMetrics(RowMetric):
    """AUROC, average precision and accuracies of video scores.

    A figure that needs a class which is missing is NaN; a video counts as called fake if score ≥ threshold.

    Example:
        >>> metric = LabelMetrics()
        >>> metric.update([0.9, 0.6, 0.2], [1, 0, 0])
        >>> {name: round(float(v), 3) for name, v in metric.compute().items()}  # doctest: +NORMALIZE_WHITESPACE
        {'video_auroc': 1.0, 'video_ap': 1.0, 'video_accuracy': 0.667, 'video_fake_accuracy': 1.0,
         'video_real_accuracy': 0.5}
    """

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        """Keep the threshold.

        Args:
            threshold: on the scores as they are given (0.5 suits calibrated ones).
            **kwargs: as for `torchmetrics.Metric`.

        Raises:
            ConfigError: the threshold is not a number.
        """
        super().__init__({"videos": 2}, **kwargs)
        if not abs(threshold) < float("inf"):
            raise ConfigError(f"the label threshold must be a finite number, got {threshold}; 0.5 suits most scores")
        self.threshold = threshold

    def update(self, scores: ArrayLike | Tensor, target: ArrayLike | Tensor) -> None:
        """Add videos.

        Args:
            scores: (N,) P(fake) in [0, 1], not logits.
            target: (N,) 1 fake, 0 real; videos of unknown label must be left out.

        Raises:
            DetectorError: scores are not finite or outside [0, 1].
            AnnotationError: targets do not pair with the scores, or are not 0 and 1.
        """
        s = checked_scores(_array(scores), "video scores")
        y = checked_target(_array(target), len(s), "video labels")
        self._keep("videos", torch.stack([torch.from_numpy(s), torch.from_numpy(y).double()], dim=1))

    def compute(self) -> dict[str, Tensor]:
        """video_auroc, video_ap, video_accuracy, video_fake_accuracy, video_real_accuracy, all in [0, 1] or NaN."""
        rows = self._rows("videos")
        fake = rows[:, 1] == 1
        correct = (rows[:, 0] >= self.threshold) == fake
        figures = {"video_auroc": float("nan"), "video_ap": float("nan")}
        if fake.any() and not fake.all():
            scores, target = torch.from_numpy(rows[:, 0].copy()), torch.from_numpy(fake).long()
            figures["video_auroc"] = float(binary_auroc(scores, target))
            figures["video_ap"] = float(binary_average_precision(scores, target))
        figures["video_accuracy"] = mean_or_nan(correct)
        figures["video_fake_accuracy"] = mean_or_nan(correct[fake])
        figures["video_real_accuracy"] = mean_or_nan(correct[~fake])
        return scalars(figures, self.device)


def _array(values: ArrayLike | Tensor) -> ArrayLike:
    array = to_numpy(values)
    return array if array is not None else []
