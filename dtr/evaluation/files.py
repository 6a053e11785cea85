"""From a file of predictions and a data set to an evaluation: which videos are scored, and where it all came from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.canonical.root import canonical_info
from dtr.data.dataset import read_dataset
from dtr.data.media import is_file
from dtr.data.release import ReleaseData
from dtr.errors import AnnotationError, ConfigError
from dtr.evaluation.coverage import LISTED
from dtr.evaluation.evaluate import EvaluationOptions, evaluate
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.judged import read_judged
from dtr.evaluation.metadata import probe_facts
from dtr.predictions.fields import printable
from dtr.predictions.files import PredictionSet, read_predictions

TRAIN_SPLIT = "train"


def evaluate_files(
    predictions: Path,
    annotations: Path,
    *,
    split: str | None = None,
    judged: Path | None = None,
    probe: bool = True,
    options: EvaluationOptions | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Read, join and measure.

    Args:
        predictions: JSON lines as `dtr.predictions.files.read_predictions` takes them.
        annotations: data set, folder or file; floors are fitted on its split "train".
        split: to score; None = the splits that the predictions are of.
        judged: JSON lines of a judge's scores of explanations.
        probe: read the headers of the media, where they are there, for the metadata-only floor.
        options: how to evaluate.
        on_progress: told of the probing.

    Raises:
        AnnotationError: annotations or predictions that cannot be read, or that have no video in common.
        ConfigError: no such split.
    """
    data = read_dataset(annotations, on_error="collect")
    said = read_predictions(predictions, data.videos)
    videos, chosen = _scored(data, said, split, predictions, annotations)
    train = data.in_split(TRAIN_SPLIT) if any(v.split for v in data.videos) else ()
    facts = probe_facts([*train, *videos], data.facts, on_progress=on_progress) if probe else data.facts
    found = evaluate(
        videos,
        said.predictions,
        train=train,
        facts=facts,
        judged=None if judged is None else read_judged(judged, videos),
        options=options,
    )
    media = _media(data.root, videos)
    provenance = {
        "dtr": _version(),
        "predictions": {"file": predictions.name, "sha256": said.sha256, "rows": said.num_rows},
        "forms": dict(said.forms),
        "model_ids": list(said.model_ids),
        "annotations": {"file": annotations.name, "sha256": data_hash(videos), "videos": len(videos)},
        "split": chosen,
        "media": media,
    }
    notes = [*_data_notes(data, said, chosen, media), *found.notes]
    return replace(
        found,
        coverage=found.coverage | _read_coverage(data, said, videos),
        notes=tuple(notes),
        provenance=provenance | found.provenance,
    )


def data_hash(videos: Sequence[VideoAnnotation]) -> str:
    """SHA-256 of what the annotations of the videos say, wherever the files lie and in whatever order they come.

    Example:
        >>> clip = VideoAnnotation("a", Path("here/a.mp4"), "real")
        >>> data_hash([clip]) == data_hash([replace(clip, path=Path("there/a.mp4"), where="x:1")])
        True
    """
    digest = hashlib.sha256()
    for video in sorted(videos, key=lambda v: v.video_id):
        fields = asdict(replace(video, path=Path(video.path.name), where=""))
        for trace in fields["traces"] or ():
            trace |= {"where": "", "categories": None if trace["categories"] is None else sorted(trace["categories"])}
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _scored(
    data: ReleaseData, said: PredictionSet, split: str | None, predictions: Path, annotations: Path
) -> tuple[list[VideoAnnotation], list[str]]:
    """The videos to score, and the splits they are of (empty = the annotations have none)."""
    present = {v.split for v in data.videos}
    if split is not None and split not in present:
        names = ", ".join(sorted(s for s in present if s)) or "none at all"
        raise ConfigError(f"{annotations}: expected videos of split '{split}', found splits {names}; name one of them")
    of = Counter(v.split for v in data.videos if v.video_id in said.predictions)
    if not of or (split is not None and not of[split]):
        wanted = "" if split is None else f" of split '{split}'"
        ids = printable(", ".join(said.unknown_ids[:3]) or ", ".join(list(said.predictions)[:3]))
        raise AnnotationError(
            f"{predictions}: expected predictions of annotated videos{wanted}, found none among {said.num_rows} rows "
            f"(first ids: {ids}); check that both files are of the same data set and that video_id is the annotated one"
        )
    chosen = {split} if split is not None else set(of)
    return [v for v in data.videos if v.split in chosen], sorted(s for s in chosen if s)


def _media(root: Path, videos: Sequence[VideoAnnotation]) -> str:
    """What the videos were scored on, as far as the data set tells."""
    if canonical_info(root) is not None:
        return "canonical"
    return "original" if any(is_file(v.path) for v in videos) else "not there"


def _read_coverage(data: ReleaseData, said: PredictionSet, videos: Sequence[VideoAnnotation]) -> dict[str, Any]:
    scored = {v.video_id for v in videos}
    here = [p for p in said.problems if p[1] in scored]
    return {
        "unknown_ids": {"n": len(said.unknown_ids), "first": list(said.unknown_ids[:LISTED])},
        "other_splits": sum(video_id not in scored for video_id in said.predictions),
        "prediction_problems": {"n": len(here), "first": [list(p) for p in here[:LISTED]]},
        "annotation_problems": len(data.problems),
    }


def _data_notes(data: ReleaseData, said: PredictionSet, splits: Sequence[str], media: str) -> list[str]:
    notes = list(said.notes)
    if media == "canonical":
        notes.append("media are canonical: both labels went through one encoding recipe")
    if data.problems:
        notes.append(f"{len(data.problems)} problems in the annotations; list them with: dtr data check")
    if said.unknown_ids:
        notes.append(f"{len(said.unknown_ids)} predictions are of videos without annotation and are not scored")
    if TRAIN_SPLIT in splits:
        notes.append("training videos are scored: floors are fitted on the same videos, and a model may have seen them")
    return notes


def _version() -> str:
    from dtr import __version__

    return __version__
