"""Puts traces into a shot: chooses when, how strong and by which mechanism; paints; measures what can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.boxes import area, place_in_words
from dtr.errors import ConfigError
from dtr.traces.catalogue import Use, choose
from dtr.traces.measure import Seen, measure
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from dtr.traces.smooth import envelope

TRIES = 5
"""Times and regions tried for a trace of one category."""

CATEGORIES_TRIED = 3
"""Categories tried for one trace before the shot is left with fewer: not every shot has something that moves, say."""

MOST_SHARED = 0.3
"""Two traces are not put at the same time where their boxes share more than this of the smaller one."""


@dataclass(frozen=True)
class SynthSpec:
    """What is put into a clip.

    Attributes:
        traces: fewest and most traces a clip.
        severity: smallest and largest; 1 = nobody can miss it, 0.15 = barely visible.
        shortest_s: of a trace's span.
        from_start_p: chance that a trace is there from the first frame; to_end_p: that it stays to the last.
        mechanisms: names of mechanisms or categories; empty = all of `use`.
        use: "trained", "held-out" or "all".
    """

    traces: tuple[int, int] = (1, 2)
    severity: tuple[float, float] = (0.25, 1.0)
    shortest_s: float = 0.4
    from_start_p: float = 0.15
    to_end_p: float = 0.35
    mechanisms: tuple[str, ...] = ()
    use: Use = "trained"

    def __post_init__(self) -> None:
        low, high = self.severity
        if not 0 < low <= high <= 1:
            raise ConfigError(f"severity must be a range inside (0, 1], got {low} to {high}")
        if not 0 <= self.traces[0] <= self.traces[1] <= 8:
            raise ConfigError(f"traces must be a range inside 0 to 8, got {self.traces[0]} to {self.traces[1]}")
        if not self.shortest_s > 0:
            raise ConfigError(f"shortest_s must be above 0, got {self.shortest_s}")
        if not (0 <= self.from_start_p <= 1 and 0 <= self.to_end_p <= 1):
            raise ConfigError(f"chances must lie in [0, 1], got {self.from_start_p} and {self.to_end_p}")
        choose(self.mechanisms, self.use)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SynthSpec:
        """Inverse of `to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)


@dataclass(frozen=True)
class SynthTrace:
    """One trace that was put in, as it came out.

    Attributes:
        mechanism, category: what it is.
        severity: as drawn, (0, 1].
        visible: mean visible change inside its boxes, of 1 = black to white.
        span_s: first to last visible frame, seconds.
        boxes: (time_s, xyxy) of every visible frame.
        sentence: what a person would write.
    """

    mechanism: str
    category: str
    severity: float
    visible: float
    span_s: Span
    boxes: tuple[tuple[float, Box], ...]
    sentence: str

    def annotation(self, where: str = "") -> TraceAnnotation:
        """As an annotation; its one box is the union of the boxes over time."""
        sides = np.array([box for _, box in self.boxes])
        low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
        return TraceAnnotation(
            span_s=self.span_s,
            box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
            boxes=self.boxes,
            categories=frozenset({self.category}),
            raw_tags=(self.category,),
            explanation=self.sentence,
            where=where or self.mechanism,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SynthTrace:
        """Inverse of `to_json`."""
        boxes = tuple((float(t), tuple(float(v) for v in box)) for t, box in data["boxes"])
        return cls(**(data | {"span_s": tuple(data["span_s"]), "boxes": boxes}))


def put_traces(
    scene: Scene, spec: SynthSpec, rng: np.random.Generator, donor: Scene | None = None
) -> tuple[NDArray[np.uint8], tuple[SynthTrace, ...]]:
    """A shot with traces in it.

    Args:
        scene: the shot; not changed.
        spec: what to put in.
        rng: of all choices; the same shot, spec and state give the same bytes.
        donor: another clip's shot.

    Returns:
        (N, H, W, 3) uint8 frames, and the traces that can be seen in them, by onset; fewer than asked where the shot
        offers no place (still, too short, or full), none for a shot of fewer than three frames.
    """
    frames = scene.frames.copy()
    traces: list[SynthTrace] = []
    wanted = int(rng.integers(spec.traces[0], spec.traces[1] + 1))
    if scene.num_frames < 3:
        return frames, ()
    for _ in range(wanted):
        trace = _put_some(scene, frames, spec, rng, donor, traces)
        if trace is not None:
            traces.append(trace)
    return frames, tuple(sorted(traces, key=lambda t: t.span_s))


def _put_some(
    scene: Scene,
    frames: NDArray[np.uint8],
    spec: SynthSpec,
    rng: np.random.Generator,
    donor: Scene | None,
    others: list[SynthTrace],
) -> SynthTrace | None:
    """A trace of a category drawn first, so that those with many mechanisms, or easy ones, do not come more often."""
    usable = choose(spec.mechanisms, spec.use)
    for category in rng.permutation(sorted({m.category for m in usable}))[:CATEGORIES_TRIED]:
        own = [m for m in usable if m.category == category]
        for _ in range(TRIES):
            trace = _put_one(scene, frames, own[int(rng.integers(len(own)))], spec, rng, donor, others)
            if trace is not None:
                return trace
    return None


def _put_one(
    scene: Scene,
    frames: NDArray[np.uint8],
    mechanism: Mechanism,
    spec: SynthSpec,
    rng: np.random.Generator,
    donor: Scene | None,
    others: list[SynthTrace],
) -> SynthTrace | None:
    """Try one mechanism once; `frames` are changed only if what it does can be seen."""
    span = _draw_span(scene, spec, rng)
    severity = float(np.exp(rng.uniform(*np.log(spec.severity))))
    stage = _stage(scene, mechanism, span, severity, rng, donor, others)
    brush = None if stage is None else mechanism.begin(stage)
    if stage is None or brush is None:
        return None
    strokes = list(_strokes(stage, brush, frames))
    seen = measure(scene, frames, strokes)
    if seen is None or _collides(seen, scene, others):
        return None
    for index, stroke in strokes:
        if seen.first <= index <= seen.last:
            x0, y0, x1, y1 = stroke.roi
            frames[index, y0:y1, x0:x1] = stroke.pixels
    return _trace(scene, mechanism, severity, seen, rng)


def _draw_span(scene: Scene, spec: SynthSpec, rng: np.random.Generator) -> Span:
    """Onset and offset: at the start or the end of the shot by chance, else anywhere."""
    begin, end = float(scene.times_s[0]), scene.duration_s
    whole = end - begin
    at_start, at_end = rng.random(2) < (spec.from_start_p, spec.to_end_p)
    length = min(whole, max(min(spec.shortest_s, whole), float(rng.uniform(0.12, 0.85)) * whole))
    place = float(rng.random()) * (whole - length)
    start = begin if at_start else end - length if at_end else begin + place
    return start, (end if at_end else start + length)


def _stage(
    scene: Scene,
    mechanism: Mechanism,
    span: Span,
    severity: float,
    rng: np.random.Generator,
    donor: Scene | None,
    others: list[SynthTrace],
) -> Stage | None:
    start, end = span
    rise_s = max(0.04, float(rng.uniform(*mechanism.rise)) * (end - start))
    fall_s = None if end >= scene.duration_s or rng.random() < 0.3 else min(0.35, 0.3 * (end - start))
    amount = envelope(scene.times_s, start, end, rise_s, fall_s)
    if start <= scene.times_s[0]:  # there from the first frame: it does not come on, it is there
        amount = np.maximum(amount, np.where(scene.times_s < end - (fall_s or 0.0), 0.6, 0.0))
    inside = np.flatnonzero(amount > 0)
    if len(inside) < 3:
        return None
    taken = tuple(_box_during(t, span) for t in others if t.span_s[0] < end and t.span_s[1] > start)
    return Stage(scene, int(inside[0]), int(inside[-1]), amount, severity, rng, taken, donor)


def _strokes(stage: Stage, brush: Brush, frames: NDArray[np.uint8]) -> Iterator[tuple[int, Stroke]]:
    for index in range(stage.first, stage.last + 1):
        stroke = brush(index, frames[index])
        if stroke is not None:
            yield index, stroke


def _box_during(trace: SynthTrace, span: Span) -> Box:
    """Union of a trace's boxes during a span (of all its boxes where none falls into it)."""
    sides = np.array([b for t, b in trace.boxes if span[0] <= t <= span[1]] or [b for _, b in trace.boxes])
    return (*(float(v) for v in sides[:, :2].min(axis=0)), *(float(v) for v in sides[:, 2:].max(axis=0)))  # type: ignore[return-value]


def _collides(seen: Seen, scene: Scene, others: list[SynthTrace]) -> bool:
    span = float(scene.times_s[seen.first]), _end_s(scene, seen.last)
    box = np.array([*seen.boxes[:, :2].min(axis=0), *seen.boxes[:, 2:].max(axis=0)])
    at_once = [t for t in others if t.span_s[0] < span[1] and t.span_s[1] > span[0]]
    return any(_shared(box, np.array(_box_during(t, span))) > MOST_SHARED for t in at_once)


def _shared(box: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Share of the smaller of two boxes that lies in both: 1 = one inside the other, where their IoU may be small."""
    both = np.array([*np.maximum(box[:2], other[:2]), *np.minimum(box[2:], other[2:])])
    return float(area(both)) / max(min(float(area(box)), float(area(other))), 1e-9)


def _trace(scene: Scene, mechanism: Mechanism, severity: float, seen: Seen, rng: np.random.Generator) -> SynthTrace:
    span = float(scene.times_s[seen.first]), _end_s(scene, seen.last)
    times = scene.times_s[seen.first : seen.last + 1]
    boxes = tuple((float(t), _as_box(b)) for t, b in zip(times, seen.boxes, strict=True))
    sentence = mechanism.sentences[int(rng.integers(len(mechanism.sentences)))]
    where = where_in_words(_as_box(seen.boxes.mean(axis=0)))
    return SynthTrace(
        mechanism.name, mechanism.category, severity, seen.visible, span, boxes, sentence.format(where=where)
    )


def _end_s(scene: Scene, index: int) -> float:
    """When a frame ceases to be shown."""
    return float(scene.times_s[index + 1]) if index + 1 < scene.num_frames else scene.duration_s


def _as_box(sides: NDArray[np.floating]) -> Box:
    return float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])


def where_in_words(box: Box) -> str:
    """Where a box lies, as a sentence ends on it.

    Example:
        >>> where_in_words((0.0, 0.0, 0.2, 0.2)), where_in_words((0.0, 0.0, 1.0, 1.0))
        ('in the upper left', 'over the whole frame')
    """
    place = place_in_words(box)
    if "frame" in place:
        return f"over {place}"
    before = {"left": "on", "right": "on", "top": "at", "bottom": "at"}.get(place, "in")
    return f"{before} the {place}"


def shifted(traces: tuple[SynthTrace, ...], by_s: float) -> tuple[SynthTrace, ...]:
    """The same traces `by_s` seconds later: those of a shot, in the time of its video."""
    return tuple(
        replace(
            t,
            span_s=(t.span_s[0] + by_s, t.span_s[1] + by_s),
            boxes=tuple((time_s + by_s, box) for time_s, box in t.boxes),
        )
        for t in traces
    )
