"""What every baseline needs of a clip, read once from the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.baselines.trajectory import (
    fresh_steps,
    mean_changes,
    mean_tokens,
    pooled_path,
    restrav_features,
    second_order_spread,
    token_path,
)
from dtr.cache import FeatureCache
from dtr.features import ClipFeatures

FloatArray = NDArray[np.float64]
Read = dict[tuple[str, str], "ClipNumbers"]
"""By (video_id, variant); a variant that is not cached is absent."""


@dataclass(frozen=True)
class ClipNumbers:
    """Numbers of one clip; NaN = unknown.

    Attributes:
        num_steps: steps that show a new frame.
        spread: of second-order differences over true time. step_spread: the same, every step counting as one unit.
        trajectory: (21,). means, changes: (D,).
    """

    num_steps: int
    spread: float
    step_spread: float
    trajectory: FloatArray
    means: FloatArray
    changes: FloatArray


def clip_numbers(clip: ClipFeatures) -> ClipNumbers:
    """Everything that the baselines look at.

    D3 sees the mean of each step's tokens, the counterpart of the pooled output that it is published with; ReStraV all
    tokens side by side, as published.
    """
    steps = fresh_steps(clip)
    pooled = pooled_path(steps)
    return ClipNumbers(
        num_steps=len(steps.times_s),
        spread=second_order_spread(pooled, steps.times_s),
        step_spread=second_order_spread(pooled, np.arange(len(pooled), dtype=np.float64)),
        trajectory=restrav_features(token_path(steps), steps.times_s),
        means=mean_tokens(steps),
        changes=mean_changes(steps),
    )


def read_clips(
    cache: FeatureCache,
    wanted: Sequence[tuple[VideoAnnotation, str]],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Read:
    """Numbers of clips.

    Args:
        cache: features. wanted: videos and variants; those that are not cached are absent from the answer.
        on_progress: called with (clips done, clips in all).

    Raises:
        CacheError: no index, or a damaged file.
    """
    found: Read = {}
    for done, (video, variant) in enumerate(wanted, start=1):
        entry = cache.by_video.get(video.video_id, {}).get(variant)
        if entry is not None and (video.video_id, variant) not in found:
            found[video.video_id, variant] = clip_numbers(cache.read(entry.key))
        if on_progress is not None:
            on_progress(done, len(wanted))
    return found
