"""Parameters of decoding: recorded in a detector when they differ from these defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dtr.errors import ConfigError


@dataclass(frozen=True)
class DecodeOptions:
    """How raw outputs become candidates.

    Attributes:
        max_spans: spans proposed per clip.
        span_tiou: steps whose spans overlap a better step's by more than this vote for the same candidate.
        max_tubes: boxes linked inside each span.
        box_iou: tokens whose boxes overlap a better box by at least this vote for the same tube.
        smooth_steps: half width of the moving average over a tube's boxes.
        duplicate_iou, duplicate_tiou: a candidate that overlaps a stronger one by more than both is dropped.
        max_candidates: kept per clip.
    """

    max_spans: int = 5
    span_tiou: float = 0.3
    max_tubes: int = 3
    box_iou: float = 0.3
    smooth_steps: int = 2
    duplicate_iou: float = 0.5
    duplicate_tiou: float = 0.5
    max_candidates: int = 10

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DecodeOptions:
        """From the `decoding` entry of a detector.

        Raises:
            ConfigError: a key is unknown.
        """
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ConfigError(f"decoding: expected only {known}, got {sorted(unknown)}; update DTR or mend the detector")
        return cls(**data)
