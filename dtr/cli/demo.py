"""`dtr demo`: a clip made on the spot, its truth, and what the detector says of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dtr.errors import ConfigError

if TYPE_CHECKING:
    from dtr.annotation import TraceAnnotation
    from dtr.demo import Comparison, Plan
    from dtr.verdict import Verdict

EPILOG = """\b
Examples:
  dtr demo
  dtr demo --seed 7 -o seven.mp4
  dtr demo --seed 7 --json
\b
Every seed gives another photograph, place, time and kind of trace, and always the same clip.
"""


@click.command(epilog=EPILOG)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which clip.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("dtr-demo.mp4"),
    show_default=True,
    help="Overlay to write; the clip itself goes beside it as NAME.clip.mp4.",
)
@click.option("--model", metavar="NAME_OR_PATH", help="An .onnx file or an embedded detector (see `dtr models`).")
@click.option("--json", "as_json", is_flag=True, help="Print truth, comparison and verdict as JSON.")
def demo(seed: int, output: Path, model: str | None, as_json: bool) -> None:
    """Film a photograph, put one trace in, and see whether it is found. Needs no file and no network.

    A real photograph (CC0) is filmed by a moving virtual camera, and one synthetic trace is put in, so that the truth
    is known. What is printed is what the detector found: a miss is shown as a miss.
    """
    from dtr.api import detect, load
    from dtr.demo import compare, draw_plan, to_json, write_clip
    from dtr.extras import check_onnxruntime
    from dtr.overlay import write_overlay

    if output.suffix.lower() != ".mp4" or not output.absolute().parent.is_dir():
        raise ConfigError(f"-o: expected an .mp4 in an existing folder, got '{output}'; choose another output")
    notice = check_onnxruntime()
    if notice:
        click.echo(f"dtr: note: {notice}", err=True)
    detector = load(model)
    plan = draw_plan(seed)
    clip = output.with_name(f"{output.stem}.clip.mp4")
    truth = write_clip(plan, clip)
    verdict = detect(clip, model=detector)
    result = compare(truth, verdict)
    write_overlay(verdict, output, truth=[truth])
    if as_json:
        report = to_json(plan, truth, verdict, result) | {"clip": str(clip), "overlay": str(output)}
        click.echo(json.dumps(report, allow_nan=False))
    else:
        _print(plan, truth, verdict, result)
        click.echo(f"\nclip     {clip}\noverlay  {output}  (truth: dashed white)")


def _print(plan: Plan, truth: TraceAnnotation, verdict: Verdict, result: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(
        f"Seed {plan.seed}: a real photograph ({plan.photo.file}, CC0, {plan.photo.author}) filmed by a virtual "
        f"camera, with one synthetic trace: {plan.sentence}.\n",
        highlight=False,
    )
    table = Table("", "truth", "prediction", "", box=None, padding=(0, 3, 0, 0))
    for row in _rows(plan, truth, verdict, result):
        table.add_row(*row)
    console.print(table, highlight=False)
    console.print(f"\n{_summary(verdict, result)}", highlight=False)


def _rows(plan: Plan, truth: TraceAnnotation, verdict: Verdict, result: Comparison) -> list[tuple[str, str, str, str]]:
    from dtr.cli.text import place_in_words

    label = f"{verdict.label}, P(fake) {verdict.score:.0%}" + (", too close to call" if verdict.abstain else "")
    rows = [("label", "fake", label, "hit" if result.label_right else "MISS")]
    where = place_in_words(truth.box) if truth.box is not None else ""
    trace = result.trace
    if trace is None:
        rows.append(("category", plan.category, "no trace reported", "MISS"))
        rows.append(("onset", f"{plan.span_s[0]:.2f} s", "", "MISS"))
        rows.append(("box", where, "", "MISS"))
        return rows
    category = trace.category or "not predicted"
    rows.append(("category", plan.category, category, "hit" if result.category_right else "MISS"))
    rows.append(("onset", f"{plan.span_s[0]:.2f} s", f"{trace.span_s[0]:.2f} s", f"error {result.onset_error_s:.2f} s"))
    rows.append(("box", where, place_in_words(trace.box), f"IoU {result.box_iou:.2f}"))
    return rows


def _nearest(verdict: Verdict) -> list[str]:
    """The strongest candidate of a verdict without a trace: what was seen, but not surely enough to be reported."""
    from dtr.cli.text import place_in_words

    if not verdict.candidates:
        return []
    best = max(verdict.candidates, key=lambda candidate: candidate.score)
    start, end = best.span_s
    return [
        f"Its strongest candidate, too weak to be reported (score {best.score:.2f}): {place_in_words(best.box)}, "
        f"{start:.2f} s to {end:.2f} s."
    ]


def _summary(verdict: Verdict, result: Comparison) -> str:
    lines: list[str] = []
    if result.trace is None:
        lines.append("The trace was not found." if verdict.label == "fake" else "The detector took the clip for real.")
        lines += _nearest(verdict)
    elif result.box_iou == 0:
        lines.append("A trace was reported, but elsewhere: the one that was put in was not found.")
    extra = len(verdict.traces) - 1
    if extra > 0:
        lines.append(f"It reported {extra} more trace{'s' if extra > 1 else ''}; only one was put in.")
    lines.append("One synthetic trace on a filmed photograph says little about generated videos; see the model's card.")
    return " ".join(lines)
