"""Samples of cached features with targets, and how they become one padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dtr.annotation import VideoAnnotation
from dtr.features import ClipFeatures, Features
from dtr.head import Batch, Targets
from dtr.planted import with_planted
from dtr.targets import WindowTargets, clip_duration_s, window_targets


@dataclass(frozen=True)
class Sample:
    """Some windows of one clip.

    Attributes:
        features: numpy, (W, T, P, …). targets: of the same windows. window_steps: (W, T). video_id: of the clip.
        is_twin: the same windows as those of the sample before it, without the traces put into that one.
    """

    features: Features
    targets: WindowTargets
    window_steps: NDArray[np.int64]
    video_id: str
    is_twin: bool = False


def make_sample(
    video: VideoAnnotation, clip: ClipFeatures, window_steps: NDArray[np.int64], *, is_twin: bool = False
) -> Sample:
    """Gather windows of a clip's features and their targets.

    Args:
        video: annotation; its duration is used where it fits the steps (see `clip_duration_s`).
        clip: features of every step; what was planted in them counts as annotated.
        window_steps: (W, T) step index, −1 = padding.
        is_twin: as for `Sample`.
    """
    features = clip.windows(window_steps)
    video = with_planted(video, clip.planted)
    targets = window_targets(video, features.step_s, clip_duration_s(video.duration_s, clip.step_s))
    return Sample(features, targets, window_steps, video.video_id, is_twin)


def collate(samples: Sequence[Sample]) -> Batch:
    """One batch of all windows of all samples; tokens, steps and traces are padded to the largest.

    Raises:
        ValueError: no samples, or samples of different backbones.
    """
    if not samples:
        raise ValueError("collate: expected at least one sample, got none")
    ids = {s.features.backbone_id for s in samples}
    if len(ids) > 1:
        raise ValueError(f"collate: expected features of one backbone, got {sorted(ids)}")
    steps = max(s.features.tokens.shape[1] for s in samples)
    tokens = max(s.features.tokens.shape[2] for s in samples)
    arrays = [_padded_features(s.features, steps, tokens) for s in samples]
    joined = [torch.cat(parts) for parts in zip(*arrays, strict=True)]
    features = Features(joined[0], joined[1], joined[2], joined[3], ids.pop())
    clip_index = np.repeat(np.arange(len(samples)), [len(s.window_steps) for s in samples])
    window_steps = torch.cat([torch.from_numpy(_pad(s.window_steps, {1: steps}, -1)) for s in samples])
    return Batch(
        features,
        _collate_targets(samples, steps),
        torch.from_numpy(clip_index),
        window_steps,
        tuple(s.video_id for s in samples),
    )


def _padded_features(features: Features, steps: int, tokens: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    size = {1: steps, 2: tokens}
    step_s = np.asarray(features.step_s)
    last = step_s[:, -1:, 1:].repeat(steps - step_s.shape[1], axis=1).repeat(2, axis=2)
    return (
        torch.from_numpy(_pad(features.tokens, size, 0)),
        torch.from_numpy(_pad(features.token_mask, size, False)),
        torch.from_numpy(_pad(features.cells, size, 0)),
        torch.from_numpy(np.concatenate([step_s, last], axis=1)),
    )


def _collate_targets(samples: Sequence[Sample], steps: int) -> Targets:
    most = max(1, max(len(s.targets.span_s) for s in samples))
    rows: list[list[Tensor]] = []
    for sample in samples:
        t, count = sample.targets, len(sample.window_steps)
        real = np.ones(len(t.span_s), dtype=bool)
        rows.append(  # in the order of Targets
            [
                _repeat(t.label, count),
                _repeat(t.exhaustive, count),
                _repeat(t.annotated, count),
                *(_per_window(a, most, count) for a in (real, t.span_s, t.span_mask)),
                torch.from_numpy(_pad(t.boxes, {1: most, 2: steps}, 0)),
                *(_per_window(a, most, count) for a in (t.box_mask, t.categories, t.category_mask)),
                _repeat(t.duration_s, count),
            ]
        )
    joined = [torch.cat(parts) for parts in zip(*rows, strict=True)]
    return Targets(*[*joined, _twin_rows(samples)])


def _twin_rows(samples: Sequence[Sample]) -> Tensor:
    """Row of each row's twin, −1 = none: (B,) int64."""
    counts = [len(s.window_steps) for s in samples]
    twin = torch.full((sum(counts),), -1, dtype=torch.int64)
    start = 0
    for sample, count in zip(samples, counts, strict=True):
        if sample.is_twin:
            twin[start - count : start] = torch.arange(start, start + count)
        start += count
    return twin


def _per_window(per_trace: NDArray[Any], most: int, count: int) -> Tensor:
    """(M, …) of a clip's traces → (count, most, …), padded with zeros."""
    return torch.from_numpy(np.stack([_pad(per_trace, {0: most}, 0)] * count))


def _repeat(value: float | bool, count: int) -> Tensor:
    return torch.full((count,), value, dtype=torch.bool if isinstance(value, bool) else torch.float32)


def _pad(array: Any, sizes: dict[int, int], value: float | bool) -> NDArray[Any]:
    """Extend axes at their end to the given sizes."""
    array = np.asarray(array)
    widths = [(0, sizes.get(axis, length) - length) for axis, length in enumerate(array.shape)]
    return np.pad(array, widths, constant_values=value)
