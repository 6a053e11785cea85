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
        prior_boxes: (K, 4) boxes of training traces. box_prior: their weight, [0, 1], beside the head's own boxes when
            the clip's likeliest box is chosen.
        prior_onsets, prior_offsets: (K,) of training traces, as shares of the video. span_prior: their weight, [0, 1],
            beside the steps' votes when the clip's likeliest span is chosen.
    """

    max_spans: int = 5
    span_tiou: float = 0.3
    max_tubes: int = 3
    box_iou: float = 0.3
    smooth_steps: int = 2
    duplicate_iou: float = 0.5
    duplicate_tiou: float = 0.5
    max_candidates: int = 10
    prior_boxes: tuple[tuple[float, ...], ...] = ()
    box_prior: float = 0.0
    prior_onsets: tuple[float, ...] = ()
    prior_offsets: tuple[float, ...] = ()
    span_prior: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.box_prior <= 1 and 0 <= self.span_prior <= 1):
            raise ConfigError(f"decoding: priors need a weight in [0, 1], got {self.box_prior} and {self.span_prior}")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DecodeOptions:
        """From the `decoding` entry of a detector.

        Raises:
            ConfigError: a key is unknown.
        """
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ConfigError(f"decoding: expected only {known}, got {sorted(unknown)}; update DTR")
        lists: dict[str, Any] = {name: tuple(data[name]) for name in ("prior_onsets", "prior_offsets") if name in data}
        if "prior_boxes" in data:
            lists["prior_boxes"] = tuple(tuple(box) for box in data["prior_boxes"])
        return cls(**(data | lists))
