"""`dtr ablate`: which part of a recipe helps."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Train rows that change one thing each, with several seeds, and compare them.")
@click.option("--config", required=True, help="Rows, for example configs/ablations/heads.yaml (ships with DTR).")
@click.option("--data", required=True, help="Annotated data set; see dtr data check.")
@click.option("--cache", type=click.Path(path_type=Path), required=True, help="Features, or a folder of such folders.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/ablation"), show_default=True)
@click.option("--row", "rows", multiple=True, help="Only this row (may be given again).  [default: all]")
def ablate(config: str, data: str, cache: Path, out: Path, rows: tuple[str, ...]) -> None:
    """Compare variations of a recipe on sources that were not trained on; no test split is touched.

    Every seed cuts the training split anew, by source. A row is measured on a part of it that gave no gradient and
    chose no checkpoint. Run it again after an interruption, or row by row: what is finished is kept, and the table in
    OUT holds all finished rows.

    \b
    Example:
      dtr features --config configs/features/image_lite2.yaml --data DATA --out cache/lite2 --synth-per-clip 2
      dtr ablate --config configs/ablations/lite2.yaml --data DATA --cache cache/lite2 --row base --row no-synthesis
    """
    from dtr.ablation import Ablation, run_ablation, table_text

    table = run_ablation(Ablation.load(config), data, cache, out, rows, say=lambda text: click.echo(text, err=True))
    click.echo(table_text(table), nl=False)
