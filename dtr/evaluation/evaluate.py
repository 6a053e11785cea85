"""One set of answers against one set of annotations: every figure, with its floor, interval and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError, MissingExtraError
from dtr.evaluation.beyond import candidate_compared, category_compared
from dtr.evaluation.category import CONFUSION_NAMES, confusion, tagged_rows
from dtr.evaluation.coverage import coverage
from dtr.evaluation.curves import curves
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.grounding import POLICIES, grounding_figures
from dtr.evaluation.items import Item, join
from dtr.evaluation.label_floor import METADATA, called_fake, label_compared, label_floors
from dtr.evaluation.metadata import MetadataOnly, metadata_only
from dtr.evaluation.operating import operating
from dtr.evaluation.paper import Judgements, paper_figures, unjudged
from dtr.evaluation.slices import slices
from dtr.floors import Floors, fit_floors
from dtr.predictions import Prediction

Facts = Mapping[str, Mapping[str, Any]]
Say = Callable[[str], None]


EVEN = 0.5


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate.

    Attributes:
        resamples: bootstrap resamples of videos; seed: of the draw.
        fpr: false-positive rate of an operating point to report; None = none.
        prior: base rate of fakes to report for; None = that of the videos.
        category_threshold: a category is called from this score on; None = the one that the answers state, else 0.5.
    """

    resamples: int = 1000
    seed: int = 0
    fpr: float | None = None
    prior: float | None = None
    category_threshold: float | None = None


def evaluate(
    videos: Sequence[VideoAnnotation],
    predictions: Mapping[str, Prediction],
    *,
    train: Sequence[VideoAnnotation] = (),
    facts: Facts | None = None,
    judged: Judgements | None = None,
    options: EvaluationOptions | None = None,
) -> Evaluation:
    """Measure answers.

    Args:
        videos: to score; those without a label are left out and counted.
        predictions: by video_id; a video without one counts as wrong.
        train: annotated videos that floors are fitted on; none = only floors that need no fitting.
        facts: codec, sound and size of the files by video_id (`dtr.evaluation.metadata.probe_facts`).
        judged: a judge's scores of explanations.
        options: how.

    Raises:
        AnnotationError: no video has a label.
        ConfigError: an operating point that the number of real videos can't support, or a prior outside (0, 1).
    """
    options = options or EvaluationOptions()
    timed, notes = _without_untimed(videos)
    items = join(timed, predictions)
    asked = operating(items, options.fpr, options.prior)  # first: it refuses what cannot be asked
    weights = draw_weights(len(items), options.resamples, options.seed)
    floors, unfitted = fitted_floors(train)
    notes += unfitted
    metadata = _metadata(train, items, facts or {}, notes)
    by_label = label_floors(items, train, metadata)
    shared: dict[str, Any] = {"judged": judged, "floors": floors, "labels": called_fake(by_label)}
    grounding = grounding_figures(items, floors, weights)
    candidates = candidate_compared(items, floors, weights)
    tagged = any(t.categories for v in train for t in v.traces or ())
    threshold = _category_threshold(items, options)
    categories = category_compared(items, train if tagged else None, weights, threshold)
    blocks = {policy: grounding[policy] | candidates[policy] | categories[policy] for policy in grounding}
    notes += _notes(videos, items, judged)
    return Evaluation(
        items=tuple(items),
        paper=paper_figures(items, weights, **shared),
        per_video=paper_figures(items, weights, per_video=True, **shared),
        label=label_compared(items, by_label, weights),
        own=blocks["own"],
        oracle=blocks["oracle"],
        coverage=coverage(items),
        slices=[s.to_json() for s in slices(items, floors)],
        curves=curves(items, floors),
        confusion=_confusion(items),
        operating=asked,
        notes=tuple(notes),
        provenance={
            "resamples": options.resamples,
            "seed": options.seed,
            "category_threshold": threshold,
            "floors_fitted_on": floors.to_json(),
            "metadata_features": list(metadata.features) if metadata is not None else None,
        },
    )


def _without_untimed(videos: Sequence[VideoAnnotation]) -> tuple[list[VideoAnnotation], list[str]]:
    """Times of a video without a duration cannot be scored: they are taken as not annotated, and counted."""
    found, count = [], 0
    for video in videos:
        if not video.duration_s and any(t.span_s is not None for t in video.traces or ()):
            count += 1
            video = replace(video, traces=tuple(replace(t, span_s=None) for t in video.traces or ()))
        found.append(video)
    return found, [f"{count} videos state no duration: their times are not scored"] if count else []


def _category_threshold(items: Sequence[Item], options: EvaluationOptions) -> float:
    """The asked one, or the one that the answers agree on, or the even chance."""
    if options.category_threshold is not None:
        return options.category_threshold
    stated = {i.prediction.category_threshold for i in items if i.prediction is not None} - {None}
    return next((t for t in stated if t is not None), EVEN) if len(stated) == 1 else EVEN


def _confusion(items: Sequence[Item]) -> dict[str, Any]:
    """Top category against tags under both policies."""
    tables: dict[str, Any] = {policy: confusion(tagged_rows(items, policy)).tolist() for policy in POLICIES}
    return {"names": list(CONFUSION_NAMES)} | tables


def fitted_floors(train: Sequence[VideoAnnotation]) -> tuple[Floors, list[str]]:
    """Constant answers of training rows, or those that need none; and a note where it is the latter."""
    timed, _ = _without_untimed(train)
    try:
        floors = fit_floors(timed)
    except AnnotationError:
        floors = Floors.unfitted()
    notes = []
    if not floors.n_boxes:
        notes.append("no training rows with boxes: the only constant boxes are full frame and centre")
    if not floors.n_spans:
        notes.append("no training rows with times: the only constant span is the whole video")
    return floors, notes


def _metadata(
    train: Sequence[VideoAnnotation], items: Sequence[Item], facts: Facts, notes: list[str]
) -> MetadataOnly | None:
    try:
        found = metadata_only(train, [item.video for item in items], facts)
    except MissingExtraError as error:  # everything else can be measured without it
        found = str(error)
    if isinstance(found, str):
        notes.append(f"no {METADATA} floor: {found}")
        return None
    what = f"metadata_only saw {', '.join(found.features)} of {found.num_train} training videos"
    if not found.num_probed:
        what += "; from the annotations alone: the media are not there, so codec, bit rate and sound are unknown"
    elif found.num_probed < len(items):
        what += f"; codec, bit rate and sound are known of {found.num_probed} of {len(items)} scored videos"
    notes.append(what)
    return found


def _notes(videos: Sequence[VideoAnnotation], items: Sequence[Item], judged: Judgements | None) -> list[str]:
    notes = []
    if len(items) < len(videos):
        notes.append(f"{len(videos) - len(items)} videos have no label and are left out")
    waiting = unjudged(items, judged) if judged is not None else 0
    if waiting:
        notes.append(f"{waiting} explained rows have a sentence but no judge's score: Explanation and Overall are null")
    silent = [p for i in items if i.is_fake and (p := i.prediction) is not None and p.label == "real" and p.box is None]
    if silent:
        notes.append(
            f"{len(silent)} generated videos were called REAL without a box: under oracle labels they count as "
            "unanswered; verdicts (dtr detect --format json) carry candidates for them"
        )
    return notes
