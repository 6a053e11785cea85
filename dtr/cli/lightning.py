"""`dtr fit`, `validate`, `test` and `predict`: their options are LightningCLI's."""

from __future__ import annotations

from dtr.fit import run_lightning


def run(args: list[str]) -> None:
    """Run one of the four subcommands with its options, untouched."""
    run_lightning(args)
