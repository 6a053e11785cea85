"""The real-vs-real floor: how well features tell one camera source from others, where there is nothing to detect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.cache import FeatureCache
from dtr.errors import CacheError
from dtr.leaks.folds import FOLDS, grouped_auroc
from dtr.leaks.probes import linear_scores
from dtr.metadata_floor import filled

FloatArray = NDArray[np.float64]

MIN_CLIPS = 8
"""Clips that a real source needs to be told from the others."""

PENALTY = 0.01
"""Inverse strength of the linear model's penalty: there are more features than clips."""

MEANING = (
    "A detector that tells fake from real no better than the same features tell one real source from another has "
    "learnt the source, not the traces."
)


@dataclass(frozen=True)
class SourceFloor:
    """How well features name real sources, beside how well they name the label by the same folds.

    Attributes:
        features: what they are, in words. width: how many.
        sources: source → AUROC of it against all other real clips.
        mean, worst: over the sources; the worst is the one told best.
        label_auroc, label_interval: the same model and folds (by clip, sources on both sides), fake against real.
        num_real, num_fake: clips that took part.
        meaning: what to make of it.
    """

    features: str
    width: int
    sources: dict[str, float]
    mean: float
    worst: float
    label_auroc: float
    label_interval: tuple[float, float]
    num_real: int
    num_fake: int
    meaning: str = MEANING

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def source_floor(
    videos: Sequence[VideoAnnotation], vectors: Mapping[str, FloatArray], features: str, *, seed: int = 0
) -> SourceFloor | str:
    """Cross-validate a linear model of each real source against the other real ones.

    Folds are dealt by clip: a source must be on both sides to be learnt. The label is told with the same folds, so that
    the two figures compare; its figure by whole sources is lower.

    Args:
        videos: labelled videos.
        vectors: video_id → (D,) features, NaN = unknown; videos without any take no part.
        features: what they are, in words.
        seed: of the folds and the bootstrap.

    Returns:
        The floor, or why there is none.
    """
    used = [v for v in videos if v.video_id in vectors]
    real = [v for v in used if v.label == "real"]
    counts = Counter(v.source for v in real if v.source)
    names = [name for name, n in counts.most_common() if n >= MIN_CLIPS]
    num_fake = len(used) - len(real)
    if not names or len(real) - counts[names[0]] < FOLDS or num_fake < FOLDS:
        return (
            f"needs a real source with {MIN_CLIPS} clips, {FOLDS} clips of other real sources and {FOLDS} generated "
            f"clips; got {len(real)} clips of {len(counts)} real sources, the largest with "
            f"{max(counts.values(), default=0)}, and {num_fake} generated clips"
        )
    values = np.stack([vectors[v.video_id] for v in used])
    is_real = np.array([v.label == "real" for v in used])
    areas = {}
    for name in names:
        target = np.array([v.source == name for v in real], dtype=np.int64)
        areas[name] = round(grouped_auroc(*_scored(values[is_real], target, seed), seed=seed)[0], 4)
    label_area, interval = grouped_auroc(*_scored(values, (~is_real).astype(np.int64), seed), seed=seed)
    return SourceFloor(
        features=features,
        width=values.shape[1],
        sources=dict(sorted(areas.items(), key=lambda item: -item[1])),
        mean=float(np.mean(list(areas.values()))),
        worst=max(areas.values()),
        label_auroc=label_area,
        label_interval=interval,
        num_real=len(real),
        num_fake=num_fake,
    )


def cached_vectors(folder: Path, videos: Sequence[VideoAnnotation]) -> tuple[dict[str, FloatArray], str]:
    """One vector per video: the mean of its cached tokens.

    Args:
        folder: of a feature cache; unchanged clips ("plain") are read.
        videos: those wanted; a video without features is absent from the answer.

    Returns:
        video_id → (D,), and what the features are.

    Raises:
        CacheError: no cache, a damaged one, or one that knows none of the videos.
    """
    cache = FeatureCache.open(folder)
    found: dict[str, FloatArray] = {}
    for video in videos:
        entry = cache.by_video.get(video.video_id, {}).get("plain")
        if entry is not None:
            clip = cache.read(entry.key)
            tokens = clip.tokens[clip.token_mask].astype(np.float64)  # (tokens, D)
            if len(tokens):
                found[video.video_id] = tokens.mean(axis=0)
    if not found:
        raise CacheError(f"{folder}: expected features of these videos, got none of {len(videos)}; run dtr features")
    return found, f"mean tokens of {cache.recipe.backbone_id}"


def _scored(values: FloatArray, target: NDArray[np.int64], seed: int) -> tuple[FloatArray, NDArray[np.int64], Any]:
    """Scores of other folds, target, and every clip as a group of its own: the arguments of `grouped_auroc`."""
    from sklearn.model_selection import StratifiedKFold

    scores = np.zeros(len(target))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(values, target):
        known, asked = filled((values[train], values[test]))
        centre, spread = known.mean(axis=0), known.std(axis=0)
        spread[spread == 0] = 1.0
        known, asked = (known - centre) / spread, (asked - centre) / spread
        scores[test] = linear_scores(known, target[train], asked, c=PENALTY)
    return scores, target, np.arange(len(target))
