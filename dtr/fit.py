"""LightningCLI over the one task and the one datamodule: what `dtr fit|validate|test|predict` and `train-all` run."""

from __future__ import annotations

import logging
import warnings
from importlib.resources import files
from pathlib import Path

from dtr.errors import ConfigError, MissingExtraError

SHIPPED = "configs/"


def run_lightning(args: list[str]) -> None:
    """Run LightningCLI.

    Args:
        args: subcommand and its options, for example `["fit", "--config", "configs/head/binary.yaml"]`.

    Raises:
        MissingExtraError: torch, Lightning or jsonargparse is not installed.
        ConfigError: a shipped configuration that does not exist.
    """
    try:
        from pytorch_lightning.cli import LightningCLI
    except ImportError as error:
        raise MissingExtraError(f"training needs {error.name}; run: pip install 'dtr-video[train]'") from error
    from dtr.datamodule import FeatureDataModule
    from dtr.task import HeadTask

    _quieten()
    LightningCLI(
        HeadTask,
        FeatureDataModule,
        seed_everything_default=0,
        args=[shipped_config(a) for a in args],
        auto_configure_optimizers=False,
        trainer_defaults={"num_sanity_val_steps": 0, "log_every_n_steps": 5},
    )


def shipped_config(arg: str) -> str:
    """A configuration that ships with DTR, named as in the repository, found from any directory.

    Args:
        arg: an option, a path, or `--option=path`; anything that is no shipped name comes back as it is.

    Raises:
        ConfigError: the name begins with `configs/`, and neither a file here nor a shipped one is called so.
    """
    name = arg.partition("=")[2] or arg
    if not name.startswith(SHIPPED) or Path(name).exists():
        return arg
    found = files("dtr.configs").joinpath(name[len(SHIPPED) :])
    if not found.is_file():
        raise ConfigError(f"{name}: no such file here, and none of that name ships with DTR; check the path")
    return arg.replace(name, str(found))


def _quieten() -> None:
    """Silence hints about loader workers, Lightning's tips and a deprecation inside Lightning itself."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*number of training batches.*",
        ".*LightningCLI's args parameter.*",
        ".*Experiment logs directory.*",
    ):
        warnings.filterwarnings("ignore", message=message)
