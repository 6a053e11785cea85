"""Counts and means of a data set, in the columns of the paper's Table 1, and its category shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation

ALL_GENERATED = "all generated"
REAL = "real"


@dataclass(frozen=True)
class SourceStats:
    """One row of the table.

    Means are over trace rows for generated videos and over videos for real ones, as in the paper; a video without a
    trace counts once, so that every video is in the mean. None = nothing is known.

    Attributes:
        source: generator or camera source, or one of the two totals.
        label: "fake", "real" or None.
        videos: unique videos.
        traces: annotated traces.
        explained_percent: share of traces with a written explanation, 0 to 100.
        height_px, width_px: mean frame size.
        video_s: mean video length.
        trace_s: mean length of the traces that have a span.
    """

    source: str
    label: str | None
    videos: int
    traces: int
    explained_percent: float | None
    height_px: float | None
    width_px: float | None
    video_s: float | None
    trace_s: float | None


@dataclass(frozen=True)
class CategoryStats:
    """How often one category was given.

    Attributes:
        category: one of the nine; "outside the nine" for tagged traces with none of them.
        traces: traces that have it.
        of_tagged_percent: share of tagged traces; a trace may have several, so these do not add up to 100.
        of_tags_percent: share of all category tags, which adds up to 100 as the paper's Figure 4 does; None for the
            traces outside the nine.
    """

    category: str
    traces: int
    of_tagged_percent: float | None
    of_tags_percent: float | None


@dataclass(frozen=True)
class DatasetStats:
    """The whole table.

    Attributes:
        split: the split counted; None = all.
        sources: one row per source, generated ones first, most traces first.
        totals: all generated, real.
        categories: the nine, then the traces outside them.
        tagged: traces with tags.
        not_looked_at: generated videos that nobody looked at.
    """

    split: str | None
    sources: tuple[SourceStats, ...]
    totals: tuple[SourceStats, ...]
    categories: tuple[CategoryStats, ...]
    tagged: int
    not_looked_at: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def dataset_stats(videos: Iterable[VideoAnnotation], split: str | None = None) -> DatasetStats:
    """Count videos and traces per source and category.

    Args:
        videos: all videos.
        split: count only this split; None = all.

    Source: DeeptraceReward (arXiv 2509.22646), Table 1 and Figure 4.
    """
    chosen = [video for video in videos if split is None or video.split == split]
    groups: dict[tuple[str | None, str], list[VideoAnnotation]] = {}
    for video in chosen:
        groups.setdefault((video.label, video.source), []).append(video)
    sources = [_source_stats(name, label, group) for (label, name), group in groups.items()]
    sources.sort(key=lambda row: (row.label or "unknown", -row.traces, -row.videos, row.source))
    totals = [
        _source_stats(name, label, [video for video in chosen if video.label == label])
        for name, label in ((ALL_GENERATED, "fake"), (REAL, "real"))
    ]
    traces = [trace for video in chosen for trace in video.traces or ()]
    categories, tagged = _category_stats(traces)
    unseen = sum(video.traces is None for video in chosen)
    return DatasetStats(split, tuple(sources), tuple(totals), categories, tagged, unseen)


def _source_stats(name: str, label: str | None, videos: Sequence[VideoAnnotation]) -> SourceStats:
    """One row of the table."""
    traces = [trace for video in videos for trace in video.traces or ()]
    # Once per trace row, as the paper's means are: 739 x 1313 is reached over its 4,334 rows, not its 3,318 videos.
    rows = [video for video in videos for _ in range(max(1, len(video.traces or ())))]
    spans = [trace.span_s for trace in traces if trace.span_s is not None]
    return SourceStats(
        source=name,
        label=label,
        videos=len(videos),
        traces=len(traces),
        explained_percent=_percent(sum(trace.explanation is not None for trace in traces), len(traces)),
        height_px=_mean(video.height for video in rows),
        width_px=_mean(video.width for video in rows),
        video_s=_mean(video.duration_s for video in rows),
        trace_s=_mean(end - start for start, end in spans),
    )


def _category_stats(traces: Sequence[TraceAnnotation]) -> tuple[tuple[CategoryStats, ...], int]:
    """Shares of the nine categories, and the number of tagged traces."""
    tagged = [trace.categories for trace in traces if trace.categories is not None]
    counts = {name: sum(name in categories for categories in tagged) for name in CATEGORIES}
    tags = sum(counts.values())
    rows = [CategoryStats(name, n, _percent(n, len(tagged)), _percent(n, tags)) for name, n in counts.items()]
    outside = sum(not categories for categories in tagged)
    rows.append(CategoryStats("outside the nine", outside, _percent(outside, len(tagged)), None))
    return tuple(rows), len(tagged)


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of what is known; None = nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _percent(part: int, whole: int) -> float | None:
    """Share in percent; None of nothing."""
    return 100 * part / whole if whole else None
