"""Looks at pairs of a traced clip and its clean twin, frame beside frame, and keeps only figures of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box, VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.errors import AnnotationError
from dtr.leaks.media_facts import ClipFacts, read_clip_facts
from dtr.traces.probe_features import (
    INSIDE_COLUMNS,
    PATCH,
    PATCH_COLUMNS,
    STATISTIC_COLUMNS,
    FloatArray,
    Mask,
    Texture,
    border_places,
    changed_region,
    frame_statistics,
    inside_figures,
    other_places,
    patch_figures,
    texture,
)

TRACES_FILE = "traces.jsonl"

LOOKS = 6
"""Frames of each trace that patches are taken from."""

PATCHES = 8
"""Patches of each such frame, at the border and elsewhere."""

STATISTICS_S = 0.4
"""Distance of the frames that statistics of the whole clip are taken from."""


NEAR_S = 0.1
"""A trace seen within this time of a frame takes up room in it."""


@dataclass(frozen=True)
class PairedTrace:
    """A trace to look at: mechanism, category, severity, visible change, and (time_s, box) while it is seen.

    `held_out` tells whether training may not use its mechanism; None = the folder does not say.
    """

    mechanism: str
    category: str
    severity: float
    visible: float
    boxes: tuple[tuple[float, Box], ...]
    held_out: bool | None = None


@dataclass(frozen=True)
class Pair:
    """A traced clip and its clean twin; pairs of one base clip are never split between folds.

    `label` is that of the base clip, "real" or "fake"; None = the folder does not say.
    """

    base: str
    twin: Path
    traced: Path
    traces: tuple[PairedTrace, ...]
    label: str | None = None

    @property
    def severity(self) -> float:
        """Of the strongest trace."""
        return max(trace.severity for trace in self.traces)


@dataclass(frozen=True)
class TraceFigures:
    """What was measured at a trace; the first row of each table is the twin's, the second the traced clip's.

    Attributes:
        base, mechanism, category, severity, visible: of the trace.
        border: (2, len(PATCH_COLUMNS)) patches that straddle its outline.
        elsewhere: the same of patches at random other places of the same frames.
        inside: (2, len(INSIDE_COLUMNS)) its inside against the ring around it. NaN = there was no room.
    """

    base: str
    mechanism: str
    category: str
    severity: float
    visible: float
    border: FloatArray
    elsewhere: FloatArray
    inside: FloatArray


@dataclass(frozen=True)
class PairFigures:
    """What was measured of a pair: (2, len(STATISTIC_COLUMNS)) statistics, facts of both files, its traces."""

    pair: Pair
    statistics: FloatArray
    media: tuple[ClipFacts, ClipFacts]
    traces: tuple[TraceFigures, ...]


def read_pairs(folder: Path) -> tuple[Pair, ...]:
    """Pairs of a finished folder of `dtr synth`.

    Raises:
        AnnotationError: there is no file of traces, a clip's twin is not in it, or it holds no pair.
    """
    data = read_dataset(folder / TRACES_FILE)
    by_id = {video.video_id: video for video in data.videos}
    pairs = []
    for video in data.videos:
        facts = data.facts.get(video.video_id, {})
        if video.traces and facts.get("twin_id") is not None:
            pairs.append(_pair(video, facts, by_id))
    if not pairs:
        raise AnnotationError(
            f"{folder / TRACES_FILE}: expected traced clips with twins, found none; run dtr synth first"
        )
    return tuple(pairs)


def look(pair: Pair, rng: np.random.Generator) -> PairFigures:
    """Measure a pair; both files are read once, a few frames are kept.

    Args:
        pair: of files. rng: of the places elsewhere.

    Raises:
        VideoError: a file cannot be read.
        AnnotationError: the two do not have the same frames.
    """
    statistics: list[list[FloatArray]] = [[], []]
    watchers = [_Watcher(trace, rng) for trace in pair.traces]
    next_s = 0.0
    before: tuple[NDArray[np.uint8], ...] | None = None
    for time_s, frames in _side_by_side(pair):
        due = [watcher for watcher in watchers if watcher.is_due(time_s)]
        described = time_s >= next_s and before is not None
        if due or described:
            maps = [texture(rgb, before[side] if before else None) for side, rgb in enumerate(frames)]
            for watcher in due:
                watcher.see(frames, maps, time_s, _taken(pair, time_s, frames[0].shape[:2]))
            if described and before is not None:
                next_s = time_s + STATISTICS_S
                for side in (0, 1):
                    statistics[side].append(frame_statistics(frames[side], before[side], maps[side]))
        before = frames
    means = [np.mean(rows, axis=0) if rows else np.full(len(STATISTIC_COLUMNS), np.nan) for rows in statistics]
    media = read_clip_facts(pair.twin), read_clip_facts(pair.traced)
    return PairFigures(pair, np.stack(means), media, tuple(w.figures(pair.base) for w in watchers))


class PlaceMeter:
    """Collects figures of a region, its border and other places, frame by frame, of twin and traced clip alike."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rows: dict[str, list[list[FloatArray]]] = {name: [[], []] for name in ("border", "elsewhere", "inside")}

    def add(self, maps: Sequence[Texture], region: Mask, taken: Mask | None = None) -> None:
        """Measure one frame.

        Args:
            maps: textures of the twin and of the traced clip.
            region: (H, W) bool. taken: (H, W) bool of other traces, which are not "elsewhere" either.
        """
        border = border_places(region, PATCHES)
        sides = [region[top : top + PATCH, left : left + PATCH] for top, left in border]
        away = other_places(region if taken is None else region | taken, len(border), self._rng)
        for side, one in enumerate(maps):
            self._rows["border"][side] += [patch_figures(one, p, s) for p, s in zip(border, sides, strict=True)]
            self._rows["elsewhere"][side] += [patch_figures(one, p, s) for p, s in zip(away, sides, strict=False)]
            inside = inside_figures(one, region)
            self._rows["inside"][side] += [] if inside is None else [inside]

    def table(self, name: str) -> FloatArray:
        """(2, F) means of what was measured at "border", "elsewhere" or "inside"; NaN = nothing was."""
        columns = INSIDE_COLUMNS if name == "inside" else PATCH_COLUMNS
        return np.stack([
            np.mean(rows, axis=0) if rows else np.full(len(columns), np.nan) for rows in self._rows[name]
        ])  # fmt: skip


class _Watcher:
    """Waits for the frames of one trace that are to be looked at."""

    def __init__(self, trace: PairedTrace, rng: np.random.Generator) -> None:
        self._trace = trace
        self._meter = PlaceMeter(rng)
        places = np.linspace(0, len(trace.boxes) - 1, LOOKS + 2)[1:-1].round().astype(int)
        self._waiting = [trace.boxes[i] for i in np.unique(places)]

    def is_due(self, time_s: float) -> bool:
        return bool(self._waiting) and time_s >= self._waiting[0][0] - 1e-3

    def see(self, frames: Sequence[NDArray[np.uint8]], maps: Sequence[Texture], time_s: float, taken: Mask) -> None:
        box = self._waiting.pop(0)[1]
        while self.is_due(time_s):  # the clip skipped a frame: it is looked at once
            box = self._waiting.pop(0)[1]
        self._meter.add(maps, changed_region(frames[0], frames[1], box), taken)

    def figures(self, base: str) -> TraceFigures:
        tables = {name: self._meter.table(name) for name in ("border", "elsewhere", "inside")}
        trace = self._trace
        return TraceFigures(base, trace.mechanism, trace.category, trace.severity, trace.visible, **tables)


def _taken(pair: Pair, time_s: float, shape: tuple[int, ...]) -> Mask:
    """Boxes of all traces that are seen at about a time: (H, W) bool."""
    found = np.zeros(shape, bool)
    for trace in pair.traces:
        for when, (x0, y0, x1, y1) in trace.boxes:
            if abs(when - time_s) < NEAR_S:
                rows = slice(int(y0 * shape[0]), int(np.ceil(y1 * shape[0])))
                found[rows, int(x0 * shape[1]) : int(np.ceil(x1 * shape[1]))] = True
    return found


def _side_by_side(pair: Pair) -> Iterator[tuple[float, tuple[NDArray[np.uint8], NDArray[np.uint8]]]]:
    """(time_s, (twin's frame, traced clip's frame)) of every frame."""
    from dtr.video import open_video

    with ExitStack() as stack:
        readers = [stack.enter_context(open_video(path)) for path in (pair.twin, pair.traced)]
        for twin, traced in zip_longest(*readers):
            if twin is None or traced is None or abs(twin.time_s - traced.time_s) > 1e-3:
                raise AnnotationError(
                    f"{pair.traced}: expected the same frames as in its twin {pair.twin.name}, got others; "
                    "run dtr synth again"
                )
            yield twin.time_s, (twin.rgb(), traced.rgb())


def _pair(video: VideoAnnotation, facts: dict[str, Any], by_id: dict[str, VideoAnnotation]) -> Pair:
    twin = by_id.get(str(facts["twin_id"]))
    if twin is None:
        raise AnnotationError(f"{video.where}: the twin '{facts['twin_id']}' is not in the file; run dtr synth again")
    told = facts.get("synth", [])
    traces = tuple(
        PairedTrace(
            str(extra["mechanism"]),
            ", ".join(sorted(trace.categories or ())),
            float(extra["severity"]),
            float(extra["visible"]),
            trace.boxes,
            extra.get("held_out"),
        )
        for trace, extra in zip(video.traces or (), told, strict=True)
    )
    return Pair(str(facts["base_id"]), twin.path, video.path, traces, video.label)
