"""Train every head of a recipe, put them together, calibrate, measure once on the test split, write the detector."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtr.backbones.build import import_class
from dtr.calibration import fit_platt
from dtr.card import detector_card
from dtr.collect import ClipResult, category_rows, run_heads
from dtr.datamodule import FeatureDataModule
from dtr.detector import BackbonePart, LoadedDetector, load_detector, merge_detectors, model_id, save_detector
from dtr.errors import AnnotationError, ConfigError
from dtr.final_table import final_table
from dtr.fit import run_lightning, shipped_config
from dtr.head_detector import ABSTAIN, part_counts
from dtr.metrics.average_precision import VideoCandidates, match_one_to_one
from dtr.model_info import ModelInfo
from dtr.pipeline import category_scores, decode_outputs, trace_logit
from dtr.priors import choose_weights, fit_priors

MATCH = 0.3
"""A trace counts as found if IoU and tIoU with an annotated one are at least this."""


TRACE_BETA = 0.5
"""A trace that is not there costs a reviewer more than one that is only listed as a candidate."""


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
    """

    heads: dict[str, str]
    name: str = "detector"
    seed: int = 0
    test_split: str = "test"
    about: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str) -> Recipe:
        """Read a recipe.

        Raises:
            ConfigError: not a mapping, an unknown key, or no heads.
        """
        import yaml

        try:
            data = yaml.safe_load(Path(shipped_config(path)).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read as a recipe ({error}); give a YAML file") from error
        if not isinstance(data, dict) or not isinstance(data.get("heads"), dict) or not data["heads"]:
            raise ConfigError(f"{path}: expected a mapping with 'heads' (name: configuration), got {data!r:.80}")
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise ConfigError(f"{path}: unknown keys {sorted(unknown)}; known: {', '.join(cls.__dataclass_fields__)}")
        return cls(**data)


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
    module = _data_module(recipe, data, cache)
    folders = [_fit(name, config, recipe, data, cache, out, say) for name, config in recipe.heads.items()]
    merged = merge_detectors([load_detector(folder) for folder in folders], name=recipe.name)
    trained_on = merged.info.backbone_id
    say("choosing the weight of priors")
    info = replace(merged.info, decoding=merged.info.decoding | fit_priors(module.parts["fit"]))
    info = choose_weights(info, list(run_heads(merged.heads, module.part("dev"), trained_on)))
    say("calibrating traces")
    info = _calibrate(info, list(run_heads(merged.heads, module.part("calibration"), trained_on)))
    info = replace(info, model_id=model_id(recipe.name, merged.heads, info.backbone_id))
    tables = {}
    for variant in _variants(module, say):
        say(f"measuring on split '{recipe.test_split}' ({variant})")
        results = list(run_heads(merged.heads, module.part("test", variant=variant), trained_on))
        tables[variant] = final_table(info, results, module, canonical=variant == "canonical")
    info = replace(info, training=_training(merged, recipe, module, tables))
    backbone = _with_weights(merged)
    card = detector_card(info)
    return save_detector(
        out / "detector", info=info, heads=merged.heads, head_init=merged.head_init, backbone=backbone, card=card
    )


def _data_module(recipe: Recipe, data: str, cache: str) -> FeatureDataModule:
    """All labelled videos, cut as for every head; made first, to refuse unfit data before hours of training."""
    options: dict[str, Any] = {"test_split": recipe.test_split, "seed": recipe.seed}
    options |= {
        key.removeprefix("data."): value
        for key, value in recipe.options.items()
        if key.startswith("data.") and key != "data.needs"  # the whole detector is measured on all videos
    }
    module = FeatureDataModule(data, cache, **options)
    module.setup("fit")
    for part in ("calibration", "test"):
        module.part(part)
    return module


def _fit(name: str, config: str, recipe: Recipe, data: str, cache: str, out: Path, say: Callable[[str], None]) -> Path:
    """Train one head in `out/<name>`, or find that it was."""
    folder = out / name
    options = {
        "seed_everything": recipe.seed,
        "data.data": data,
        "data.cache": cache,
        "data.seed": recipe.seed,
        "data.test_split": recipe.test_split,
        "model.name": name,
        **recipe.options,
    }
    text = Path(shipped_config(config)).read_text(encoding="utf-8") + json.dumps(options, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    stamp = folder / "recipe.sha256"
    if stamp.is_file() and stamp.read_text() != digest:
        raise ConfigError(f"{folder}: holds a run of another recipe, which is never overwritten; choose another --out")
    if (folder / "detector" / "detector.json").is_file() and stamp.is_file():
        say(f"{name}: already trained")
        return folder / "detector"
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)
    overrides = folder / "overrides.json"
    loggers = [
        {
            "class_path": "pytorch_lightning.loggers.CSVLogger",
            "init_args": {"save_dir": str(out), "name": name, "version": ""},
        },
        {
            "class_path": "pytorch_lightning.loggers.TensorBoardLogger",
            "init_args": {"save_dir": str(folder), "name": "tensorboard", "version": ""},
        },
    ]
    overrides.write_text(json.dumps({"trainer": {"logger": loggers}}))
    last = folder / "checkpoints" / "last.ckpt"
    say(f"{name}: " + ("going on" if last.is_file() else "training"))
    args = ["fit", "--config", config, "--config", str(overrides)]
    args += [f"--{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in options.items()]
    args += [f"--ckpt_path={last}"] if last.is_file() else []
    (folder / "config.yaml").unlink(missing_ok=True)  # of the interrupted run: the same recipe writes it again
    log = folder / "metrics.csv"
    if log.is_file():  # the logger would begin the file again
        log.rename(folder / f"metrics-{len(list(folder.glob('metrics*.csv')))}.csv")
    run_lightning(args)
    return folder / "detector"


def _calibrate(info: ModelInfo, results: list[ClipResult]) -> ModelInfo:
    """Fit trace calibration, and thresholds of traces and categories, on clips that were not trained on.

    A trace is right if it matches an annotated one in place and time, one to one. Annotations of generated videos are
    not exhaustive, so a trace that matches none may still be one: the score is the chance of agreeing with an
    annotation, a lower bound on the chance of being right.
    """
    raw, found, num_traces = _matches(info, results)
    thresholds = {"label": 0.5, "trace": 0.5, "abstain": list(ABSTAIN)} | info.thresholds
    thresholds |= _category_threshold(info, results)
    calibration = dict(info.calibration)
    try:
        fitted = fit_platt([trace_logit(r) for r in raw], found, target="trace")
    except AnnotationError:  # no match at all, or nothing but matches: leave the raw scores as they are
        return replace(info, thresholds=thresholds)
    scores = fitted.apply([trace_logit(r) for r in raw])
    calibration["trace"] = fitted.to_json()
    return replace(
        info,
        calibration=calibration,
        thresholds=thresholds | {"trace": best_f(scores, found, num_traces, beta=TRACE_BETA)},
    )


def _category_threshold(info: ModelInfo, results: list[ClipResult]) -> dict[str, float]:
    """One threshold for all categories, with the best micro F1 inside annotated tubes; empty without tagged traces."""
    names = [name for name, spec in info.heads.items() if spec.kind == "category"]
    if not names:
        return {}
    scores, target = category_rows(names[0], results)
    if not target.any():
        return {}
    calibrated = np.array([category_scores(info, row) for row in scores])
    return {"category": best_f(calibrated.ravel(), target.ravel())}


def _matches(info: ModelInfo, results: list[ClipResult]) -> tuple[list[float], list[int], int]:
    """Raw score of every candidate, whether it matches an annotated trace, and how many traces there are.

    A clip with a trace of which only the place or only the time is known says nothing of its candidates, nor does a
    generated one on which nobody found a trace: that it has none is unknown.
    """
    raw: list[float] = []
    found: list[int] = []
    num_traces = 0
    for result in results:
        truth = result.truth
        if not (truth.annotated and truth.paired and (truth.boxes or truth.exhaustive)):
            continue
        num_traces += len(truth.boxes)
        candidates = decode_outputs(info, result.outputs, result.geometry).candidates
        scores = [c.raw_score for c in candidates]
        right = np.zeros(len(scores), dtype=int)
        if candidates and truth.boxes:
            video = VideoCandidates(
                scores, [c.box for c in candidates], truth.boxes, [c.span_s for c in candidates], truth.spans_s
            )
            right = (match_one_to_one(scores, video.overlap("both"), MATCH) >= 0).astype(int)
        raw += scores
        found += right.tolist()
    return raw, found, num_traces


def best_f(scores: Any, target: Any, num_true: int | None = None, *, beta: float = 1.0) -> float:
    """The threshold with the largest F-measure; the highest of equals.

    Args:
        scores: (N,). target: (N,) 0 or 1.
        num_true: all that could be found, if some of them have no score; None = those in `target`.
        beta: how many times recall counts as much as precision; 1 = F1.

    Example:
        >>> best_f([0.9, 0.6, 0.4, 0.1], [1, 1, 0, 0])
        0.6
    """
    scores, target = np.asarray(scores, dtype=float), np.asarray(target)
    total = target.sum() if num_true is None else num_true
    levels = np.unique(scores)[::-1]
    weight = beta**2
    f = [(1 + weight) * (target[scores >= t]).sum() / ((scores >= t).sum() + weight * total) for t in levels]
    return float(levels[int(np.argmax(f))])


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
        "recipe": {"name": recipe.name, "seed": recipe.seed, "heads": recipe.heads, "options": recipe.options},
        "about": recipe.about,
        "data": {part: part_counts(videos) for part, videos in module.parts.items()},
        "test_split": recipe.test_split,
        "test": tables,
        "heads": merged.info.training,
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
