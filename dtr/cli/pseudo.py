"""`dtr pseudo`: the small networks that make pseudo-fakes of camera clips."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Train the small networks that make pseudo-fakes of camera clips.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Annotated data set; see dtr data check.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the networks.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights, order and crops.")
def pseudo(data: Path, out: Path, seed: int) -> None:
    """Train small autoencoders and an up-scaler on the camera clips of split train.

    A camera clip that went through one is a pseudo-fake: it shows the same, comes from the same file, and carries the
    marks of a decoder everywhere. A head that learns from such pairs cannot go by content or source. About twelve
    minutes on one core; a killed run goes on where it was.

    \b
    Example:
      dtr pseudo --data DATA --out networks
      dtr features --config configs/features/image_lite2.yaml --data DATA --out CACHE --split train \\
          --pseudo-per-clip 1 --networks networks
      dtr fit --config configs/head/binary.yaml --data.data DATA --data.cache CACHE --data.pseudo 0.2
    """
    from dtr.cli.progress import progress as shown
    from dtr.data.dataset import read_dataset
    from dtr.pseudo.run import train_autoencoders

    release = read_dataset(data)
    real = [v for v in release.videos if v.label == "real" and v.split == "train"]
    with shown("optimiser steps") as progress:
        faker = train_autoencoders(
            real, out, seed, lambda text: click.echo(text, err=True), facts=release.facts, progress=progress
        )
    click.echo(f"{out}: {', '.join(faker.families)}")
