"""Train every head of a recipe, put them together, calibrate, measure once on the test split, write the detector."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dtr.backbones.build import import_class
from dtr.card import detector_card
from dtr.collect import run_heads
from dtr.datamodule import FeatureDataModule
from dtr.detector import (
    BackbonePart,
    LoadedDetector,
    average_detectors,
    load_detector,
    merge_detectors,
    model_id,
    save_detector,
)
from dtr.detector_calibration import calibrate_detector, calibration_quality
from dtr.errors import ConfigError
from dtr.final_table import final_table
from dtr.fit import read_mapping, run_lightning, shipped_config
from dtr.head_detector import parts_table
from dtr.priors import choose_weights, fit_priors

PRETRAINED = "pretrained"
"""Folder of a run that holds the heads' first trainings."""


@dataclass(frozen=True)
class Recipe:
    """What to train.

    Attributes:
        heads: configuration by head name (shipped ones by their name in the repository).
        name: of the detector.
        seed: of weights, order and the cut of the training split.
        test_split: measured once, at the end.
        about: where the data come from and what may be done with them; for the card.
        options: further options of `dtr fit`, for every head, for example {"trainer.max_epochs": 2}.
        head_options: the same for one head each, by its name.
        pretrain: options of a training that comes first, from which the head's weights are taken, by head; for example
            {"box": {"data.synth": 1.0, "data.dev_synth": true}}: synthesised traces first, then annotated ones.
        members: how often every head is trained, on the same cut with seeds of its own; their mean is the detector's.
    """

    heads: dict[str, str]
    name: str = "detector"
    seed: int = 0
    test_split: str = "test"
    about: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    head_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    pretrain: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: int = 1

    def __post_init__(self) -> None:
        if not (isinstance(self.members, int) and self.members >= 1):
            raise ConfigError(f"recipe: expected members of 1 or more, got {self.members!r}")
        unknown = sorted((set(self.head_options) | set(self.pretrain)) - set(self.heads))
        if unknown:
            raise ConfigError(f"recipe: expected options of its heads {', '.join(self.heads)}, got some of {unknown}")

    @classmethod
    def load(cls, path: str) -> Recipe:
        """Read a recipe.

        Raises:
            ConfigError: not a mapping, an unknown key, or no heads.
        """
        return cls(**read_mapping(path, cls.__dataclass_fields__, "heads"))


def train_all(recipe: Recipe, data: str, cache: str, out: Path, say: Callable[[str], None] = lambda text: None) -> Path:
    """Train, merge, calibrate and measure.

    A head whose detector is there and was made by the same recipe is not trained again; an interrupted one goes on from
    its last checkpoint.

    Args:
        recipe: what to train. data: annotated data set. cache: its features. out: folder of the run.
        say: told what happens, a line at a time.

    Returns:
        The detector folder.

    Raises:
        ConfigError: there is nothing to calibrate or to measure on, or `out` holds a run of another recipe.
        DetectorError: heads of an earlier run were trained on features of another backbone.
    """
    module = data_module(recipe, data, cache)
    trained = train_detector(recipe, module, out, say)
    info = trained.info
    tables = {}
    for variant in _variants(module, say):
        say(f"measuring on split '{recipe.test_split}' ({variant})")
        results = list(run_heads(trained.heads, module.part("test", variant=variant), info.backbone_id))
        tables[variant] = final_table(info, results, module, canonical=variant == "canonical")
    info = replace(info, training=_training(trained, recipe, module, tables))
    backbone = _with_weights(trained)
    card = detector_card(info)
    return save_detector(
        out / "detector", info=info, heads=trained.heads, head_init=trained.head_init, backbone=backbone, card=card
    )


def train_detector(
    recipe: Recipe,
    module: FeatureDataModule,
    out: Path,
    say: Callable[[str], None] = lambda text: None,
    *,
    shared: bool = False,
) -> LoadedDetector:
    """Train every head of a recipe, merge and calibrate them; nothing is measured or written but the heads' runs.

    Args:
        recipe: what to train. module: from `data_module` of the same recipe.
        out: folder of the run. say: told what happens, a line at a time.
        shared: several recipes use `out`: a head's run is named by a hash of its options, and found again by it.

    Raises:
        ConfigError: `out` holds a run of another recipe.
        DetectorError: heads of an earlier run were trained on features of another backbone.
    """
    data, cache = module.data, str(module.store.folder)
    trained = []
    for name in recipe.heads:
        members = []
        for member in range(recipe.members):
            own = {"seed_everything": recipe.seed + member} | recipe.options | recipe.head_options.get(name, {})
            folder = name if member == 0 else f"{name}-{member + 1}"
            if name in recipe.pretrain:
                before = own | recipe.pretrain[name]
                first = _fit(name, folder, recipe, before, data, cache, out / PRETRAINED, say, shared)
                own = own | {"model.start_from": str(first)}
            members.append(load_detector(_fit(name, folder, recipe, own, data, cache, out, say, shared)))
        trained.append(average_detectors(members))
    merged = merge_detectors(trained, name=recipe.name)
    trained_on = merged.info.backbone_id
    say("choosing the weight of priors")
    info = replace(merged.info, decoding=merged.info.decoding | fit_priors(module.parts["fit"]))
    dev = list(run_heads(merged.heads, module.part("dev"), trained_on))
    info = choose_weights(info, dev)
    say("calibrating")
    info = calibrate_detector(info, list(run_heads(merged.heads, module.part("calibration"), trained_on)))
    training = info.training | {"calibration": calibration_quality(info, dev)}
    return replace(
        merged, info=replace(info, model_id=model_id(recipe.name, merged.heads, trained_on), training=training)
    )


def data_module(recipe: Recipe, data: str, cache: str, *, test: bool = True) -> FeatureDataModule:
    """All labelled videos, cut as for every head; made first, to refuse unfit data before hours of training.

    Args:
        recipe: what to train. data: annotated data set. cache: its features.
        test: there must be a test part to measure on.
    """
    options: dict[str, Any] = {"test_split": recipe.test_split, "seed": recipe.seed}
    options |= {
        key.removeprefix("data."): value
        for key, value in recipe.options.items()
        if key.startswith("data.") and key != "data.needs"  # the whole detector is measured on all videos
    }
    module = FeatureDataModule(data, cache, **options)
    module.setup("fit")
    for part in ("calibration", "test") if test else ("calibration",):
        module.part(part)
    return module


def _fit(
    name: str,
    folder_name: str,
    recipe: Recipe,
    own: dict[str, Any],
    data: str,
    cache: str,
    out: Path,
    say: Callable[[str], None],
    shared: bool,
) -> Path:
    """Train one head in a folder below `out` with its own options, or find that it was; gives its detector folder."""
    config = recipe.heads[name]
    what = folder_name if out.name != PRETRAINED else f"{folder_name}, {PRETRAINED}"
    options = {
        "data.data": data,
        "data.cache": cache,
        "data.seed": recipe.seed,
        "data.test_split": recipe.test_split,
        "model.name": name,
        **own,
    }
    text = Path(shipped_config(config)).read_text(encoding="utf-8") + json.dumps(options, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder = out / (f"{name}-{digest[:16]}" if shared else folder_name)
    stamp = folder / "recipe.sha256"
    if stamp.is_file() and stamp.read_text() != digest:
        raise ConfigError(
            f"{folder}: holds a run of another recipe (or --data or --cache were spelt in another way), which is never "
            "overwritten; choose another --out"
        )
    if (folder / "detector" / "detector.json").is_file() and stamp.is_file():
        say(f"{what}: already trained")
        return folder / "detector"
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)
    overrides = folder / "overrides.json"
    loggers = [
        {
            "class_path": "pytorch_lightning.loggers.CSVLogger",
            "init_args": {"save_dir": str(out), "name": folder.name, "version": ""},
        },
        {
            "class_path": "pytorch_lightning.loggers.TensorBoardLogger",
            "init_args": {"save_dir": str(folder), "name": "tensorboard", "version": ""},
        },
    ]
    overrides.write_text(json.dumps({"trainer": {"logger": loggers}}))
    last = folder / "checkpoints" / "last.ckpt"
    say(f"{what}: " + ("going on" if last.is_file() else "training"))
    args = ["fit", "--config", config, "--config", str(overrides)]
    args += [f"--{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in options.items()]
    args += [f"--ckpt_path={last}"] if last.is_file() else []
    (folder / "config.yaml").unlink(missing_ok=True)  # of the interrupted run: the same recipe writes it again
    log = folder / "metrics.csv"
    if log.is_file():  # the logger would begin the file again
        log.rename(folder / f"metrics-{len(list(folder.glob('metrics*.csv')))}.csv")
    run_lightning(args)
    return folder / "detector"


def _variants(module: FeatureDataModule, say: Callable[[str], None]) -> list[str]:
    """The plain test clips, and the canonical ones where every clip has them."""
    clips = module.parts["test"]
    lacking = sum("canonical" not in module.store.variants(clip.video_id) for clip in clips)
    if 0 < lacking < len(clips):
        say(f"not measured on canonical clips: {lacking} of {len(clips)} have no such features")
    return ["plain"] if lacking else ["plain", "canonical"]


def _training(
    merged: LoadedDetector, recipe: Recipe, module: FeatureDataModule, tables: dict[str, Any]
) -> dict[str, Any]:
    return {
        "recipe": {key: value for key, value in asdict(recipe).items() if key not in ("about", "test_split")},
        "about": recipe.about,
        "data": parts_table(module.parts),
        "test_split": recipe.test_split,
        "test": tables,
        "calibration": merged.info.training["calibration"],
        "heads": {"detectors": merged.info.training["detectors"]},
    }


def _with_weights(merged: LoadedDetector) -> BackbonePart | None:
    """The backbone with its weights, so that the detector needs nothing else.

    One that is too large to carry (a video-LM, which has no `portable_state`) is only referred to, and not loaded.
    """
    if merged.backbone is None:
        return None
    if not hasattr(import_class(merged.backbone.init), "portable_state"):
        return merged.backbone
    backbone: Any = merged.build_backbone()
    return BackbonePart.of(backbone, backbone.portable_state())
