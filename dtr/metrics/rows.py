"""The base of DTR's torchmetrics classes: states that gather rightly over any number of processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchmetrics import Metric


class RowMetric(Metric):
    """A metric that keeps rows of numbers and does its work in `compute`.

    Rows are stored flat: torchmetrics gathers a 1-D empty tensor from a process that saw no data, which a (N, k) state
    of another process cannot be joined with. They are float64, so that scores near 1 keep their order.
    """

    full_state_update = False

    def __init__(self, states: dict[str, int], **kwargs: Any) -> None:
        """Register states.

        Args:
            states: numbers in a row, by state name.
            **kwargs: as for `torchmetrics.Metric`.
        """
        super().__init__(**kwargs)
        self.set_dtype(torch.float64)
        self._widths = dict(states)
        for name in states:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def _keep(self, name: str, rows: ArrayLike | Tensor) -> None:
        """Append (N, width) rows to a state."""
        values = torch.as_tensor(rows, dtype=torch.float64, device=self.device).detach().reshape(-1)
        getattr(self, name).append(values)

    def _rows(self, name: str) -> NDArray[np.float64]:
        """All rows of a state, (N, width), wherever they were gathered."""
        state = getattr(self, name)
        parts = [state] if isinstance(state, Tensor) else list(state)
        flat = torch.cat([p.reshape(-1) for p in parts]) if parts else torch.zeros(0, dtype=torch.float64)
        return flat.cpu().numpy().reshape(-1, self._widths[name])


def to_numpy(values: ArrayLike | Tensor | None) -> NDArray[np.float64] | None:
    """Tensor or array as float64 numpy on the CPU; None stays None.

    Example:
        >>> to_numpy(torch.tensor([1, 2])).tolist()
        [1.0, 2.0]
    """
    if values is None:
        return None
    if isinstance(values, Tensor):
        return values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def scalars(values: dict[str, float], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Each figure as a float32 scalar tensor, as logging wants it.

    Example:
        >>> scalars({"a": 0.5})
        {'a': tensor(0.5000)}
    """
    return {name: torch.tensor(value, dtype=torch.float32, device=device) for name, value in values.items()}


def mean_or_nan(values: ArrayLike) -> float:
    """Mean, or NaN of no values, without a warning.

    Example:
        >>> mean_or_nan([]), mean_or_nan([0.0, 1.0])
        (nan, 0.5)
    """
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else float("nan")
