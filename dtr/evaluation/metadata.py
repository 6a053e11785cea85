"""What a classifier that never sees a picture makes of the same videos: the floor under every real/fake figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.data.media import is_file
from dtr.errors import VideoError
from dtr.metadata_floor import FACTS, filled, metadata_table, tree_scores

FloatArray = NDArray[np.float64]
Facts = Mapping[str, Mapping[str, Any]]

STATED = ("width", "height", "fps", "duration_s")
"""What an annotation usually states of its file; where it does not, the file's header is asked."""


@dataclass(frozen=True)
class MetadataOnly:
    """P(fake) of every scored video from metadata alone.

    Attributes:
        scores: (V,) in [0, 1].
        features: names of what the classifier saw.
        num_train: videos that it was fitted on.
        num_probed: scored videos of which codec, sound and size of the file are known; 0 = annotations alone.
    """

    scores: FloatArray
    features: tuple[str, ...]
    num_train: int
    num_probed: int


def probe_facts(
    videos: Sequence[VideoAnnotation], known: Facts, *, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, dict[str, Any]]:
    """Codec, sound and bytes of every file that is there, and what its annotation does not state; headers only.

    Args:
        videos: annotated videos. known: facts by video_id; what they say is not asked of the file.
        on_progress: called with (files done, files in all).

    Returns:
        Facts by video_id, with `codec`, `has_audio` and `bytes` where they are known, and those of `STATED` that were
        read from the file.
    """
    found = {v.video_id: dict(known.get(v.video_id, {})) for v in videos}
    lacking = [v for v in videos if _lacks(v, found[v.video_id]) and is_file(v.path)]
    with ThreadPoolExecutor() as pool:
        for done, (video, facts) in enumerate(zip(lacking, pool.map(_probe, lacking), strict=True), start=1):
            found[video.video_id] = facts | {k: f for k, f in found[video.video_id].items() if f is not None}
            if on_progress is not None:
                on_progress(done, len(lacking))
    return found


def metadata_only(
    train: Sequence[VideoAnnotation], videos: Sequence[VideoAnnotation], facts: Facts
) -> MetadataOnly | str:
    """Fit on training videos, score others.

    Args:
        train: labelled videos; both labels must be there.
        videos: V videos to score.
        facts: from `probe_facts`, of both.

    Returns:
        The scores; or why there are none.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    labelled = [v for v in train if v.label is not None]
    target = np.array([v.label == "fake" for v in labelled], dtype=np.int64)
    if len(set(target.tolist())) < 2:
        return f"metadata-only needs real and generated training videos, got {target.sum()} fake of {len(target)}"
    names, table = metadata_table([_completed(v, facts) for v in (*labelled, *videos)], facts)
    # A column that nobody fills says nothing, and must not be listed as if it had been seen.
    used = np.asarray((~np.isnan(table)).any(axis=0))
    if not used.any():
        return "neither annotations nor media state any size, rate, length, codec or sound"
    known, asked = filled([table[: len(labelled), used], table[len(labelled) :, used]])
    probed = sum(any(facts.get(v.video_id, {}).get(name) is not None for name in FACTS) for v in videos)
    scores = tree_scores(known, target, asked)
    features = tuple(name for name, here in zip(names, used.tolist(), strict=True) if here)
    return MetadataOnly(scores, features, len(labelled), probed)


def _lacks(video: VideoAnnotation, known: Mapping[str, Any]) -> bool:
    """Whether anything of the file is known neither from its annotation nor from its facts."""
    unstated = [name for name in STATED if getattr(video, name) is None]
    return any(known.get(name) is None for name in (*FACTS, *unstated))


def _completed(video: VideoAnnotation, facts: Facts) -> VideoAnnotation:
    """The annotation, with what it does not state from the file's header."""
    known = facts.get(video.video_id, {})
    lacking: dict[str, Any] = {name: known.get(name) for name in STATED if getattr(video, name) is None}
    return replace(video, **lacking)


def _probe(video: VideoAnnotation) -> dict[str, Any]:
    from dtr.video import probe

    try:
        info = probe(video.path)
    except VideoError:  # `dtr data check` tells what is wrong with it; here its facts are unknown
        return {}
    facts = {"codec": info.codec, "has_audio": info.has_audio, "bytes": info.size_bytes}
    return facts | {name: getattr(info, name) for name in STATED}
