"""`dtr train-all`: every head of a recipe, one detector."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train-all", short_help="Train every head of a recipe and put them together.")
@click.option("--config", required=True, help="Recipe, for example configs/recipes/lite2.yaml (ships with DTR).")
@click.option("--data", required=True, help="Annotated data set; see dtr data check.")
@click.option("--cache", required=True, help="Its features; see dtr features.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/all"), show_default=True, help="Run folder.")
def train_all(config: str, data: str, cache: str, out: Path) -> None:
    """Train every head of a recipe, calibrate, measure once on the test split, and write OUT/detector.

    Run it again after an interruption: finished heads are kept, an unfinished one goes on from its last epoch. Where
    all heads are finished it only calibrates and measures again; that gives an older run what dtr detect --fpr needs.

    \b
    Example:
      dtr features --config configs/features/image_lite2.yaml --data DATA --out cache/lite2 --synth-per-clip 2
      dtr train-all --config configs/recipes/lite2.yaml --data DATA --cache cache/lite2
      dtr export runs/all/detector -o detector.onnx
    """
    from dtr.train_all import Recipe
    from dtr.train_all import train_all as run

    folder = run(Recipe.load(config), data, cache, out, say=lambda text: click.echo(text, err=True))
    click.echo(f"detector: {folder}")
    click.echo((folder / "card.md").read_text(encoding="utf-8"))
