"""The table: what a detector's figures are under each transform, and what they lose against the untouched clips.

Every pair is fair: the same clips and the same annotated traces on both sides. A clip that failed under a transform and
a trace that it moved out of view are left out of both, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError
from dtr.evaluation.figures import Figure, difference, draw_weights, figure
from dtr.evaluation.items import Item
from dtr.evaluation.measure import LOWER_IS_BETTER, MEASURES, measure, measure_statistics
from dtr.robustness.answers import Answers, Lost
from dtr.robustness.catalogue import BASELINE, parse
from dtr.robustness.mapping import map_annotation

WITH_INTERVALS = ("auroc", "box_iou", "time_distance")
"""Measures whose drop gets an interval; the others are close to one of them, and every interval takes time."""

ROUNDING = 1e-9  # differences below it come from the order of sums


@dataclass(frozen=True)
class TableRow:
    """One transform.

    Attributes:
        transform: its name.
        n_fake, n_real: clips answered with and without it.
        failed: clips without an answer under it.
        out_of_view: annotated traces that it moved out of view.
        values: by measure; NaN = the clips do not define it.
        drops: what is lost against the same clips and traces untouched; above 0 = worse, whichever way is better.
        intervals: of `WITH_INTERVALS`, 95 % of the drop by resampling clips; None = not defined.
    """

    transform: str
    n_fake: int
    n_real: int
    failed: int
    out_of_view: int
    values: Mapping[str, float]
    drops: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float] | None]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; null where a figure is not defined."""
        data = asdict(self)
        for key in ("values", "drops"):
            data[key] = {name: v if math.isfinite(v) else None for name, v in data[key].items()}
        return data


@dataclass(frozen=True)
class RobustnessTable:
    """All transforms of a run.

    Attributes:
        rows: the baseline first, then in the order of the run.
        worst: by measure the transform with the largest drop; a measure that loses nowhere is not there.
        model_ids: whose answers they are.
        lost: clips without an answer, and why.
    """

    rows: tuple[TableRow, ...]
    worst: Mapping[str, str]
    model_ids: tuple[str, ...]
    lost: tuple[Lost, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "model_ids": list(self.model_ids),
            "measures": list(MEASURES),
            "lower_is_better": sorted(LOWER_IS_BETTER),
            "transforms": [row.to_json() for row in self.rows],
            "worst": dict(self.worst),
            "failures": [asdict(failed) for failed in self.lost],
        }


def make_table(
    videos: Sequence[VideoAnnotation], answers: Answers, *, resamples: int = 1000, seed: int = 0
) -> RobustnessTable:
    """Measure every transform against the baseline.

    Args:
        videos: annotations, of more videos than were answered if need be.
        answers: of a run; an unfinished one gives a table of the clips that are there.
        resamples, seed: of the intervals.

    Raises:
        AnnotationError: a clip is not among the videos, no clip was answered untouched, or the like.
        ConfigError: the answers name a transform that does not exist.
    """
    known = {v.video_id: v for v in videos if v.label is not None}
    missing = sorted(answers.video_ids - set(known))
    if missing:
        raise AnnotationError(
            f"{len(missing)} answered videos are not annotated with a label (the first is {missing[0]}); "
            "give the data set that the answers were made on"
        )
    if not answers.by_transform.get(BASELINE):
        raise AnnotationError(
            f"expected answers for untouched clips ('{BASELINE}'), found none; nothing can be compared"
        )
    names = [BASELINE, *(name for name in answers.by_transform if name != BASELINE)]
    rows = tuple(_row(name, known, answers, resamples, seed) for name in names)
    return RobustnessTable(rows, _worst(rows), answers.model_ids, answers.lost)


def _row(name: str, known: Mapping[str, VideoAnnotation], answers: Answers, resamples: int, seed: int) -> TableRow:
    before, after, out_of_view = _pairs(name, known, answers)
    values = measure(after)
    drops: dict[str, float] = {}
    intervals: dict[str, tuple[float, float] | None] = {}
    if name != BASELINE:
        values_before = measure(before)
        signs = {m: -1.0 if m in LOWER_IS_BETTER else 1.0 for m in MEASURES}
        drops = {m: signs[m] * (values_before[m] - values[m]) for m in MEASURES}
        intervals = {m: f.interval for m, f in _drop_figures(before, after, resamples, seed).items()}
    fakes = sum(item.is_fake for item in after)
    failed = sum(lost.transform == name for lost in answers.lost)
    return TableRow(name, fakes, len(after) - fakes, failed, out_of_view, values, drops, intervals)


def _pairs(name: str, known: Mapping[str, VideoAnnotation], answers: Answers) -> tuple[list[Item], list[Item], int]:
    """The clips answered both ways, untouched and changed, with the traces that are in view in both; and how many
    traces are not."""
    mapping = parse(name).mapping
    untouched = answers.by_transform[BASELINE]
    before, after, out_of_view = [], [], 0
    for video_id, said in answers.by_transform[name].items():
        if video_id not in untouched:
            continue
        video = known[video_id]
        video = video if video.duration_s else replace(video, duration_s=answers.durations_s[video_id])
        mapped = map_annotation(video, mapping)
        if video.traces is not None:
            out_of_view += len(video.traces) - len(mapped.kept)
            video = replace(video, traces=tuple(video.traces[i] for i in mapped.kept))
        before.append(Item(video, untouched[video_id]))
        after.append(Item(mapped.video, said))
    return before, after, out_of_view


def _drop_figures(before: Sequence[Item], after: Sequence[Item], resamples: int, seed: int) -> dict[str, Figure]:
    """Paired: each resample draws the same clips for both sides, so what makes a clip hard cancels."""
    if not after:
        return {}
    weights = draw_weights(len(after), resamples, seed)
    untouched, changed = measure_statistics(before), measure_statistics(after)
    return {
        m: figure(difference(untouched[m], changed[m], lower_is_better=m in LOWER_IS_BETTER), weights, len(after))
        for m in WITH_INTERVALS
    }


def _worst(rows: Sequence[TableRow]) -> dict[str, str]:
    found = {}
    for name in MEASURES:
        losing = [row for row in rows if row.drops.get(name, 0.0) > ROUNDING]
        if losing:
            found[name] = max(losing, key=lambda row: row.drops[name]).transform
    return found
