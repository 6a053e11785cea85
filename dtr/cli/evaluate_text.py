"""An evaluation as text: the paper's table, then what it leaves out, each figure with its floor and interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dtr.evaluation.titles import TITLES

if TYPE_CHECKING:
    from dtr.evaluation.compared import Compared
    from dtr.evaluation.evaluation import Evaluation

WIDTH = 150
SMALL_SLICE = 5


def print_evaluation(found: Evaluation, *, all_figures: bool = False) -> None:
    """Print every block to stdout.

    Args:
        found: what to print.
        all_figures: also average precision at every single overlap.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    _head(console, found)
    _block(console, "The paper's protocol: 0–100, accuracy per row, a fake called REAL scores 0", found.paper, 1)
    accuracies = ("accuracy", "fake_accuracy", "real_accuracy", "overall")
    explorer = {k: v for k, v in found.per_video.items() if k in accuracies}
    _block(console, "The public explorer's: the same with accuracy per video", explorer, 1)
    _block(console, "Real or fake, per video", found.label, 3)
    for title, block in (
        ("Place, time and kind under its own labels; floors answer the same videos", found.own),
        ("Place, time and kind under oracle labels: every generated video is answered", found.oracle),
    ):
        shown = block if all_figures else {k: v for k, v in block.items() if k in TITLES}
        _block(console, title, shown, 3)
    _operating(console, found.operating)
    _slices(console, found.slices)
    _foot(console, found)


def _head(console: Console, found: Evaluation) -> None:
    truth, p = found.coverage["truth"], found.provenance
    model = ", ".join(p.get("model_ids") or ()) or "predictions"
    split = ", ".join(p.get("split") or ()) or "all videos"
    console.print(
        f"[bold]{escape(model)}[/bold] on {escape(split)}: {truth['videos']} videos ({truth['fake_videos']} generated, "
        f"{truth['real_videos']} real), {truth['trace_rows']} trace rows; media: {p.get('media', 'not stated')}"
    )


def _block(console: Console, title: str, block: Mapping[str, Compared], digits: int) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for name in ("figure", "model", "95 %", "floor", "gain over it", "rests on"):
        table.add_column(name, justify="left" if name in ("figure", "rests on") else "right", overflow="fold")
    reasons = []
    for key, compared in block.items():
        title_of = TITLES.get(key, key)
        model = compared.model
        if model.value is None:
            reasons.append(f"{title_of}: {model.reason}")
        floor = "" if compared.floor is None else f"{compared.floor:.{digits}f} {compared.best}"
        gain = compared.gain
        table.add_row(
            title_of,
            _number(model.value, digits),
            _interval(model.interval, digits),
            escape(floor),
            "" if gain is None else f"{_signed(gain.value, digits)} {_interval(gain.interval, digits)}",
            f"{model.n} {model.unit}" if model.n else "",
        )
    console.print(table)
    for line in reasons:
        console.print(f"  – {escape(line)}")


def _operating(console: Console, found: dict[str, Any] | None) -> None:
    if found is None:
        return
    point = found["at_fpr"]
    if point is not None:
        tpr = "–" if point["tpr"] is None else f"{point['tpr']:.3f} {_interval(point['tpr_interval'], 3)}"
        console.print(
            f"At a false-positive rate of at most {point['wanted']:g}: threshold {point['threshold']:.4f}, finds {tpr} "
            f"of the generated videos, {point['fpr']:.4f} {_interval(point['fpr_interval'], 4)} false alarms on "
            f"{point['n_real']} real ones (chosen on these very videos)"
        )
    if found["prior"] is not None:
        parts = [("labels", found["precision_of_labels"]), ("threshold", found["precision"])]
        said = "; ".join(f"of its {what} {value:.3f}" for what, value in parts if value is not None) or "not defined"
        console.print(f"Where {found['prior']:g} of all videos are generated, precision is: {said}")


def _slices(console: Console, slices: list[dict[str, Any]]) -> None:
    if not slices:
        return
    names = ("auroc", "accuracy", "called_fake", "box_iou", "time_distance", "tiou")
    table = Table(box=box.SIMPLE_HEAD, title="By part (oracle labels)", title_justify="left", title_style="bold")
    table.add_column("part")
    for column in ("videos", "rows", *(TITLES[n] for n in names)):
        table.add_column(column, justify="right")
    shown = [s for s in slices if s["n_videos"] >= SMALL_SLICE]
    for part in shown:
        measures = part["measures"] | {"called_fake": _called_fake(part["measures"])}
        values = [_number(measures.get(n), 3) for n in names]
        table.add_row(escape(f"{part['kind']}: {part['name']}"), str(part["n_videos"]), str(part["n_rows"]), *values)
    console.print(table)
    if len(shown) < len(slices):
        console.print(f"  – {len(slices) - len(shown)} parts of fewer than {SMALL_SLICE} videos: see --json or --html")


def _called_fake(measures: Mapping[str, Any]) -> float | None:
    """Share of a part's videos that were called fake, where all of them have one label."""
    if measures.get("real_accuracy") is not None:
        return None
    return next(
        (v for n in ("called_fake", "false_alarm_rate", "fake_accuracy") if (v := measures.get(n)) is not None), None
    )


def _foot(console: Console, found: Evaluation) -> None:
    truth, answers = found.coverage["truth"], found.coverage["answers"]
    own, oracle = (found.coverage["answered_rows"][policy] for policy in ("own", "oracle"))
    console.print(
        f"Answers: {answers['given']} given, {answers['missing']} missing, {answers['invalid_label']} without a valid "
        f"label; {answers['fakes_called_fake']} of {truth['fake_videos']} generated videos called FAKE; usable boxes "
        f"for {own['box']} (own labels) and {oracle['box']} (oracle labels) of {truth['rows_with_box']} rows, onsets "
        f"for {own['onset']} and {oracle['onset']} of {truth['rows_with_time']}"
    )
    for note in found.notes:
        console.print(f"  – {escape(note)}")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def _signed(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"


def _interval(interval: Any, digits: int) -> str:
    if interval is None or None in interval:
        return ""
    return escape(f"[{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]")
