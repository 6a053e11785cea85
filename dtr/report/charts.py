"""The charts of a report, each with its floor drawn beside it and its numbers in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dtr.evaluation.compared import Compared
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.label import video_scores
from dtr.evaluation.published import PUBLISHED
from dtr.report.svg import BOTTOM, HEIGHT, TOP, Axis, Canvas, Plot, Points

REFERENCE = next(row for row in PUBLISHED if row.model == "SFT VideoLLaMA3 7B")
COUNTS = 0.25  # room below the reliability diagram for the number of videos, in units of its axis
ZOOM = 0.1  # largest false-positive rate of the second ROC chart
GRADIENT = (
    ("accuracy", ("Accuracy",)),
    ("explanation", ("Explanation",)),
    ("bbox_iou", ("BBox IoU",)),
    ("time_distance", ("100 − Time", "distance")),
)
"""Bars of the difficulty gradient, easy to hard as the paper has them, with the words below each."""

OVERLAP_TITLES = {"box_iou": "Box IoU", "tiou": "Temporal IoU", "viou": "Spatio-temporal IoU"}
SHARE = Axis("share of rows", percent=True)
MODEL, ORACLE, FLOOR, REFERENCE_CLASS = "model", "oracle", "floor", "reference"


@dataclass(frozen=True)
class Entry:
    """A line of a legend: CSS class of the sample, and its words."""

    cls: str
    words: str

    @property
    def sample(self) -> Canvas:
        """A short piece of the line."""
        picture = Canvas(26, 10, "", "sample")
        picture.add("line", f"line {self.cls}", x1=1.0, x2=25.0, y1=5.0, y2=5.0)
        return picture


@dataclass(frozen=True)
class Chart:
    """A picture with the words around it.

    Attributes:
        title: above it. picture: None = there is nothing to draw, for the reason in `caption`.
        legend: what its lines are.
        caption: below it: what to read from it, and the floor in figures.
    """

    title: str
    picture: Canvas | None
    legend: tuple[Entry, ...] = ()
    caption: str = ""


def gradient(found: Evaluation) -> Chart:
    """The paper's four parts side by side, 0–100, higher is better, with floor and published reference."""
    axis = Axis("0–100, higher is better", 0, 100, (0, 25, 50, 75, 100))
    shown = {key: _turned(found.paper[key], key) for key, _ in GRADIENT}
    alt = "Bars: " + "; ".join(_gradient_words(key, *shown[key]) for key, _ in GRADIENT)
    plot = Plot(Axis("", -0.5, len(GRADIENT) - 0.5), axis, alt, named_x=True)
    for place, (key, words) in enumerate(GRADIENT):
        _gradient_bar(plot, place, *shown[key], reference=_reference(key))
        for line, text in enumerate(words):
            plot.words(plot.x(place), HEIGHT - BOTTOM + 15 + 13 * line, text, anchor="middle")
    legend = (
        Entry("model thick", "this prediction set, with 95 %"),
        Entry("floor thick", "best floor on the same rows"),
        Entry("reference thick", f"published: {REFERENCE.model} (other videos: the released test split)"),
    )
    return Chart("Difficulty gradient", plot, legend, "The paper's protocol: a generated video called REAL scores 0.")


Interval = tuple[float, float]


def _turned(compared: Compared, key: str) -> tuple[float | None, Interval | None, float | None]:
    """Value, interval and floor; distances as 100 − distance."""
    value, between, floor = compared.model.value, compared.model.interval, compared.floor
    if key != "time_distance":
        return value, between, floor
    low_high = None if between is None else (100 - between[1], 100 - between[0])
    return None if value is None else 100 - value, low_high, None if floor is None else 100 - floor


def _reference(key: str) -> float:
    value = float(getattr(REFERENCE, key))
    return 100 - value if key == "time_distance" else value


def _gradient_words(key: str, value: float | None, _: Interval | None, floor: float | None) -> str:
    name = " ".join(dict(GRADIENT)[key])
    said = "not measured" if value is None else f"{value:.1f}"
    return f"{name} {said}, floor {'none' if floor is None else f'{floor:.1f}'}, published {_reference(key):.1f}"


def _gradient_bar(
    plot: Plot, place: int, value: float | None, between: Interval | None, floor: float | None, *, reference: float
) -> None:
    if value is None:
        words = "not judged" if GRADIENT[place][0] == "explanation" else "not measured"
        plot.words(plot.x(place), plot.y(0) - 6, words, "muted", "middle")
    else:
        plot.bar(place - 0.12, 0.42, value, MODEL)
        plot.words(plot.x(place - 0.12), plot.y(0) - 6, f"{value:.1f}", "inside", "middle")
    if between is not None:
        plot.whisker(place - 0.12, *between, "dark")
    for cls, level in ((FLOOR, floor), (REFERENCE_CLASS, reference)):
        if level is not None:
            plot.line([(place - 0.4, level), (place + 0.4, level)], f"{cls} thick")


def reliability(found: Evaluation) -> Chart:
    """Share of fakes in each bin of the score, with the number of videos in it."""
    title, curve = "Reliability of the score", found.curves.get("reliability")
    if curve is None:
        return Chart(title, None, caption=_no_curve(found))
    bins = [
        (s, y, low, high, n)
        for s, y, low, high, n in zip(
            *(curve[k] for k in ("mean_score", "fake_share", "low", "high", "n")), strict=True
        )
        if n
    ]
    alt = "Score against share of generated videos: " + "; ".join(f"{s:.2f}: {y:.2f} of {n}" for s, y, _, _, n in bins)
    plot = Plot(Axis("mean score of the bin"), Axis("share that is generated", low=-COUNTS), alt)
    most = max(n for *_, n in bins)
    for left, right, n in zip(curve["edges"], curve["edges"][1:], curve["n"], strict=False):
        if n:
            top = 0.55 * COUNTS * n / most - COUNTS
            plot.bar((left + right) / 2, 0.9 * (right - left), top, "count")
            plot.words(plot.x((left + right) / 2), plot.y(top) - 3, str(n), "muted", "middle")
    plot.line([(0, 0), (1, 1)], "diagonal")
    share = sum(y * n for _, y, _, _, n in bins) / sum(n for *_, n in bins)
    plot.line([(0, share), (1, share)], FLOOR)
    plot.line([(s, y) for s, y, *_ in bins], MODEL)
    for s, y, low, high, _ in bins:
        plot.whisker(s, low, high, MODEL)
        plot.dot(s, y, MODEL)
    legend = (
        Entry(MODEL, "scores, with 95 % of each bin"),
        Entry("diagonal", "perfectly calibrated"),
        Entry(FLOOR, "a constant answer: the share of generated videos"),
    )
    beside = "; ".join(_beside(found.label, key) for key in ("ece", "brier"))
    caption = f"Grey bars: videos per bin. Floors in brackets: {beside}."
    return Chart(title, plot, legend, caption)


def roc(found: Evaluation) -> list[Chart]:
    """The whole ROC curve, and its left tenth."""
    curve = found.curves.get("roc")
    if curve is None:
        return [Chart("ROC", None, caption=_no_curve(found))]
    points = list(zip(curve["fpr"], curve["tpr"], strict=True))
    tpr = Axis("generated videos found (TPR)", percent=True)
    caption = f"{_beside(found.label, 'auroc')}: the floor in brackets."
    alt = "ROC curve. " + caption
    whole = Plot(Axis("real videos called fake (FPR)", percent=True), tpr, alt)
    whole.line([(0, 0), (1, 1)], FLOOR)
    whole.line(points, MODEL)
    charts = [Chart("ROC", whole, (Entry(MODEL, "score"), Entry(FLOOR, "guessing")), caption)]
    return [*charts, _roc_zoom(found, points, tpr)]


def _roc_zoom(found: Evaluation, points: Points, tpr: Axis) -> Chart:
    said = video_scores(found.items)
    num_real = int((said.has_score & ~said.is_fake).sum())
    caption = (
        f"One of {num_real} real videos is {100 / num_real:.2g} %: a smaller rate than that (grey) cannot be measured "
        "here."
    )
    left = cut_at(points, ZOOM)
    axis = Axis("real videos called fake (FPR)", 0, ZOOM, (0.0, 0.025, 0.05, 0.075, 0.1), percent=True)
    plot = Plot(axis, tpr, f"ROC curve up to 10 % FPR, where it finds {100 * left[-1][1]:.0f} %. {caption}")
    unknown = min(1 / num_real, ZOOM)
    plot.add("rect", "unknown", x=plot.x(0), y=TOP, width=plot.x(unknown) - plot.x(0), height=HEIGHT - TOP - BOTTOM)
    plot.line([(0, 0), (ZOOM, ZOOM)], FLOOR)
    plot.line(left, MODEL)
    point = (found.operating or {}).get("at_fpr")
    if point is not None and point["tpr"] is not None and point["fpr"] <= ZOOM:
        plot.dot(point["fpr"], point["tpr"], MODEL)
        caption += f" Dot: the operating point for {point['wanted']:g}, chosen on these very videos."
    return Chart("ROC, few false alarms", plot, (Entry(MODEL, "score"), Entry(FLOOR, "guessing")), caption)


def cut_at(points: Points, x: float) -> list[tuple[float, float]]:
    """The part of a rising line up to a place, its end point added.

    Example:
        >>> cut_at([(0.0, 0.0), (0.0, 0.5), (0.5, 1.0)], 0.25)
        [(0.0, 0.0), (0.0, 0.5), (0.25, 0.75)]
    """
    kept = [p for p in points if p[0] <= x]
    after = next((p for p in points if p[0] > x), None)
    if after is None or not kept:
        return kept
    (x0, y0), (x1, y1) = kept[-1], after
    return [*kept, (x, y0 + (y1 - y0) * (x - x0) / (x1 - x0))]


def risk_coverage(found: Evaluation) -> Chart:
    """Errors among the answers that it is surest of."""
    title, curve = "Risk and coverage", found.curves.get("risk_coverage")
    if curve is None:
        return Chart(title, None, caption=_no_curve(found))
    points = list(zip(curve["coverage"], curve["risk"], strict=True))
    floor = found.label["accuracy"].floor
    high = max(0.5, *(risk for _, risk in points), 0.0 if floor is None else 1 - floor)
    axis = Axis("wrong among them", 0, 1 if high > 0.5 else 0.5, (0, 0.5, 1) if high > 0.5 else (0, 0.25, 0.5), True)
    last = points[-1][1]
    caption = f"Wrong among all scored answers: {100 * last:.1f} %; area under the curve {curve['area']:.3f}"
    caption += (
        "."
        if floor is None
        else f"; the best floor ({found.label['accuracy'].best}) is wrong in {100 - 100 * floor:.1f} %."
    )
    plot = Plot(Axis("answers kept, surest first", percent=True), axis, f"Risk against coverage. {caption}")
    legend = [Entry(MODEL, "answers with a score, surest first")]
    if floor is not None:
        plot.line([(0, 1 - floor), (1, 1 - floor)], FLOOR)
        legend.append(Entry(FLOOR, f"{found.label['accuracy'].best}, all videos"))
    plot.line(points, MODEL)
    return Chart(title, plot, tuple(legend), caption)


def overlaps(found: Evaluation) -> list[Chart]:
    """Share of trace rows that reach each overlap, in space, in time, and in both."""
    curves = found.curves.get("overlap") or {}
    return [_overlap(name, curves[name], found.curves["levels"]) for name in OVERLAP_TITLES if name in curves]


def _overlap(name: str, lines: Mapping[str, Sequence[float | None]], levels: Sequence[float]) -> Chart:
    title = f"Rows that reach a {OVERLAP_TITLES[name]}"
    classes = {"own": MODEL, "oracle": ORACLE}
    words = {"own": "own labels", "oracle": "oracle labels"}
    drawn = {key: _defined(levels, values) for key, values in lines.items()}
    drawn = {key: points for key, points in drawn.items() if points}
    if not drawn:
        return Chart(title, None, caption="No annotated trace row has what this needs.")
    half = {key: next(y for x, y in points if x >= 0.5) for key, points in drawn.items()}
    caption = "At 0.5: " + "; ".join(f"{words.get(key, key)} {100 * y:.1f} %" for key, y in half.items()) + "."
    plot = Plot(Axis(f"{OVERLAP_TITLES[name]} of at least"), SHARE, f"{title}. {caption}")
    for key, points in drawn.items():
        plot.line(points, classes.get(key, FLOOR))
    return Chart(title, plot, tuple(Entry(classes.get(k, FLOOR), words.get(k, k)) for k in drawn), caption)


def _defined(levels: Sequence[float], values: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(levels, values, strict=True) if y is not None]


def _beside(block: Mapping[str, Compared], key: str) -> str:
    """A figure in words, never without its floor."""
    name = {"ece": "calibration error (ECE)", "brier": "Brier score", "auroc": "AUROC"}[key]
    compared = block[key]
    value = "not measured" if compared.model.value is None else f"{compared.model.value:.3f}"
    floor = "no floor" if compared.floor is None else f"{compared.best} {compared.floor:.3f}"
    return f"{name} {value} ({floor})"


def _no_curve(found: Evaluation) -> str:
    return f"Nothing to draw: {found.label['auroc'].model.reason or 'no curve was counted'}."
