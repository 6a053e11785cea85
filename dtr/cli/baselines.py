"""`dtr baselines`: simple detectors from the literature on cached features, beside the floors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dtr.errors import ConfigError

if TYPE_CHECKING:
    from dtr.baselines.measure import BaselineTable
    from dtr.evaluation.compared import Compared
    from dtr.evaluation.figures import Figure

SHOWN = {"auroc": "AUROC", "ap": "average precision", "accuracy": "accuracy", "false_alarm_rate": "false alarms ↓"}
"""Figures in the printed table; --json has them all."""

WIDTH = 160  # columns where stdout is no terminal


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Annotated data set; see dtr data check.")
@click.option("--cache", type=click.Path(path_type=Path), required=True, help="Its features; see dtr features.")
@click.option("--split", default="val", show_default=True, help="Score this split; train is fitted on.")
@click.option(
    "--fit-on",
    multiple=True,
    default=("plain",),
    metavar="VARIANT",
    help="Cached variant of the training clips to fit on; repeat it for several.  [default: plain]",
)
@click.option("--only", multiple=True, metavar="NAME", help="This baseline; repeat it for several.  [default: all]")
@click.option("--probe/--no-probe", default=True, help="Read media headers for the metadata-only floor.  [default: do]")
@click.option("--resamples", type=click.IntRange(min=1), default=1000, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of bootstrap, folds and fits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write predictions to this folder.")
def baselines(
    data: Path,
    cache: Path,
    split: str,
    fit_on: tuple[str, ...],
    only: tuple[str, ...],
    probe: bool,
    resamples: int,
    seed: int,
    as_json: bool,
    output: Path | None,
) -> None:
    """Measure simple detectors on cached features: what an own detector must beat besides the floors.

    d3 is the spread of second-order differences, nothing fitted (d3_per_step: every step counts as one unit of time);
    restrav the lengths and angles of a clip's path through feature space; probe_means and probe_means_changes are
    linear. All are re-implemented on the cached features, so their figures are not those of the papers, which use other
    backbones and other clips. What is fitted sees the split train only, its penalty is chosen on held-out sources of
    it. Floors stand below; the gain is over the best of them.

    Clips as they are ("plain") and, where cached, after the canonical recipe are scored apart. -o FOLDER gets one file
    per baseline and variant, which dtr evaluate reads.

    \b
    Examples:
      dtr baselines --data DATA --cache CACHE
      dtr baselines --data DATA --cache CACHE --fit-on plain --fit-on aug1 --json
      dtr baselines --data DATA --cache CACHE -o baselines/

    Exit code 0: measured; 1: something could not be read; 2: wrong usage.
    """
    from dtr.baselines.measure import BaselineOptions, measure_baselines, measured_videos
    from dtr.cache import FeatureCache
    from dtr.cli.progress import progress
    from dtr.data.dataset import read_dataset
    from dtr.evaluation.metadata import probe_facts
    from dtr.extras import require_sklearn

    _check_folder(output)
    require_sklearn("baselines")
    found = read_dataset(data, on_error="collect")
    if found.problems:
        click.echo(f"dtr: note: {len(found.problems)} problems in the rows; list them with dtr data check", err=True)
    train, videos = measured_videos(found, split)
    features, facts = FeatureCache.open(cache), None
    if probe:
        with progress("reading media headers") as on_progress:
            facts = probe_facts([*train, *videos], found.facts, on_progress=on_progress)
    options = BaselineOptions(fit_on=tuple(dict.fromkeys(fit_on)), only=only, resamples=resamples, seed=seed)
    with progress("reading features") as on_progress:
        table = measure_baselines(found, features, split, facts=facts, options=options, on_progress=on_progress)
    if output is not None:
        _write(table, output)
    if as_json:
        click.echo(json.dumps(table.to_json(), allow_nan=False))
    else:
        _print(table)


def _check_folder(output: Path | None) -> None:
    """Refuse at once what could not be made in the end."""
    if output is None or output.is_dir():
        return
    if output.exists() or not output.absolute().parent.is_dir():
        raise ConfigError(f"-o: expected a folder, or a new one in an existing folder, got '{output}'; choose another")


def _write(table: BaselineTable, output: Path) -> None:
    from dtr.cli.outputs import write_output

    output.mkdir(exist_ok=True)
    for row in table.rows:
        if not row.is_floor:
            lines = [json.dumps(answer, allow_nan=False) + "\n" for answer in row.predictions()]
            write_output(output / f"{row.name}.{row.variant}.jsonl", "".join(lines), "-o")


def _print(table: BaselineTable) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    p = table.provenance
    console.print(
        f"{p['videos']} videos of {escape(str(p['split']))}; fitted on {p['fitted_clips']} clips "
        f"({escape(', '.join(p['fit_on']))}) of train; features of {escape(str(p['features']))}"
    )
    for variant in dict.fromkeys(row.variant for row in table.rows):
        shown = Table(box=box.SIMPLE_HEAD, title=f"Clips: {variant}", title_justify="left", title_style="bold")
        for name in ("", *SHOWN.values(), "AUROC gain over best floor", "no score"):
            shown.add_column(name, justify="right" if name else "left", overflow="fold")
        for row in (r for r in table.rows if r.variant == variant):
            name = f"floor: {row.name}" if row.is_floor else row.name
            cells = [_cell(row.figures[key].model) for key in SHOWN]
            shown.add_row(escape(name), *cells, _gain(row.figures["auroc"]), str(row.num_unscored or ""))
        console.print(shown)
    for note in table.notes:
        console.print(f"  – {escape(note)}")


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    return f"{figure.value:.3f}{_interval(figure)}"


def _gain(compared: Compared) -> str:
    if compared.gain is None or compared.gain.value is None:
        return ""
    return f"{compared.gain.value:+.3f}{_interval(compared.gain)}"


def _interval(figure: Any) -> str:
    from rich.markup import escape

    return "" if figure.interval is None else escape(f" [{figure.interval[0]:.3f}, {figure.interval[1]:.3f}]")
