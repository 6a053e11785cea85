"""The main figures of parts of the videos: by generator, real source, length, size, and by what a trace is like.

Every slice is shown with how much it rests on; none is left out for being small. A generator is ranked against all real
videos; a real source only has false alarms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.boxes import area
from dtr.evaluation.figures import FloatArray, Statistic, mean_statistic
from dtr.evaluation.items import Item
from dtr.evaluation.label import label_statistics
from dtr.evaluation.measure import LOWER_IS_BETTER, measure_statistics
from dtr.evaluation.rows import ROW_METRICS, answer_rows, model_answer
from dtr.floors import Floors, floor_rows

UNKNOWN = "not stated"
OUTSIDE = "outside the nine"
UNTAGGED = "no tags"

DURATION_EDGES_S = (2.0, 4.0, 6.0, 10.0)
SHORT_SIDE_EDGES_PX = (360, 540, 720, 1080)
TRACE_EDGES_S = (0.5, 1.0, 2.0, 4.0)
TRACE_AREA_EDGES = (0.01, 0.05, 0.1, 0.25, 0.5)
"""Lower edges of all bins but the first."""

NOT_OF_ONE_CLASS = frozenset({"accuracy", "real_accuracy"})


@dataclass(frozen=True)
class Slice:
    """Some of the videos or of their trace rows, and the main figures on them.

    Attributes:
        kind: "generator", "real source", "duration", "short side" (of videos); "category", "trace length", "trace area"
            (of trace rows).
        name: within the kind.
        n_videos: videos in it; n_rows: annotated trace rows in it.
        measures: by name as `dtr.evaluation.measure.measure` has them, as far as the kind has them; NaN = not defined.
            "floor_<metric>" is the constant that is best on all videos, on this slice. A slice of rows also has
            "called_fake", the share of its rows whose video was called fake.
    """

    kind: str
    name: str
    n_videos: int
    n_rows: int
    measures: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; None for a figure that is not defined."""
        measures = {name: v if np.isfinite(v) else None for name, v in self.measures.items()}
        return {
            "kind": self.kind,
            "name": self.name,
            "n_videos": self.n_videos,
            "n_rows": self.n_rows,
            "measures": measures,
        }


def slices(items: Sequence[Item], floors: Floors | None = None) -> list[Slice]:
    """Every slice of every kind, in the order of the kinds above and of names or bins.

    Place, time and kind of trace are those of oracle labels: every generated video is answered.

    Args:
        items: V videos with answers.
        floors: constants to stand beside place and time; None = none.

    Raises:
        AnnotationError: a video with annotated times states no duration.
        DetectorError: a score or a candidate is not a finite number in its range.
    """
    # Each trace row as an item of its own: the same table then serves slices of videos and slices of rows.
    of = np.array([v for v, item in enumerate(items) for _ in item.rows], dtype=np.int64)
    single = [replace(item, video=replace(item.video, traces=(t,))) for item in items for t in item.rows]
    table = answer_rows(single, [model_answer(item, "oracle") for item in single])
    if floors is not None:
        table |= _floor_columns(single, floors)
    return [*_video_slices(items, of, table), *_row_slices(single, of, table)]


def bin_name(value: float | None, edges: Sequence[float], unit: str) -> str:
    """The bin of a value: at least its lower edge, below its upper one.

    Example:
        >>> bin_name(2.0, (2.0, 4.0), "s"), bin_name(1, (2.0, 4.0), "s"), bin_name(9, (2.0, 4.0), "s")
        ('2–4 s', '< 2 s', '≥ 4 s')
        >>> bin_name(None, (2.0, 4.0), "s")
        'not stated'
    """
    return UNKNOWN if value is None else _bin_names(edges, unit)[bisect_right(edges, value)]


def _bin_names(edges: Sequence[float], unit: str) -> list[str]:
    between = [f"{a:g}–{b:g} {unit}" for a, b in pairwise(edges)]
    return [f"< {edges[0]:g} {unit}", *between, f"≥ {edges[-1]:g} {unit}"]


def _video_slices(items: Sequence[Item], of: NDArray[np.int64], table: Mapping[str, list[FloatArray]]) -> list[Slice]:
    per_video = {name: _by_video(column, of, len(items)) for name, column in table.items()}
    statistics = measure_statistics(items, {name: per_video[name] for name in ROW_METRICS})
    statistics |= {name: mean_statistic(rows) for name, rows in per_video.items() if name not in ROW_METRICS}
    alarms = {"false_alarm_rate": label_statistics(items)["false_alarm_rate"].statistic}
    is_fake = np.array([item.is_fake for item in items], dtype=np.bool_)
    one_class = {name: s for name, s in statistics.items() if name not in NOT_OF_ONE_CLASS}
    sources = [item.video.source or UNKNOWN for item in items]
    durations = [bin_name(item.video.duration_s, DURATION_EDGES_S, "s") for item in items]
    sizes = [bin_name(_short_side(item.video), SHORT_SIDE_EDGES_PX, "px") for item in items]
    parts = [
        ("generator", _members(sources, sorted(set(sources))), is_fake, ~is_fake, one_class),
        ("real source", _members(sources, sorted(set(sources))), ~is_fake, np.zeros_like(is_fake), alarms),
        ("duration", _members(durations, [*_bin_names(DURATION_EDGES_S, "s"), UNKNOWN]), None, None, statistics),
        ("short side", _members(sizes, [*_bin_names(SHORT_SIDE_EDGES_PX, "px"), UNKNOWN]), None, None, statistics),
    ]
    num_rows = np.bincount(of, minlength=len(items))
    found = []
    for kind, members, only, beside, chosen in parts:
        mine = {n: m if only is None else m & only for n, m in members.items()}
        mine = {n: m for n, m in mine.items() if m.any()}
        weighed = {n: m if beside is None else m | beside for n, m in mine.items()}
        counts = {n: (int(m.sum()), int(num_rows[m].sum())) for n, m in mine.items()}
        found += _measured(kind, weighed, counts, chosen)
    return found


def _row_slices(single: Sequence[Item], of: NDArray[np.int64], table: Mapping[str, list[FloatArray]]) -> list[Slice]:
    traces = [item.rows[0] for item in single]
    called = [np.array([float(item.called_fake)]) for item in single]
    statistics = {"called_fake": mean_statistic(called)} | {n: mean_statistic(rows) for n, rows in table.items()}
    lengths = [bin_name(_length_s(t), TRACE_EDGES_S, "s") for t in traces]
    areas = [bin_name(_share(t), TRACE_AREA_EDGES, "of the frame") for t in traces]
    tags = {
        name: np.array([name in _tags(t) for t in traces], dtype=np.bool_) for name in (*CATEGORIES, OUTSIDE, UNTAGGED)
    }
    found = []
    for kind, members in (
        ("category", tags),
        ("trace length", _members(lengths, [*_bin_names(TRACE_EDGES_S, "s"), UNKNOWN])),
        ("trace area", _members(areas, [*_bin_names(TRACE_AREA_EDGES, "of the frame"), UNKNOWN])),
    ):
        mine = {n: m for n, m in members.items() if m.any()}
        counts = {n: (len(set(of[m].tolist())), int(m.sum())) for n, m in mine.items()}
        found += _measured(kind, mine, counts, statistics)
    return found


def _measured(
    kind: str,
    weighed: Mapping[str, NDArray[np.bool_]],
    counts: Mapping[str, tuple[int, int]],
    statistics: Mapping[str, Statistic],
) -> list[Slice]:
    """One call of each statistic for all slices of a kind: a slice is a weighting with ones and zeros."""
    if not weighed:
        return []
    weights = np.stack(list(weighed.values())).astype(np.float64)
    columns = {name: statistic(weights) for name, statistic in statistics.items()}
    return [
        Slice(kind, name, *counts[name], {figure: float(column[place]) for figure, column in columns.items()})
        for place, name in enumerate(weighed)
    ]


def _floor_columns(single: Sequence[Item], floors: Floors) -> dict[str, list[FloatArray]]:
    """Rows of the best constant for each figure of place and time, as "floor_<metric>"."""
    rows = floor_rows(floors, [item.video for item in single])
    found = {}
    for metric in ROW_METRICS:
        means = {name: float(np.mean(joined)) for name, c in rows.get(metric, {}).items() if len(joined := _joined(c))}
        if means:
            best: Callable[..., str] = min if metric in LOWER_IS_BETTER else max
            found[f"floor_{metric}"] = rows[metric][best(means, key=means.__getitem__)]
    return found


def _joined(column: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate([np.zeros(0), *column])


def _by_video(column: Sequence[FloatArray], of: NDArray[np.int64], num_videos: int) -> list[FloatArray]:
    """Rows of each video, joined again."""
    counts = np.bincount(of, [len(values) for values in column], minlength=num_videos).astype(np.int64)
    return np.split(_joined(column), np.cumsum(counts)[:-1])


def _members(names: Sequence[str], order: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    array = np.array(names, dtype=object)
    return {name: np.asarray(array == name, dtype=np.bool_) for name in order}


def _short_side(video: VideoAnnotation) -> float | None:
    return None if video.width is None or video.height is None else float(min(video.width, video.height))


def _length_s(trace: TraceAnnotation) -> float | None:
    return None if trace.span_s is None else trace.span_s[1] - trace.span_s[0]


def _share(trace: TraceAnnotation) -> float | None:
    return None if trace.box is None else float(area(trace.box))


def _tags(trace: TraceAnnotation) -> frozenset[str]:
    if trace.categories is None:
        return frozenset({UNTAGGED})
    return trace.categories or frozenset({OUTSIDE})
