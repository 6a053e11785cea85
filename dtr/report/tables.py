"""Rows of the report's tables: numbers written out, none without its floor."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dtr.evaluation.compared import Compared
from dtr.evaluation.evaluation import Block, Evaluation
from dtr.evaluation.paper import PAPER_METRICS
from dtr.evaluation.published import PUBLISHED
from dtr.evaluation.titles import TITLES

Standing = Literal["better", "worse", "even", "none"]
NamedCells = list[tuple[str, list[str]]]
"""Numbers, each with the name of a floor (empty = it is none), cut where a line may break."""

STANDINGS: dict[str, str] = {
    "better": "▲ better than its floor",
    "worse": "▼ worse than its floor",
    "even": "≈ not told apart from its floor",
    "none": "no floor",
}
MAX_SLICES = 100
"""So many parts of a kind are shown, those of most videos; the rest is counted."""

SLICE_MEASURES = (
    "auroc",
    "accuracy",
    "fake_accuracy",
    "real_accuracy",
    "false_alarm_rate",
    "called_fake",
    "box_iou",
    "time_distance",
    "tiou",
    "viou",
    "category_map",
)
EXPLORER = ("accuracy", "fake_accuracy", "real_accuracy", "overall")
"""What differs between the explorer's protocol and the paper's."""


@dataclass(frozen=True)
class FigureRow:
    """One figure, written out; "" = there is none.

    Attributes:
        title: words for the figure. value, interval, floor, floor_name, gain, gain_interval, rests_on: as shown.
        standing: what the interval of the gain allows to say.
        reason: why there is no value.
        floors: (name, value) of every floor.
    """

    title: str
    value: str
    interval: str
    floor: str
    floor_name: str
    gain: str
    gain_interval: str
    rests_on: str
    standing: Standing
    reason: str
    floors: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> str:
        """The standing in words."""
        return STANDINGS[self.standing]

    @property
    def floor_parts(self) -> list[str]:
        """The floor's name cut where a line may break."""
        return breakable(self.floor_name)


def figure_rows(block: Block, digits: int, keys: Collection[str] | None = None) -> list[FigureRow]:
    """Rows of a block of figures, in its order.

    Args:
        block: figures by key. digits: after the point.
        keys: which; None = all.
    """
    return [figure_row(TITLES.get(k, k), c, digits) for k, c in block.items() if keys is None or k in keys]


def figure_row(title: str, compared: Compared, digits: int) -> FigureRow:
    """One figure, written out.

    Example:
        >>> from dtr.evaluation.figures import Figure
        >>> gain = Figure(0.1, (0.02, 0.2))
        >>> row = figure_row("x", Compared(Figure(0.5, (0.4, 0.6), 9), {"full_frame": 0.4}, "full_frame", gain), 2)
        >>> row.value, row.floor, row.floor_name, row.gain, row.gain_interval, row.rests_on, row.standing
        ('0.50', '0.40', 'full_frame', '+0.10', '0.02 to 0.20', '9 videos', 'better')
    """
    model, gain = compared.model, compared.gain
    return FigureRow(
        title=title,
        value=number(model.value, digits),
        interval=_between(model.interval, digits),
        floor=number(compared.floor, digits),
        floor_name=compared.best or "",
        gain="" if gain is None else _signed(gain.value, digits),
        gain_interval="" if gain is None else _between(gain.interval, digits),
        rests_on=f"{model.n} {model.unit}" if model.n else "",
        standing=standing(compared),
        reason=model.reason if model.value is None else "",
        floors=tuple((name, number(v, digits)) for name, v in sorted(compared.floors.items())),
    )


def standing(compared: Compared) -> Standing:
    """What the 95 % interval of the gain allows to say; without one, nothing.

    Example:
        >>> from dtr.evaluation.figures import Figure
        >>> gains = [Figure(0.1, (-0.1, 0.3)), Figure(-1.0, (-2.0, -1.0))]
        >>> [standing(Compared(Figure(0.5), {"a": 0.4}, "a", gain)) for gain in gains]
        ['even', 'worse']
    """
    if compared.gain is None or compared.gain.interval is None:
        return "none"
    low, high = compared.gain.interval
    return "better" if low > 0 else "worse" if high < 0 else "even"


def headline(found: Evaluation) -> list[FigureRow]:
    """The figures at the top: one of each kind, as far as they are defined."""
    label = "auroc" if found.label["auroc"].model.value is not None else "accuracy"
    chosen = [
        ("Real or fake: " + TITLES[label] + " per video", found.label, label, 3),
        ("Accuracy per row, the paper's", found.paper, "accuracy", 1),
        ("Overall, the paper's", found.paper, "overall", 1),
        ("Where: box IoU", found.oracle, "box_iou", 3),
        ("When: time distance ↓", found.oracle, "time_distance", 3),
        ("When: temporal IoU", found.oracle, "tiou", 3),
        ("Where and when: vIoU", found.oracle, "viou", 3),
        ("What kind: category mAP", found.oracle, "category_map", 3),
    ]
    rows = [figure_row(title, block[key], digits) for title, block, key, digits in chosen if key in block]
    return [row for row in rows if row.value]


def verdict_line(rows: Sequence[FigureRow]) -> str:
    """One sentence on all headline figures.

    Example:
        >>> verdict_line([])
        'No headline figure can be computed on these answers.'
    """
    if not rows:
        return "No headline figure can be computed on these answers."
    counts = {name: sum(row.standing == name for row in rows) for name in STANDINGS}
    without = f", without a floor in {counts['none']}" if counts["none"] else ""
    return (
        f"Of {len(rows)} headline figures it is better than its floor in {counts['better']}, worse in "
        f"{counts['worse']}, not told apart in {counts['even']}{without} (95 % intervals by video)."
    )


def breakable(name: str) -> list[str]:
    """A name cut where a line may break.

    Example:
        >>> breakable("always_fake+train_best")
        ['always_', 'fake+', 'train_', 'best']
    """
    return re.findall(r"[^_+/]+[_+/]?", name)


def published_rows(found: Evaluation) -> list[tuple[str, str, NamedCells]]:
    """(CSS class, name, cells) of the paper's table: these answers, their floors, the published models.

    A cell is a number and the name of a floor, cut where a line may break.
    """
    keys = ("overall", *(k for k in PAPER_METRICS if k != "overall"))
    ours: NamedCells = [(number(found.paper[k].model.value, 1) or "–", []) for k in keys]
    floors = [(number(found.paper[k].floor, 1) or "–", breakable(found.paper[k].best or "")) for k in keys]
    theirs: list[tuple[str, NamedCells]] = [
        (row.model, [(f"{getattr(row, k):.1f}", []) for k in keys]) for row in PUBLISHED
    ]
    return [
        ("ours", "these answers", ours),
        ("floors", "best floor of each column", floors),
        *(("published", name, cells) for name, cells in theirs),
    ]


def published_columns() -> list[str]:
    """Headings of `published_rows`."""
    return [TITLES[k] for k in ("overall", *(k for k in PAPER_METRICS if k != "overall"))]


@dataclass(frozen=True)
class Cell:
    """A number of a part: as written, its floor, and its share of the largest possible value (for the bar)."""

    text: str
    floor: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class SliceTable:
    """Parts of one kind.

    Attributes:
        kind: of all of them. columns: headings after name, videos and rows.
        rows: (name, videos, rows, cells).
        hidden: parts that are not shown.
    """

    kind: str
    columns: list[str]
    rows: list[tuple[str, int, int, list[Cell]]] = field(default_factory=list)
    hidden: int = 0


def slice_tables(slices: Sequence[Mapping[str, Any]]) -> list[SliceTable]:
    """A table for each kind of part, the parts in their given order.

    Args:
        slices: `dtr.evaluation.slices.Slice` as JSON.
    """
    tables = []
    for kind in dict.fromkeys(s["kind"] for s in slices):
        parts = [s for s in slices if s["kind"] == kind]
        largest = {s["name"] for s in sorted(parts, key=lambda s: -s["n_videos"])[:MAX_SLICES]}
        shown = [s for s in parts if s["name"] in largest]
        keys = [k for k in SLICE_MEASURES if any(s["measures"].get(k) is not None for s in shown)]
        rows = [(s["name"], s["n_videos"], s["n_rows"], [_cell(s["measures"], k) for k in keys]) for s in shown]
        headings = [TITLES.get(k, k.replace("_", " ").capitalize()) for k in keys]
        tables.append(SliceTable(kind, headings, rows, len(parts) - len(shown)))
    return tables


def _cell(measures: Mapping[str, float | None], key: str) -> Cell:
    value = measures.get(key)
    share = 0.0 if value is None else min(1.0, max(0.0, value))
    return Cell(number(value, 3) or "–", number(measures.get(f"floor_{key}"), 3), round(share, 3))


def heat(table: Sequence[Sequence[int]]) -> list[list[tuple[int, float]]]:
    """Counts with their share of the line, which is their depth of colour.

    Example:
        >>> heat([[1, 3], [0, 0]])
        [[(1, 0.25), (3, 0.75)], [(0, 0.0), (0, 0.0)]]
    """
    return [[(n, round(n / total, 3) if (total := sum(line)) else 0.0) for n in line] for line in table]


def number(value: float | None, digits: int) -> str:
    """A number, or "" for None.

    Example:
        >>> number(-0.5, 1), number(-0.01, 1), number(None, 1)
        ('−0.5', '0.0', '')
    """
    return "" if value is None else f"{value:z.{digits}f}".replace("-", "−")


def _signed(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:+z.{digits}f}".replace("-", "−")


def _between(interval: tuple[float, float] | None, digits: int) -> str:
    return "" if interval is None else f"{number(interval[0], digits)} to {number(interval[1], digits)}"
