"""What kind of trace: multi-label, a row per annotated trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torchmetrics.functional.classification import binary_average_precision, binary_f1_score

from dtr.annotation import CATEGORIES
from dtr.checks import checked_array
from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.rows import RowMetric, mean_or_nan, scalars, to_numpy


class CategoryMetrics(RowMetric):
    """F1 at thresholds and average precision of category scores.

    Macro figures are means over the categories that at least one row has: of the others nothing can be found. Wrong
    answers in those still lower the micro F1.

    Example:
        >>> metric = CategoryMetrics(num_categories=2)
        >>> metric.update([[0.9, 0.8], [0.2, 0.6]], [[1, 0], [0, 1]])
        >>> {name: round(float(v), 3) for name, v in metric.compute().items()}
        {'macro_f1': 0.833, 'micro_f1': 0.8, 'map': 0.75}
    """

    def __init__(
        self, num_categories: int = len(CATEGORIES), thresholds: float | ArrayLike = 0.5, **kwargs: Any
    ) -> None:
        """Keep the thresholds.

        Args:
            num_categories: C.
            thresholds: one for all, or (C,); a category is called if score ≥ its threshold.
            **kwargs: as for `torchmetrics.Metric`.

        Raises:
            ConfigError: the number of thresholds is neither 1 nor C.
        """
        super().__init__({"scores": num_categories, "target": num_categories}, **kwargs)
        given = np.asarray(thresholds, dtype=np.float64)
        if given.shape not in ((), (num_categories,)) or not np.isfinite(given).all():
            raise ConfigError(
                f"category thresholds must be one finite number or {num_categories}, got shape {given.shape}; "
                f"give one per category in the order of dtr.annotation.CATEGORIES"
            )
        self.num_categories = num_categories
        self.thresholds = np.broadcast_to(given, (num_categories,))

    def update(
        self,
        scores: ArrayLike | Tensor,
        target: ArrayLike | Tensor,
        mask: ArrayLike | Tensor | None = None,
    ) -> None:
        """Add trace rows.

        Args:
            scores: (N, C) in [0, 1], not logits.
            target: (N, C) 0 or 1; all 0 = "none of the above".
            mask: (N,) bool, False = the row has no tags and is left out; None = all rows have.

        Raises:
            DetectorError: scores of tagged rows are not finite or outside [0, 1].
            AnnotationError: targets of tagged rows are not 0 and 1, or shapes differ.
        """
        s, y = np.atleast_2d(to_numpy(scores)), np.atleast_2d(to_numpy(target))  # type: ignore[arg-type]
        if mask is not None:
            keep = np.asarray(to_numpy(mask)).astype(bool)
            if not keep.shape == (len(s),) == (len(y),):
                raise AnnotationError(f"a tag mask must be ({len(s)},) for {len(s)} rows, got {keep.shape}; pair them")
            s, y = s[keep], y[keep]
        s = checked_array(s, "category scores", (None, self.num_categories))
        y = checked_array(y, "category targets", (None, self.num_categories), AnnotationError)
        if ((s < 0) | (s > 1)).any():
            raise DetectorError(f"category scores must lie in [0, 1], got {s.min():g} to {s.max():g}; not logits")
        if len(s) != len(y) or not np.isin(y, (0, 1)).all():
            raise AnnotationError(f"category targets must be 0 or 1 for each of {len(s)} rows; mask rows without tags")
        self._keep("scores", s)
        self._keep("target", y)

    def compute(self) -> dict[str, Tensor]:
        """macro_f1, micro_f1 and map in [0, 1]; NaN where no row has any category."""
        scores, target = self._rows("scores"), self._rows("target").astype(np.int64)
        present = target.any(axis=0)
        figures = dict.fromkeys(("macro_f1", "micro_f1", "map"), float("nan"))
        if present.any():
            # torchmetrics takes one threshold for all, with ">", and no single category: decide here, column by column.
            called = torch.from_numpy((scores >= self.thresholds).astype(np.int64))
            truth, ranked = torch.from_numpy(target), torch.from_numpy(scores)
            columns = np.flatnonzero(present).tolist()
            figures["macro_f1"] = mean_or_nan([float(binary_f1_score(called[:, c], truth[:, c])) for c in columns])
            figures["micro_f1"] = float(binary_f1_score(called.flatten(), truth.flatten()))
            figures["map"] = mean_or_nan([float(binary_average_precision(ranked[:, c], truth[:, c])) for c in columns])
        return scalars(figures, self.device)
