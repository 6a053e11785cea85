"""`dtr evaluate-unseen`: what a detector knows of generators and cameras that it was not trained on."""

from __future__ import annotations

from pathlib import Path

import click


def _folds(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if not value.isdecimal() or int(value) < 2:
        raise click.BadParameter(f"expected a whole number above 1, or all, got '{value}'")
    return int(value)


@click.command("evaluate-unseen", short_help="Measure on generators and cameras held out of training.")
@click.option("--config", required=True, help="Recipe, for example configs/unseen/first.yaml (ships with DTR).")
@click.option("--data", required=True, help="Annotated data set; see dtr data check.")
@click.option("--cache", required=True, help="Its features; see dtr features. No media file is read.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/unseen"), show_default=True, help="Results folder."
)
@click.option("--folds", callback=_folds, metavar="K|all", help="Groups of sources, or every source by itself.")
@click.option("--leave", type=click.Choice(["generators", "real-sources", "both"]), help="What to hold out.")
@click.option("--min-clips", type=click.IntRange(min=1), help='Sources with fewer clips become "small ones".')
def evaluate_unseen(
    config: str,
    data: str,
    cache: str,
    out: Path,
    folds: int | str | None,
    leave: str | None,
    min_clips: int | None,
) -> None:
    """Train every head without some generators and real sources, measure on those, and so on until all were left out.

    Each generator gets its AUROC against held-out real clips, how often it is found, box and time beside the best
    constant answers; each real source its false alarms. The table gives mean, spread and worst case over generators,
    and the same for clips of generators that the detectors have seen. The detectors themselves are only a means: they
    are trained on less than dtr train-all gives its detector.

    Run it again after an interruption: finished folds and heads are kept. OUT gets table.md, table.json, and
    unseen.jsonl with one verdict per video, which dtr evaluate reads. Options replace what the recipe says.

    \b
    Example:
      dtr features --config configs/features/image.yaml --data DATA --out cache/image
      dtr evaluate-unseen --config configs/unseen/first.yaml --data DATA --cache cache/image
      dtr evaluate-unseen --config configs/unseen/first.yaml --data DATA --cache cache/image --folds all --out runs/each
    """
    from dtr.unseen.recipe import UnseenRecipe
    from dtr.unseen.report import summary_lines
    from dtr.unseen.run import evaluate_unseen as run

    recipe = UnseenRecipe.load(config, folds=folds, leave=leave, min_clips=min_clips)
    table = run(recipe, data, cache, out, say=lambda text: click.echo(text, err=True))
    click.echo("\n".join(summary_lines(table["summary"])))
    click.echo(f"table: {out / 'table.md'}")
