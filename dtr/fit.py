"""LightningCLI over the one task and the one datamodule: what `dtr fit|validate|test|predict` and `train-all` run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from dtr.errors import ConfigError, MissingExtraError

SHIPPED = "configs/"
SUBCOMMANDS = ("fit", "validate", "test", "predict")
NAMED_CHECKPOINTS = ("best", "last", "hpc", "registry")  # words, not paths, that Lightning resolves itself


def run_lightning(args: list[str]) -> None:
    """Run LightningCLI.

    Args:
        args: subcommand and its options, for example `["fit", "--config", "configs/head/binary.yaml"]`.

    Raises:
        MissingExtraError: torch, Lightning or jsonargparse is not installed.
        ConfigError: an option is unknown, missing or wrong, or a named configuration or checkpoint does not exist.
    """
    try:
        from jsonargparse import ArgumentError
        from pytorch_lightning.cli import LightningCLI
    except ImportError as error:
        raise MissingExtraError(f"training needs {error.name}; run: pip install 'dtr-video[train]'") from error
    from dtr.datamodule import FeatureDataModule
    from dtr.task import HeadTask

    _quieten()
    check_checkpoint(args)
    quiet = {"exit_on_error": False}  # else a typing error answers with the usage of all sixty options
    try:
        LightningCLI(
            HeadTask,
            FeatureDataModule,
            seed_everything_default=0,
            args=[shipped_config(a) for a in args],
            auto_configure_optimizers=False,
            trainer_defaults={"num_sanity_val_steps": 0, "log_every_n_steps": 5},
            parser_kwargs=quiet | dict.fromkeys(SUBCOMMANDS, quiet),
        )
    except ArgumentError as error:
        raise ConfigError(f"dtr {args[0]}: {error}; see dtr {args[0]} --help") from error


def check_checkpoint(args: list[str]) -> None:
    """Refuse a checkpoint that is not there or is none, before Lightning's loader trips over it.

    Args:
        args: subcommand and its options; `--ckpt_path FILE` and `--ckpt_path=FILE` are looked at.

    Raises:
        ConfigError: the file named does not exist or is no checkpoint.
    """
    values = [b for a, b in pairwise(args) if a == "--ckpt_path"]
    values += [a.partition("=")[2] for a in args if a.startswith("--ckpt_path=")]
    for name in values:
        path = Path(name)
        if name.partition(":")[0] in NAMED_CHECKPOINTS or "://" in name or path.is_dir() or is_zipfile(path):
            continue  # a folder is a sharded checkpoint
        got = "a file that is none or was cut short" if path.exists() else "no such file"
        raise ConfigError(
            f"--ckpt_path: expected a checkpoint, got {got} at '{name}'; see checkpoints/ in the run folder"
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


def read_mapping(path: str, known: Collection[str], needed: str) -> dict[str, Any]:
    """Read a YAML file of settings.

    Args:
        path: of the file, or the name of a shipped one.
        known: keys it may have. needed: the one that must be there, a mapping that is not empty.

    Raises:
        ConfigError: not a mapping, an unknown key, or the needed one is missing.
    """
    import yaml

    try:
        data = yaml.safe_load(Path(shipped_config(path)).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe ({error}); give a YAML file") from error
    if not isinstance(data, dict) or not isinstance(data.get(needed), dict) or not data[needed]:
        raise ConfigError(f"{path}: expected a mapping with '{needed}' (by name), got {data!r:.80}")
    unknown = sorted(map(str, set(data) - set(known)))
    if unknown:
        raise ConfigError(f"{path}: unknown keys {unknown}; known: {', '.join(known)}")
    return data


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
