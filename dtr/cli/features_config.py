"""What the YAML file of `dtr features` may say, with the options of the command line laid over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dtr.augment import AugmentSpec
from dtr.cache_file import StorageType
from dtr.errors import ConfigError, MissingExtraError
from dtr.feature_plan import FeaturiseOptions
from dtr.traces.variant import SynthVariant
from dtr.video import Limits

if TYPE_CHECKING:
    from dtr.backbones.protocol import Backbone


@dataclass(frozen=True)
class FeaturesConfig:
    """All settings of one run.

    Attributes:
        backbone: {"class_path": …, "init_args": {…}}.
        data: data set. out: folder of the cache.
        splits: empty = all. limit: number of videos.
        workers: decoding processes; None = one for every two CPUs.
        device: "auto" = the first GPU where there is one.
        long: lift the limits on length and size of a file.
        Others: see `dtr.feature_plan.FeaturiseOptions`.
    """

    backbone: dict[str, Any]
    data: Path
    out: Path
    splits: tuple[str, ...] = ()
    limit: int | None = None
    workers: int | None = None
    views_per_clip: int = 0
    synth_per_clip: int = 0
    synth: SynthVariant = field(default_factory=SynthVariant)
    pseudo_per_clip: int = 0
    networks: Path | None = None
    canonical: bool = False
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    seed: int = 0
    device: str = "auto"
    decoder: Literal["pyav", "decord"] = "pyav"
    strict: bool = False
    long: bool = False
    dtype: StorageType = "auto"

    @property
    def num_workers(self) -> int:
        """Decoding processes: as asked for, or so many that the backbone has the other half of the CPUs."""
        return max(1, (os.cpu_count() or 1) // 2) if self.workers is None else self.workers

    def options(self) -> FeaturiseOptions:
        """What of it concerns the making of features."""
        return FeaturiseOptions(
            workers=self.num_workers,
            views_per_clip=self.views_per_clip,
            synth_per_clip=self.synth_per_clip,
            synth=self.synth,
            pseudo_per_clip=self.pseudo_per_clip,
            networks=self.networks,
            canonical=self.canonical,
            augment=self.augment,
            seed=self.seed,
            decoder=self.decoder,
            limits=Limits.long() if self.long else Limits(),
            strict=self.strict,
            dtype=self.dtype,
        )

    def build_backbone(self) -> Backbone:
        """The backbone on its device, with the CPUs that the decoding workers leave to it.

        Raises:
            ConfigError: backbone or device cannot be had.
        """
        import torch

        from dtr.backbones.build import build_backbone

        backbone = build_backbone(self.backbone)
        # A thread that waits for one whose CPU a decoder holds spins: with too few cores that multiplies the time.
        torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) - self.num_workers)))
        device = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        try:
            return backbone.to(device)
        except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"device: expected auto, cpu or a GPU that is there, got '{device}' ({reason})"
            ) from error


def read_config(file: Path, given: Mapping[str, Any]) -> FeaturesConfig:
    """Settings of a YAML file, each replaced by the one in `given` where there is one.

    Raises:
        ConfigError: the file is no YAML mapping, a key is unknown or missing, or a value has the wrong type.
        MissingExtraError: the package that reads it is not installed.
    """
    try:
        import yaml
        from jsonargparse import ArgumentError, ArgumentParser
    except ImportError as error:
        raise MissingExtraError("dtr features needs the extra train; run: pip install 'dtr-video[train]'") from error

    try:
        values = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: expected a YAML file, got '{' '.join(str(error).split())}'; fix it") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: expected keys and values, got {type(values).__name__}; see configs/features")
    merged = values | {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()}
    for name, option in (("data", "--data"), ("out", "--out"), ("backbone", "backbone")):
        if merged.get(name) is None:
            raise ConfigError(f"{file}: expected the key '{name}', got none; set it there or by {option}")
    merged |= {name: str(merged[name]) for name in ("data", "out", "networks") if merged.get(name)}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FeaturesConfig, "features")
    try:
        return parser.instantiate(parser.parse_object({"features": merged})).features
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(f"{file}: {' '.join(str(error).split())}") from error
