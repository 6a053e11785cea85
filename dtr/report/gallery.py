"""Which clips a report shows, and what is said of each. The rule is fixed, so nobody can pick pretty ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.data.media import is_file
from dtr.errors import AnnotationError, VideoError
from dtr.evaluation.items import Item
from dtr.evaluation.rows import answer_rows, model_answer
from dtr.overlay_boxes import box_at
from dtr.report.frames import Still, read_still

PER_GROUP = 6
LONGEST = 600
"""Letters of an explanation that are shown."""


@dataclass(frozen=True)
class Match:
    """A video with the annotated row that its single answer fits best.

    Attributes:
        item: the video. row: None = no annotated row can be compared. overlap: vIoU with it, or box IoU where no row of
            the data has both box and time; None without a row.
    """

    item: Item
    row: TraceAnnotation | None = None
    overlap: float | None = None

    @property
    def score(self) -> float:
        """Score of fake; what said none comes after all others whichever way the clips are sorted."""
        said = self.item.prediction
        return float("nan") if said is None or said.fake_score is None else said.fake_score


@dataclass(frozen=True)
class Card:
    """A clip of the gallery.

    Attributes:
        match: video and row. time_s: of the frame that is wanted. still: the frame; None = not shown, for `missing`.
        truth: boxes of the annotated rows at that time, that of the match first. predicted: box of the answer then.
        spans: of the annotated rows. predicted_span: of the answer.
        facts: (name, value) in words.
        explanation, true_explanation: sentences, cut to `LONGEST` letters; "" = none.
    """

    match: Match
    time_s: float
    still: Still | None
    missing: str
    truth: tuple[Box, ...]
    predicted: Box | None
    spans: tuple[Span, ...]
    predicted_span: Span | None
    facts: tuple[tuple[str, str], ...]
    explanation: str
    true_explanation: str


@dataclass(frozen=True)
class Group:
    """Clips chosen by one rule.

    Attributes:
        title, rule: words. cards: the clips.
    """

    title: str
    rule: str
    cards: tuple[Card, ...]


def gallery(items: Sequence[Item], count: int = PER_GROUP) -> list[Group]:
    """The four groups of a report.

    Args:
        items: videos with answers. count: clips of a group at most; each costs one decoding.

    Raises:
        AnnotationError: a video with annotated times states no duration.
    """
    return [
        Group(title, rule, tuple(make_card(match) for match in matches))
        for title, rule, matches in choose(matched(items), count)
    ]


def choose(matches: Sequence[Match], count: int) -> list[tuple[str, str, list[Match]]]:
    """(title, rule, clips) of each group; equal ones in the order of their ids."""
    found = [m for m in matches if m.item.is_fake and m.item.called_fake and m.overlap is not None]
    best = _first(found, lambda m: (-_known(m.overlap),), count)
    rest = [m for m in found if m not in best]
    said_real = [m for m in matches if m.item.prediction is not None and m.item.prediction.label == "real"]
    return [
        ("Best grounded", "Generated, called fake; largest overlap in space and time with an annotated trace.", best),
        (
            "Worst grounded",
            "Generated, called fake; smallest overlap, the surest first among equals.",
            _first(rest, lambda m: (_known(m.overlap), -_or(m.score, -1.0)), count),
        ),
        (
            "False alarms",
            "Real, called fake; highest score first.",
            _first(
                [m for m in matches if not m.item.is_fake and m.item.called_fake],
                lambda m: (-_or(m.score, -1.0),),
                count,
            ),
        ),
        (
            "Misses",
            "Generated, called real; lowest score first.",
            _first([m for m in said_real if m.item.is_fake], lambda m: (_or(m.score, 2.0),), count),
        ),
    ]


def matched(items: Sequence[Item]) -> list[Match]:
    """Every video with the row that its answer fits best, whatever label it was given."""
    metric, fits = ("viou", _is_tube) if any(_is_tube(t) for i in items for t in i.rows) else ("box_iou", _has_box)
    columns = answer_rows(items, [model_answer(item, "oracle") for item in items], (metric,))[metric]
    found = []
    for item, values in zip(items, columns, strict=True):
        rows = [t for t in item.rows if fits(t)]
        place = int(values.argmax()) if len(values) else None
        found.append(Match(item) if place is None else Match(item, rows[place], float(values[place])))
    return found


def make_card(match: Match) -> Card:
    """A clip with its frame; a file that cannot be read leaves the boxes on an empty frame and says why."""
    item, said = match.item, match.item.prediction
    span = None if said is None else said.span_s
    time_s = _time_s(match, span)
    still, missing = _still(item, time_s)
    answer = model_answer(item, "oracle")
    predicted = answer.box
    if predicted is not None:
        predicted, _ = box_at(predicted, answer.boxes, time_s)
    shown = [t for t in item.rows if t is match.row] + [
        t for t in item.rows if t is not match.row and _covers(t, time_s)
    ]
    truth = tuple(box for t in shown if (box := _true_box(t, time_s)) is not None)
    return Card(
        match=match,
        time_s=time_s if still is None else still.time_s,
        still=still,
        missing=missing,
        truth=truth,
        predicted=predicted,
        spans=tuple(t.span_s for t in item.rows if t.span_s is not None),
        predicted_span=span,
        facts=tuple(_facts(match)),
        explanation=_short(None if said is None else said.explanation),
        true_explanation=_short(None if match.row is None else match.row.explanation),
    )


def _still(item: Item, time_s: float) -> tuple[Still | None, str]:
    if not is_file(item.video.path):
        return None, "media not there"
    try:
        return read_still(item.video.path, time_s), ""
    except VideoError as error:
        return None, f"no frame: {error}"


def _time_s(match: Match, predicted: Span | None) -> float:
    """Middle of the true trace, else of the predicted one, else of the video."""
    true_span = None if match.row is None else match.row.span_s
    start, end = true_span or predicted or (0.0, match.item.video.duration_s or 0.0)
    return (start + end) / 2


def _facts(match: Match) -> list[tuple[str, str]]:
    """What a reader needs of a clip beside the picture, written out."""
    item, said = match.item, match.item.prediction
    score = "" if said is None or said.fake_score is None else f", score {said.fake_score:.3f}"
    label = "no answer" if said is None else f"{(said.label or 'no valid label').upper()}{score}"
    facts = [("truth", f"{str(item.video.label).upper()}, {item.video.source or 'source not stated'}"), ("said", label)]
    if said is not None and said.abstain:
        facts.append(("abstained", "yes"))
    top = max(said.categories.items(), key=lambda kv: kv[1], default=None) if said is not None else None
    if match.row is not None and match.row.categories is not None:
        facts.append(("true kind", ", ".join(sorted(match.row.categories)) or "outside the nine"))
    if top is not None:
        facts.append(("said kind", f"{top[0]} {top[1]:.2f}"))
    return facts + _overlaps(match)


def _overlaps(match: Match) -> list[tuple[str, str]]:
    if match.row is None:
        return []
    alone = Item(replace(match.item.video, traces=(match.row,)), match.item.prediction)
    try:
        columns = answer_rows([alone], [model_answer(alone, "oracle")], ("box_iou", "tiou", "viou"))
    except AnnotationError:  # a time without a duration cannot be scored
        return []
    names = {"box_iou": "IoU", "tiou": "tIoU", "viou": "vIoU"}
    return [("overlap", ", ".join(f"{names[k]} {c[0][0]:.2f}" for k, c in columns.items() if len(c[0])))]


def _true_box(trace: TraceAnnotation, time_s: float) -> Box | None:
    timed = [(t, *box) for t, box in trace.boxes]
    first = trace.box or (trace.boxes[0][1] if trace.boxes else None)
    return None if first is None else box_at(first, timed, time_s)[0]


def _covers(trace: TraceAnnotation, time_s: float) -> bool:
    return trace.span_s is not None and trace.span_s[0] <= time_s <= trace.span_s[1]


def _has_box(trace: TraceAnnotation) -> bool:
    return trace.box is not None


def _is_tube(trace: TraceAnnotation) -> bool:
    return trace.span_s is not None and (trace.box is not None or bool(trace.boxes))


def _first(matches: Sequence[Match], key: Callable[[Match], tuple[float, ...]], count: int) -> list[Match]:
    return sorted(matches, key=lambda m: (*key(m), m.item.video.video_id))[:count]


def _known(value: float | None) -> float:
    return 0.0 if value is None else value


def _or(value: float, missing: float) -> float:
    return missing if value != value else value


def _short(text: str | None) -> str:
    words = " ".join((text or "").split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
