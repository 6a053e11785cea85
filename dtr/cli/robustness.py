"""`dtr robustness`: what re-encoding, scaling, overlays and the like cost a detector."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dtr.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from dtr.annotation import VideoAnnotation
    from dtr.robustness.answers import Lost
    from dtr.robustness.run import Row
    from dtr.robustness.table import RobustnessTable, TableRow

COLUMNS = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "fake_accuracy": "fake acc.",
    "real_accuracy": "real acc.",
    "box_iou": "box IoU",
    "time_distance": "time dist. ↓",
    "tiou": "tIoU",
    "viou": "vIoU",
    "category_map": "category mAP",
}
"""Measures in the printed table; --json has them all."""

WIDTH = 160  # columns where stdout is no terminal


@click.command()
@click.option("--annotations", type=click.Path(path_type=Path), required=True, help="Data set with its media.")
@click.option("--split", default="val", show_default=True, help="Whose clips are taken.")
@click.option("--model", metavar="NAME_OR_PATH", help="An .onnx file or an embedded detector (see `dtr models`).")
@click.option("--transforms", metavar="A,B,...", help="What happens; 'none' is always there.  [default: 26 of them]")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many clips, half of each label, drawn by --seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of draws, grain and badges.")
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes; 0 = this one.")
@click.option("--max-clip-mib", type=click.IntRange(min=1), default=2048, show_default=True, help="Frames of one clip.")
@click.option("--long", "long_", is_flag=True, help="Lift the limits on length and size of a file.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Continue an interrupted run.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Answers, a line per clip and transform.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Print the table of answers made before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def robustness(annotations: Path, output: Path | None, source: Path | None, as_json: bool, **options: Any) -> int:
    """Measure what happens to a detector when its videos were re-encoded, scaled, cropped or drawn upon.

    Every clip of both labels goes through every transform in memory and then through the detector. Boxes and times of
    the annotations are mapped along. The table says what each figure is and what it loses against the untouched clips:
    the same clips and traces on both sides. Nothing is said of audio, of edits that cut a clip, or of attacks made
    against this very detector.

    \b
    Transforms (N is a number; join some with + to make a chain):
      none  hflip  caption  badge  screen  screen-recording  last-mile
      h264-crfN  h265-crfN  vp9-crfN   re-encoded at this quality, larger = coarser
      scale-N                          both sides times N, left small
      fps-N  record-N                  at most N frames a second; exactly N, old ones repeated
      crop-N                           this share from the middle
      blur-N  noise-N  brightness-N    softness (pixels at 360p), grain (of 255), factor
      speed-N                          N times as fast
      screen-recording                 screen + record-30 + h264-crf30
      last-mile                        vp9-crf36 + scale-0.5 + fps-8 + badge + h264-crf32
    By default: none, h264-crf28 35 42, h265-crf28 36, vp9-crf36 48, scale-0.5 0.25, fps-8 4, crop-0.8, blur-1 3,
    noise-6 15, brightness-0.7 1.3, hflip, speed-1.5 0.75, caption, badge, screen-recording, last-mile.

    \b
    Examples:
      dtr robustness --annotations DeeptraceReward/ --split test -o robust.jsonl
      dtr robustness --annotations data/ --limit 20 --transforms h264-crf35,scale-0.5+h264-crf28 -o some.jsonl
      dtr robustness --annotations DeeptraceReward/ --from robust.jsonl --json

    An interrupted run goes on where it stopped when the command is repeated. The frames of one clip are held in memory
    up to four times over, for each worker. Exit code 0: all answered; 1: some clips failed; 2: wrong usage.
    """
    from dtr.data.dataset import read_dataset
    from dtr.robustness.answers import read_answers
    from dtr.robustness.table import make_table

    if (output is None) == (source is None):
        raise ConfigError("expected -o FILE to measure, or --from FILE to print a table again; give one of them")
    data = read_dataset(annotations, on_error="collect")
    if data.problems:
        click.echo(f"dtr: note: {len(data.problems)} problems in the rows; list them with dtr data check", err=True)
    if output is not None:
        _answer(data.in_split(options["split"]), annotations, output, **options)
    answers = read_answers(output or source or Path())
    if not any(answers.by_transform.values()):  # there will be no table to print the reasons with
        _print_lost(answers.lost)
    table = make_table(data.videos, answers)
    if as_json:
        click.echo(json.dumps(table.to_json(), allow_nan=False))
    else:
        _print(table)
    return 1 if table.lost else 0


def _answer(videos: tuple[VideoAnnotation, ...], annotations: Path, output: Path, **options: Any) -> None:
    """Write the answers that are not there yet."""
    from dtr.api import load
    from dtr.cli.outputs import check_output
    from dtr.cli.progress import progress
    from dtr.robustness.catalogue import DEFAULT, parse_all
    from dtr.robustness.run import Setup, choose_videos, write_answers
    from dtr.video import Limits

    check_output(output, "-o", annotations)
    names = options["transforms"].split(",") if options["transforms"] is not None else DEFAULT
    transforms = tuple(t.name for t in parse_all(names))
    if not videos:
        raise ConfigError(f"--split: expected videos in split '{options['split']}', found none; see dtr data stats")
    chosen = choose_videos(videos, options["limit"], options["seed"])
    limits = replace(Limits.long() if options["long_"] else Limits(), max_clip_bytes=options["max_clip_mib"] * 2**20)
    setup = Setup(load, options["model"], transforms, options["seed"], limits)
    total = len(chosen) * len(transforms)
    click.echo(f"dtr: note: {len(chosen)} clips, {len(transforms)} transforms, {total} answers", err=True)
    with progress("judging") as on_progress:

        def on_row(row: Row, done: int) -> None:
            if on_progress is not None:
                on_progress(done, total)

        ready = write_answers(
            chosen, setup, output, workers=options["workers"], resume=options["resume"], on_row=on_row
        )
    if ready:
        click.echo(f"dtr: note: {ready} of {total} answers were there already", err=True)


def _print(table: RobustnessTable) -> None:
    from rich.console import Console

    console = Console(markup=False)  # a model's name may hold brackets
    if not console.is_terminal:
        console = Console(width=WIDTH, markup=False)
    baseline = table.rows[0]
    console.print(
        f"{', '.join(table.model_ids)}: {baseline.n_fake} generated and {baseline.n_real} real clips. Behind a value "
        "what is lost against the same clips and traces untouched (+ = worse); * = most of all transforms.",
        highlight=False,
    )
    console.print(_value_table(table))
    if len(table.rows) > 1:
        console.print("What is lost, with the 95 % interval by resampling clips", highlight=False)
        console.print(_interval_table(table))
    _print_lost(table.lost)


def _print_lost(lost: tuple[Lost, ...]) -> None:
    for failed in _by_clip(lost):
        click.echo(failed, err=True)


def _value_table(table: RobustnessTable) -> Table:
    found = _empty("transform", *COLUMNS.values())
    for row in table.rows:
        found.add_row(row.transform, *(_cell(row, name, table.worst.get(name)) for name in COLUMNS))
    return found


def _interval_table(table: RobustnessTable) -> Table:
    from dtr.robustness.table import WITH_INTERVALS

    counts = ("generated", "real", "failed", "traces out of view")
    found = _empty("transform", *(COLUMNS[name] for name in WITH_INTERVALS), *counts)
    for row in table.rows[1:]:
        cells = [_interval_cell(row, name) for name in WITH_INTERVALS]
        numbers = (row.n_fake, row.n_real, row.failed, row.out_of_view)
        found.add_row(row.transform, *cells, *(str(n) for n in numbers))
    return found


def _cell(row: TableRow, name: str, worst: str | None) -> str:
    """A value and what is lost, or a dash."""
    value, drop = row.values.get(name, math.nan), row.drops.get(name, math.nan)
    if not math.isfinite(value):
        return "–"
    lost = f" {_signed(drop)}" if math.isfinite(drop) else ""
    return f"{value:.3f}{lost}{'*' if worst == row.transform else ''}"


def _interval_cell(row: TableRow, name: str) -> str:
    drop, interval = row.drops.get(name, math.nan), row.intervals.get(name)
    if not math.isfinite(drop):
        return "–"
    return _signed(drop) + ("" if interval is None else f" ({_signed(interval[0])} to {_signed(interval[1])})")


def _signed(value: float) -> str:
    """Three decimals with a sign and without a leading zero; what rounds to nothing has a plus.

    Example:
        >>> _signed(-0.1234), _signed(-1e-9), _signed(1.0)
        ('-.123', '+.000', '+1.000')
    """
    return f"{round(value, 3) + 0.0:+.3f}".replace("0.", ".", 1)


def _empty(first: str, *numbers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _by_clip(lost: tuple[Lost, ...]) -> list[str]:
    """One line for each clip and reason, however many transforms it failed under."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for failed in lost:
        names.setdefault((failed.video_id, failed.kind, failed.message), []).append(failed.transform)
    return [
        f"dtr: error: {kind}: {video_id}: {' '.join(message.split())} ({len(found)} transforms: {', '.join(found[:3])}"
        f"{', …' if len(found) > 3 else ''})"
        for (video_id, kind, message), found in names.items()
    ]
