"""Every baseline on one split, in one table with the floors; fitted on the training split, never chosen elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.baselines.answers import ABOUT, Answers, all_answers, check_names
from dtr.baselines.clips import ClipNumbers, Read, read_clips
from dtr.cache import FeatureCache
from dtr.data.release import ReleaseData
from dtr.data.splits import source_groups
from dtr.errors import CacheError, ConfigError
from dtr.evaluation.compared import Compared
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.evaluation.label_floor import METADATA, label_compared, label_floors
from dtr.evaluation.metadata import MetadataOnly, metadata_only
from dtr.extras import require_sklearn
from dtr.metadata_floor import metadata_floor
from dtr.predictions import Prediction

FloatArray = NDArray[np.float64]
Facts = Mapping[str, Mapping[str, Any]]
Videos = Sequence[VideoAnnotation]

TRAIN_SPLIT = "train"
PLAIN, CANONICAL = "plain", "canonical"
THRESHOLD = 0.5


@dataclass(frozen=True)
class BaselineRow:
    """One baseline or floor on one variant of the clips.

    Attributes:
        name: of the baseline or floor. is_floor: see there. variant: "plain" or "canonical".
        items: V videos with their answers; a clip that it cannot score has an answer without a label.
        figures: of `dtr.evaluation.label`; a baseline's gains are over the floors on the same videos.
        answers: scores and the chosen penalty; None for a floor.
    """

    name: str
    is_floor: bool
    variant: str
    items: tuple[Item, ...]
    figures: Mapping[str, Compared]
    answers: Answers | None = None

    @property
    def num_unscored(self) -> int:
        """Videos without a score."""
        return sum(item.prediction is None or item.prediction.fake_score is None for item in self.items)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, without the single answers."""
        figures = {
            key: c.model.to_json() | ({"floor": c.floor_json()} if c.best is not None else {})
            for key, c in self.figures.items()
        }
        chosen = None
        if self.answers is not None and self.answers.penalty is not None:
            cv_auroc = {f"{penalty:g}": round(area, 4) for penalty, area in self.answers.cv_auroc.items()}
            chosen = {"penalty": self.answers.penalty, "cv_auroc": cv_auroc}
        head = {"name": self.name, "about": ABOUT.get(self.name), "is_floor": self.is_floor, "variant": self.variant}
        return head | {"unscored": self.num_unscored, "chosen_on_train": chosen, "figures": figures}

    def predictions(self) -> list[dict[str, Any]]:
        """One row per video in the form that `dtr evaluate` reads; a video without a score says so."""
        return [_prediction_row(self.name, item) for item in self.items]


@dataclass(frozen=True)
class BaselineTable:
    """All rows, and what must be said of them.

    Attributes:
        rows: baselines, then floors, by variant. notes: in words. provenance: what was measured with what.
    """

    rows: tuple[BaselineRow, ...]
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        rows = [row.to_json() for row in self.rows]
        return {"rows": rows, "notes": list(self.notes), "provenance": dict(self.provenance)}


@dataclass(frozen=True)
class BaselineOptions:
    """How to measure.

    Attributes:
        fit_on: cached variants of the training clips to fit on.
        only: names of baselines; empty = all.
        resamples: of the bootstrap. seed: of the bootstrap, of folds and of fits.
    """

    fit_on: tuple[str, ...] = (PLAIN,)
    only: tuple[str, ...] = ()
    resamples: int = 1000
    seed: int = 0


def measured_videos(data: ReleaseData, split: str) -> tuple[Videos, Videos]:
    """Labelled videos to fit on, and those to score.

    Raises:
        ConfigError: `split` is "train", or one of the two has no labelled video.
    """
    if split == TRAIN_SPLIT:
        raise ConfigError(f"--split: baselines are fitted on {TRAIN_SPLIT} and not measured on it; name another split")
    parts = []
    for name in (TRAIN_SPLIT, split):
        parts.append([v for v in data.in_split(name) if v.label is not None])
        if not parts[-1]:
            splits = ", ".join(sorted({v.split for v in data.videos if v.split})) or "none at all"
            raise ConfigError(
                f"{data.root}: expected labelled videos of split '{name}', found splits {splits}; name one of them"
            )
    return parts[0], parts[1]


def measure_baselines(
    data: ReleaseData,
    cache: FeatureCache,
    split: str,
    *,
    facts: Facts | None = None,
    options: BaselineOptions | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> BaselineTable:
    """Fit on the split "train", score another one.

    Args:
        data: annotated videos. cache: their features. split: to score.
        facts: codec, sound and size of the files, for the metadata-only floor; None = those of the data set.
        options: how.
        on_progress: told of the reading of features.

    Raises:
        ConfigError: see `measured_videos`; no baseline of such a name.
        CacheError: no features of training or of scored videos, or damaged ones.
        AnnotationError: a label has fewer than two training clips with features.
        MissingExtraError: scikit-learn is not installed.
    """
    options = options or BaselineOptions()
    require_sklearn("baselines")
    check_names(options.only)
    train, videos = measured_videos(data, split)
    known = [(v, name) for v in train for name in options.fit_on]
    asked = [(v, name) for name in (PLAIN, CANONICAL) for v in videos]
    read = read_clips(cache, [*known, *asked], on_progress=on_progress)
    variants = [name for name in (PLAIN, CANONICAL) if any((v.video_id, name) in read for v in videos)]
    taken = [(v, read[v.video_id, name]) for v, name in known if (v.video_id, name) in read]
    if not taken or not variants:
        lacking = split if taken else f"{TRAIN_SPLIT} ({', '.join(options.fit_on)})"
        raise CacheError(f"{cache.folder}: expected features of the split {lacking}, found none; run dtr features")
    clips = {name: [read.get((v.video_id, name)) for v in videos] for name in variants}
    every = [clip for part in clips.values() for clip in part]
    groups = source_groups(data.videos, data.facts)
    found = all_answers(taken, groups, every, only=options.only, seed=options.seed)
    weights = draw_weights(len(videos), options.resamples, options.seed)
    notes = _coverage_notes(data, split, known, read, clips)
    rows: list[BaselineRow] = []
    for number, variant in enumerate(variants):
        floors = _floors(train, videos, data.facts if facts is None else facts, variant, notes)
        here = slice(number * len(videos), (number + 1) * len(videos))
        part = {name: replace(answers, scores=answers.scores[here]) for name, answers in found.items()}
        rows += _rows(videos, variant, part, clips[variant], floors, weights)
    provenance = {"split": split, "videos": len(videos), "fit_on": list(options.fit_on), "fitted_clips": len(taken)}
    provenance |= {"features": cache.recipe.backbone_id, "resamples": options.resamples, "seed": options.seed}
    return BaselineTable(tuple(rows), tuple(notes), provenance)


def _rows(
    videos: Videos,
    variant: str,
    found: Mapping[str, Answers],
    clips: Sequence[ClipNumbers | None],
    floors: Mapping[str, list[Item]],
    weights: FloatArray,
) -> list[BaselineRow]:
    """Baselines beside the floors, then the floors by themselves."""
    rows = []
    for name, answers in found.items():
        items = _items(videos, answers.scores, clips)
        rows.append(BaselineRow(name, False, variant, items, label_compared(items, floors, weights), answers))
    return rows + [
        BaselineRow(name, True, variant, tuple(items), label_compared(items, {}, weights))
        for name, items in floors.items()
    ]


def _items(videos: Videos, scores: FloatArray, clips: Sequence[ClipNumbers | None]) -> tuple[Item, ...]:
    """Answers; a clip without a score has neither label nor score, and says why."""
    items = []
    for video, score, clip in zip(videos, scores.tolist(), clips, strict=True):
        if score == score:
            said = Prediction(video.video_id, "fake" if score >= THRESHOLD else "real", score)
        else:
            why = "no cached features" if clip is None else f"{clip.num_steps} steps with a new frame are too few"
            said = Prediction(video.video_id, None, problems=(why,))
        items.append(Item(video, said))
    return tuple(items)


def _floors(train: Videos, videos: Videos, facts: Facts, variant: str, notes: list[str]) -> dict[str, list[Item]]:
    """Floors; that of canonical clips sees only what their recipe leaves of the metadata."""
    metadata: MetadataOnly | str
    if variant == CANONICAL:
        floor = metadata_floor(train, videos)
        metadata = MetadataOnly(floor.scores, floor.features, len(train), len(videos))
    else:
        metadata = metadata_only(train, videos, facts)
    if isinstance(metadata, str):
        notes.append(f"{variant}: no {METADATA} floor: {metadata}")
    else:
        notes.append(f"{variant}: {METADATA} saw {', '.join(metadata.features)}")
    empty = [Item(video, None) for video in videos]
    return label_floors(empty, train, None if isinstance(metadata, str) else metadata)


def _coverage_notes(
    data: ReleaseData,
    split: str,
    known: Sequence[tuple[VideoAnnotation, str]],
    read: Read,
    clips: Mapping[str, Sequence[ClipNumbers | None]],
) -> list[str]:
    """What was left out, in numbers."""
    nameless = sum(v.label is None for name in (TRAIN_SPLIT, split) for v in data.in_split(name))
    notes = [f"{nameless} videos have no label and are left out"] if nameless else []
    lacking = sum((v.video_id, name) not in read for v, name in known)
    if lacking:
        notes.append(f"{lacking} of {len(known)} training clips have no cached features and are left out")
    for variant, part in clips.items():
        absent = sum(clip is None for clip in part)
        if absent:
            notes.append(f"{variant}: {absent} of {len(part)} videos have no cached features and get no score")
    return notes


def _prediction_row(name: str, item: Item) -> dict[str, Any]:
    said = item.prediction
    row: dict[str, Any] = {"video_id": item.video.video_id, "model_id": name, "task": "label"}
    if said is None or said.label is None:
        why = "; ".join(said.problems) if said is not None else "no answer"
        return row | {"predicted_label": None, "fake_probability": None, "error": {"kind": "baseline", "message": why}}
    return row | {"predicted_label": said.label.upper(), "fake_probability": said.fake_score}
