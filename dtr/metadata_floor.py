"""The metadata-only floor: how well a classifier names the label from facts of the file, without seeing a picture.

In released data size, frame rate, codec or the presence of sound can all but name the label. A model's AUROC is only
evidence of traces where it beats this one, on files whose metadata the model could have used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError
from dtr.extras import require_sklearn
from dtr.metrics.ranking import auroc

FloatArray = NDArray[np.float64]
Facts = Mapping[str, Mapping[str, Any]]
Parts = tuple[Sequence[VideoAnnotation], Sequence[VideoAnnotation]]

FACTS = ("codec", "has_audio", "bytes")
"""What the facts of a video may say besides its annotation; None or absent = unknown."""

NUMBERS = ("width", "height", "aspect", "fps", "duration_s", "log_bytes_per_s", "has_audio")
"""Metadata of a video as numbers; its codec is one column for each codec there is."""


class MetadataFloor(NamedTuple):
    """A fitted metadata-only classifier's answers.

    Attributes:
        auroc: on the scored videos, in [0, 1]; NaN if one class is missing there.
        scores: (N,) P(fake) of the scored videos, in order; target: (N,) 1 fake, 0 real.
        features: names of what the classifier saw.
        num_unknown: videos, of both sets, that did not say a feature.
    """

    auroc: float
    scores: FloatArray
    target: NDArray[np.int64]
    features: tuple[str, ...]
    num_unknown: dict[str, int]


def metadata_floor(
    train: Sequence[VideoAnnotation],
    test: Sequence[VideoAnnotation],
    facts: Facts | None = None,
    *,
    fps_cap: float = 6.0,
    duration_cap_s: float = 4.0,
) -> MetadataFloor:
    """Fit trees on metadata of `train`, score `test`.

    What a video does not say is taken to be the training median: who lacks a fact tells of the collection, not of the
    files.

    Args:
        train, test: labelled videos (their own width, height, fps and duration are used).
        facts: codec name, has_audio and bytes of each file, by video_id. None = only what survives canonicalising:
            shape of the frame, frame rate up to the clock's, duration up to the canonical one.
        fps_cap, duration_cap_s: of the canonical form; used if `facts` is None.

    Raises:
        AnnotationError: a video has no label or no facts, or `train` has only one class.
        MissingExtraError: scikit-learn is not installed.
    """
    target, truth = _labels(train), _labels(test)
    if len(set(target.tolist())) < 2:
        raise AnnotationError(
            f"the metadata floor needs real and fake training videos, got {target.sum()} fake of {len(target)}; "
            f"give the whole training split"
        )
    if facts is None:
        names, tables = _canonical_tables((train, test), fps_cap, duration_cap_s)
    else:
        names, tables = _full_tables((train, test), facts)
    num_unknown = {
        name: int(n) for name, n in zip(names, np.isnan(np.concatenate(tables)).sum(axis=0), strict=True) if n
    }
    known, asked = filled(tables)
    scores = tree_scores(known, target, asked)
    return MetadataFloor(auroc(scores, truth), scores, truth, names, num_unknown)


def tree_scores(
    known: FloatArray,
    target: NDArray[np.int64],
    asked: FloatArray,
    *,
    balanced: bool = False,
    trees: int = 300,
    seed: int = 0,
) -> FloatArray:
    """P(fake) by two kinds of trees, averaged.

    Neither kind is the better one everywhere, and a floor should be hard to beat.

    Args:
        known: (N, F) finite features of the training videos; target: (N,) 1 fake, 0 real, both there.
        asked: (M, F) features of the videos to score.
        balanced: weigh both classes alike, so that the scores do not depend on how many of each were seen.
        trees: of the random ones. seed: of both kinds.

    Returns:
        (M,) in [0, 1].

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    require_sklearn("metadata classifiers")
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

    if not len(asked):
        return np.zeros(0)
    weights = "balanced" if balanced else None
    models = (
        HistGradientBoostingClassifier(random_state=seed, class_weight=weights),
        ExtraTreesClassifier(trees, min_samples_leaf=3, random_state=seed, class_weight=weights),
    )
    return np.mean([model.fit(known, target).predict_proba(asked)[:, 1] for model in models], axis=0)


def metadata_table(
    videos: Sequence[VideoAnnotation], facts: Facts, codecs: Sequence[str] | None = None
) -> tuple[tuple[str, ...], FloatArray]:
    """All metadata of the videos as numbers.

    Args:
        videos: their own width, height, fps and duration are used.
        facts: codec, has_audio and bytes by video_id; a video may be absent.
        codecs: those that get a column; None = all that the facts name.

    Returns:
        Names of the features, and (N, F) values; NaN = unknown.

    Example:
        >>> from pathlib import Path
        >>> video = VideoAnnotation("a", Path("a.mp4"), "real", width=640, height=320)
        >>> names, values = metadata_table([video], {"a": {"codec": "h264"}})
        >>> dict(zip(names, values[0].tolist()))["aspect"], names[-1]
        (2.0, 'codec=h264')
    """
    if codecs is None:
        codecs = sorted({str(c) for v in videos if (c := facts.get(v.video_id, {}).get("codec")) is not None})
    names = (*NUMBERS, *(f"codec={c}" for c in codecs))
    rows = [_full_row(v, facts.get(v.video_id, {}), codecs) for v in videos]
    return names, np.array(rows, dtype=np.float64).reshape(-1, len(names))


def filled(tables: Sequence[FloatArray]) -> list[FloatArray]:
    """The tables with what is unknown set to the median of the first one (0 where it knows nothing).

    Example:
        >>> known, asked = filled([np.array([[1.0], [3.0], [np.nan]]), np.array([[np.nan]])])
        >>> known.ravel().tolist(), asked.ravel().tolist()
        ([1.0, 3.0, 2.0], [2.0])
    """
    usual = np.array([np.median(c[~np.isnan(c)]) if not np.isnan(c).all() else 0.0 for c in tables[0].T])
    return [np.where(np.isnan(t), usual, t) for t in tables]


def _labels(videos: Sequence[VideoAnnotation]) -> NDArray[np.int64]:
    unknown = [v.video_id for v in videos if v.label is None]
    if unknown:
        raise AnnotationError(
            f"the metadata floor needs a label for every video, got none for {len(unknown)} "
            f"({', '.join(unknown[:3])}); leave them out"
        )
    return np.array([v.label == "fake" for v in videos], dtype=np.int64)


def _canonical_tables(parts: Parts, fps_cap: float, duration_cap_s: float) -> tuple[tuple[str, ...], list[FloatArray]]:
    """Names of the features that survive canonicalising, and a (videos, features) table per part; NaN = unknown."""
    names = ("aspect", "fps_capped", "duration_s_capped")
    rows = [[_canonical_row(v, fps_cap, duration_cap_s) for v in part] for part in parts]
    return names, [np.array(r, dtype=np.float64).reshape(-1, len(names)) for r in rows]


def _full_tables(parts: Parts, facts: Facts) -> tuple[tuple[str, ...], list[FloatArray]]:
    """Names of all features, and a (videos, features) table per part; NaN = unknown."""
    known = {v.video_id: _facts_of(v, facts) for part in parts for v in part}
    codecs = sorted({str(c) for v in parts[0] if (c := known[v.video_id].get("codec")) is not None})
    (names, train), (_, test) = (metadata_table(part, known, codecs) for part in parts)
    return names, [train, test]


def _facts_of(video: VideoAnnotation, facts: Facts) -> Mapping[str, Any]:
    known = facts.get(video.video_id, {})
    if all(known.get(name) is None for name in FACTS):
        raise AnnotationError(
            f"the metadata floor needs {', '.join(FACTS)} of the files, got none of them for video {video.video_id}; "
            f"probe the file, or pass facts=None for the canonical floor"
        )
    return known


def _canonical_row(video: VideoAnnotation, fps_cap: float, duration_cap_s: float) -> list[float]:
    # min() with NaN depends on the order of its arguments; np.minimum keeps the NaN.
    fps, duration_s = np.minimum(_number(video.fps), fps_cap), np.minimum(_number(video.duration_s), duration_cap_s)
    return [_ratio(video.width, video.height), float(fps), float(duration_s)]


def _full_row(video: VideoAnnotation, facts: Mapping[str, Any], codecs: Sequence[str]) -> list[float]:
    rate = _ratio(facts.get("bytes"), video.duration_s)
    name = facts.get("codec")
    numbers = [
        _number(video.width),
        _number(video.height),
        _ratio(video.width, video.height),
        _number(video.fps),
        _number(video.duration_s),
        math.log(rate) if rate > 0 else math.nan,
        _number(facts.get("has_audio")),
    ]
    return numbers + [math.nan if name is None else float(str(name) == codec) for codec in codecs]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _ratio(above: float | None, below: float | None) -> float:
    return math.nan if not above or not below else above / below
