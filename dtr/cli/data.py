"""`dtr data`: check a data set and count what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dtr.cli.lazy import LazyGroup
from dtr.cli.progress import progress
from dtr.errors import AnnotationError

if TYPE_CHECKING:
    from rich.table import Table

    from dtr.data.check import CheckReport
    from dtr.data.stats import DatasetStats, SourceStats

COMMANDS: dict[str, tuple[str, str]] = {
    "convert": ("dtr.cli.data_release:convert", "Write a data set in another form."),
    "unpack": ("dtr.cli.data_release:unpack", "Unpack the media of the downloaded release."),
    "standin": ("dtr.cli.data_release:standin", "Make a small stand-in of the download, to try everything on."),
    "leaks": ("dtr.cli.leaks:leaks", "Measure what tells the label without showing a trace."),
    "canonicalise": ("dtr.cli.canonicalise:canonicalise", "Write all videos through one recipe as a data set."),
}
"""Commands of this group that live in files of their own ("module:attribute"), with their line in the help."""


class DataGroup(LazyGroup):
    """Commands on data sets; the longer ones live in files of their own."""

    table = COMMANDS


@click.group(cls=DataGroup)
def data() -> None:
    """Check and count annotated videos.

    ROOT is a folder in the released DeeptraceReward form (all_data.json beside videos/ and real_videos/), a folder
    with annotations.jsonl or manifest.jsonl files, one of these files alone, or a plain folder with real/ and
    fake/<generator>/. docs/annotations.md describes them.
    """


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--fast", is_flag=True, help="Read rows and list files only; hash and open no media.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads that hash and open media. [default: one per CPU]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def check(ctx: click.Context, root: Path, fast: bool, workers: int | None, as_json: bool) -> None:
    """List every problem of the data set at ROOT.

    Rows are numbered from 1. Exit code 0: nothing is wrong; 1: there are problems, or nothing could be read.

    \b
    Example:
      dtr data check DeeptraceReward/
      dtr data check DeeptraceReward/ --json | jq .problem_counts
    """
    from dtr.data.check import check_dataset

    with progress("checking media") as on_progress:
        report = check_dataset(root, fast=fast, workers=workers, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=1))
    else:
        _print_report(report)
    if not report.counts["videos"]:
        raise AnnotationError(f"{root}: expected annotated videos, found none; give the folder of a data set")
    ctx.exit(0 if report.ok else 1)


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Count one split only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def stats(root: Path, split: str | None, as_json: bool) -> None:
    """Print counts per source and category of the data set at ROOT, in the columns of the paper's Table 1.

    Rows and fields that cannot be used are counted on standard error; `dtr data check` lists them.

    \b
    Example:
      dtr data stats DeeptraceReward/ --split train
    """
    from dtr.data.dataset import read_dataset
    from dtr.data.stats import dataset_stats

    found = read_dataset(root, on_error="collect")
    if found.problems:
        click.echo(f"{len(found.problems)} problems in the rows; list them with: dtr data check {root}", err=True)
    result = dataset_stats(found.videos, split)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=1))
    else:
        _print_stats(result)


def _print_report(report: CheckReport) -> None:
    """Problems by kind, then the counts, so that the summary stands last on the screen."""
    from dtr.data.problems import KINDS

    for problem in report.problems:
        click.echo(f"{problem.kind}: {problem}")
    for note in report.notes:
        click.echo(f"note: {note}")
    n = report.counts
    click.echo(
        f"{n['videos']} videos ({n['fake']} fake, {n['real']} real), {n['traces']} traces in {n['rows']} rows and "
        f"manifest lines, {n['files']} media files"
    )
    if report.ok:
        click.echo("no problems")
        return
    table = _table("problem", "count", "meaning", numbers={"count"})
    for kind, count in report.kinds.items():
        table.add_row(kind, f"{count:,}", KINDS[kind])
    table.add_row("all", f"{len(report.problems):,}", "")
    _show(table)


def _print_stats(result: DatasetStats) -> None:
    """The source table and the category table."""
    columns = ("source", "label", "videos", "traces", "% expl.", "height×width", "video s", "trace s")
    table = _table(*columns, numbers=set(columns[2:]))
    for row in result.sources:
        table.add_row(*_cells(row))
    table.add_section()
    for row in result.totals:
        table.add_row(*_cells(row))
    _show(table)
    shares = _table("category", "traces", "% of tagged", "% of tags", numbers={"traces", "% of tagged", "% of tags"})
    for share in result.categories:
        shares.add_row(
            share.category, f"{share.traces:,}", _number(share.of_tagged_percent), _number(share.of_tags_percent)
        )
    _show(shares)
    click.echo(f"{result.tagged:,} tagged traces; {result.not_looked_at:,} generated videos nobody looked at")


def _cells(row: SourceStats) -> tuple[str, ...]:
    """One table row as text."""
    size = "–" if row.height_px is None or row.width_px is None else f"{row.height_px:.0f}×{row.width_px:.0f}"
    return (
        row.source or "(not stated)",
        row.label or "–",
        f"{row.videos:,}",
        f"{row.traces:,}",
        _number(row.explained_percent),
        size,
        _number(row.video_s, 2),
        _number(row.trace_s, 2),
    )


def _number(value: float | None, digits: int = 1) -> str:
    """A number or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def _table(*columns: str, numbers: set[str]) -> Table:
    """An empty rich table whose number columns stand right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def _show(table: Table) -> None:
    """Print a table; piped output keeps its full width instead of rich's 80 columns."""
    from rich.console import Console

    console = Console(markup=False)  # names of sources may hold brackets
    if not console.is_terminal:
        console = Console(width=160, markup=False)
    console.print(table)
