"""Train every fold, let its detector answer what it was not trained on, and put the figures together."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.cache import FeatureCache
from dtr.collect import category_rows, run_heads
from dtr.data.dataset import read_dataset
from dtr.data.parts import write_parts
from dtr.data.release import ReleaseData
from dtr.datamodule import FeatureDataModule
from dtr.detector import LoadedDetector
from dtr.errors import AnnotationError, ConfigError
from dtr.evaluation.from_results import verdict_of
from dtr.evaluation.items import Item
from dtr.floors import Floors, fit_floors
from dtr.head_detector import part_counts
from dtr.metrics.grounding import known_duration_s
from dtr.pipeline import category_scores
from dtr.predictions import from_verdict
from dtr.train_all import Recipe, data_module, train_detector
from dtr.unseen.folds import Fold, plan_folds
from dtr.unseen.measure import measure_fold
from dtr.unseen.recipe import UnseenRecipe
from dtr.unseen.report import report
from dtr.unseen.table import SIDES, category_table, make_table
from dtr.verdict import Verdict

Say = Callable[[str], None]

PLAN_FILE = "plan.json"
FIGURES_FILE = "figures.json"


def evaluate_unseen(
    recipe: UnseenRecipe, data: str, cache: str, out: Path, say: Say = lambda text: None
) -> dict[str, Any]:
    """Run all folds of a recipe, or those that an interrupted run has left.

    Args:
        recipe: what to train and what to hold out.
        data: annotated data set. cache: its features; no media file is read.
        out: folder of the run: `table.json`, `table.md`, `unseen.jsonl` (one verdict per video, by a detector that was
            trained without its source), and a folder per fold.
        say: told what happens, a line at a time.

    Returns:
        The table, as in `table.json`.

    Raises:
        AnnotationError: the data set has problems, a video has no source, or one with times no duration.
        ConfigError: the folds leave too little to train on, or `out` holds a run of another plan.
        CacheError: features are missing.
    """
    release = read_dataset(data)
    videos = _videos(release, recipe.splits, data)
    folds = plan_folds(videos, recipe, release.facts)
    provenance = _provenance(videos, cache, folds, recipe)
    _claim(out, provenance)
    figures = []
    for number, fold in enumerate(folds, start=1):

        def tell(text: str, where: str = f"fold {number} of {len(folds)}") -> None:
            say(f"{where}: {text}")

        figures.append(_run_fold(fold, recipe, data, cache, out / fold.name, tell))
    _write_answers(out, folds)
    return _write_table(out, figures, folds, recipe, provenance)


def _videos(release: ReleaseData, splits: Sequence[str], data: str) -> list[VideoAnnotation]:
    """Labelled videos of the splits, each with a duration if it has annotated times."""
    videos = [v for v in release.videos if v.label is not None and v.split in splits]
    absent = [s for s in splits if not any(v.split == s for v in videos)]
    if absent:
        raise ConfigError(f"{data}: expected labelled videos in split '{absent[0]}', found none; name other splits")
    for video in videos:
        if any(t.span_s is not None for t in video.traces or ()):
            known_duration_s(video)
    return videos


def _provenance(
    videos: Sequence[VideoAnnotation], cache: str, folds: Sequence[Fold], recipe: UnseenRecipe
) -> dict[str, Any]:
    """All that the figures depend on."""
    facts = [{k: v for k, v in asdict(video).items() if k not in ("path", "where")} for video in videos]
    plan = recipe.to_json()
    del plan["min_clips"]  # only the table depends on it
    features = FeatureCache.open(cache).recipe
    return {
        "recipe": plan,
        "annotations_sha256": _digest(facts),
        "features": {"backbone_id": features.backbone_id, "sha256": _digest(features.identity)},
        "folds": [fold.to_json() for fold in folds],
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=sorted).encode()).hexdigest()


def _claim(out: Path, provenance: Mapping[str, Any]) -> None:
    """Note what the folder is a run of; refuse one of another plan."""
    path = out / PLAN_FILE
    text = json.dumps(provenance, indent=1) + "\n"
    try:
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"{out}: holds a run with another recipe, annotations, features or folds, which is never overwritten; "
                "choose another --out"
            )
        out.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, text)
    except OSError as error:
        raise ConfigError(f"{out}: expected a folder to write to, got '{error}'; choose another --out") from error


def _run_fold(fold: Fold, recipe: UnseenRecipe, data: str, cache: str, folder: Path, say: Say) -> dict[str, Any]:
    """Figures of one fold, from its file where it is finished."""
    done = folder / FIGURES_FILE
    if done.is_file():
        say("already measured")
        return json.loads(done.read_text(encoding="utf-8"))
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    ids = fold.to_json() | {"test": [v.video_id for v in fold.measured]}
    write_parts(folder / "parts.json", {name: ids[name] for name in ("fit", "dev", "calibration", "test")})
    options = recipe.options | {"data.parts_file": str(folder / "parts.json")}
    training = Recipe(recipe.heads, name=fold.name, seed=fold.seed, test_split=fold.name, options=options)
    module = data_module(training, data, cache)
    trained = train_detector(training, module, folder, say)
    say(f"answering {len(fold.measured)} clips that were held out")
    figures = _measure(fold, trained, module, folder)
    write_text_atomically(done, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    say(f"done in {(time.monotonic() - began) / 60:.1f} min")
    return figures


def _measure(fold: Fold, trained: LoadedDetector, module: FeatureDataModule, folder: Path) -> dict[str, Any]:
    """Answer the measured clips, write the verdicts of each side, and measure them."""
    videos = {v.video_id: v for v in fold.measured}
    side_of = {v.video_id: side for side in SIDES for v in fold.parts[side]}
    verdicts: dict[str, list[Verdict]] = {side: [] for side in SIDES}
    categories: dict[str, Any] = {side: {"scores": [], "target": []} for side in SIDES}
    names = [name for name, spec in trained.info.heads.items() if spec.kind == "category"]
    for result in run_heads(trained.heads, module.part("test"), trained.info.backbone_id):
        side = side_of[result.video_id]
        verdict = verdict_of(trained.info, result, videos[result.video_id])
        verdicts[side].append(replace(verdict, provenance=verdict.provenance | {"fold": fold.name, "side": side}))
        if names:
            scores, target = category_rows(names[0], [result])
            categories[side]["scores"] += [category_scores(trained.info, row) for row in scores]
            categories[side]["target"] += target.astype(int).tolist()
    items = {}
    for side, answers in verdicts.items():
        write_text_atomically(folder / f"{side}.jsonl", _lines(v.to_json() for v in answers))
        items[side] = [Item(videos[v.video_id], from_verdict(v)) for v in answers]
    floors, notes = _floors(module)
    kinds = {spec.kind for spec in trained.info.heads.values()}
    return {
        "fold": fold.name,
        "model_id": trained.info.model_id,
        "parts": {name: part_counts(part) for name, part in {**module.parts, **fold.parts}.items() if name != "test"},
        "left_out": len(fold.left_out),
        **measure_fold(items["unseen"], items["seen"], floors, kinds),
        "categories": categories,
        "notes": notes,
    }


def _floors(module: FeatureDataModule) -> tuple[Floors | None, list[str]]:
    """Constant answers fitted on what the fold was trained on, or why there are none."""
    try:
        return fit_floors(module.parts["fit"]), []
    except AnnotationError as error:  # a data set without boxes or spans has no floors, and its labels still count
        return None, [f"no constant answers as floors: {error}"]


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def _write_answers(out: Path, folds: Sequence[Fold]) -> None:
    """One file with the first unseen answer of every video; a second seed answers it again in its own folds."""
    rows: dict[str, str] = {}
    for fold in folds:
        for line in (out / fold.name / "unseen.jsonl").read_text(encoding="utf-8").splitlines():
            rows.setdefault(json.loads(line)["video_id"], line)
    write_text_atomically(out / "unseen.jsonl", "".join(line + "\n" for line in rows.values()))


def _write_table(
    out: Path,
    figures: Sequence[Mapping[str, Any]],
    folds: Sequence[Fold],
    recipe: UnseenRecipe,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    from dtr import __version__

    kept = ("fold", "model_id", "parts", "left_out", "ranked_against", "notes")
    table = {
        "dtr": __version__,
        **{name: value for name, value in provenance.items() if name != "folds"},
        "min_clips": recipe.min_clips,
        "folds": [
            {name: row[name] for name in kept}
            | {"held_out": sorted({f"{v.label}/{v.source}" for v in fold.parts["unseen"]})}
            for row, fold in zip(figures, folds, strict=True)
        ],
        **make_table(figures, recipe.min_clips),
        "categories": category_table(figures),
    }
    write_text_atomically(out / "table.json", json.dumps(table, indent=1, allow_nan=False) + "\n")
    write_text_atomically(out / "table.md", report(table))
    return table
