"""The paper's protocol, on its 0–100 scale, and the public explorer's, which counts accuracy per video.

Both are strict: per annotated trace row, a generated video called REAL, without an answer, or with a missing or
malformed box or time gets IoU 0, distance 100 and time distance 100; an invalid label is wrong; distances are at most
100. Floors go through the same functions as answers, so every published number has its trivial neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dtr.evaluation.compared import Compared, compare
from dtr.evaluation.counted import Counted, undefined
from dtr.evaluation.figures import FloatArray, Statistic, mean_statistic, ratio_statistic
from dtr.evaluation.items import Item
from dtr.evaluation.label_floor import ALWAYS_FAKE
from dtr.evaluation.published import overall_from_parts, overall_without_accuracy
from dtr.evaluation.rows import NO_ANSWER, Answer, answer_rows, floor_answers, floor_name, model_answer
from dtr.floors import Floors

PAPER_METRICS = (
    "accuracy",
    "fake_accuracy",
    "real_accuracy",
    "explanation",
    "bbox_iou",
    "bbox_distance",
    "time_distance",
    "overall",
)
"""Keys of both protocols, in the paper's order; distances: lower is better."""

WITHOUT_ACCURACY = "overall_without_accuracy"
LOWER_IS_BETTER = frozenset({"bbox_distance", "time_distance"})
GROUNDING = {"bbox_iou": "box_iou", "bbox_distance": "box_distance", "time_distance": "time_distance"}
"""The paper's names of columns of the row table."""

Judgements = Mapping[str, Sequence[float | None]]
"""video_id → judge's score 0, 0.5 or 1 of each trace row; None = not judged."""

BoolArray = NDArray[np.bool_]


def paper_figures(
    items: Sequence[Item],
    weights: FloatArray,
    *,
    per_video: bool = False,
    judged: Judgements | None = None,
    floors: Floors | None = None,
    labels: Mapping[str, BoolArray] | None = None,
) -> dict[str, Compared]:
    """The paper's figures, 0–100, beside what constant answers score in the same protocol.

    Args:
        items: V videos with answers.
        weights: (n + 1, V) from `draw_weights`.
        per_video: accuracies count videos, as the public explorer does, instead of rows (a generated video counts once
            per trace row, a real one once), as the paper does; grounding is per trace row in both.
        judged: judge's scores; None = nothing is judged, so that Explanation and Overall cannot be computed.
        floors: constant boxes and spans; each is answered with the label FAKE for every video.
        labels: further floors of accuracy: (V,) "called fake" by name.

    Returns:
        By name of `PAPER_METRICS`, and "overall_without_accuracy".

    Raises:
        AnnotationError: a video with annotated times states no duration.

    Source: DeeptraceReward (arXiv 2509.22646v2), section on metrics.
    """
    correct = np.array([item.correct for item in items])
    ours = _label_statistics(items, correct, per_video)
    ours |= _grounding_statistics(items, [model_answer(item, "own") for item in items])
    explained = explanation_rows(items, judged)
    if explained is not None:
        ours["explanation"] = _mean(explained, _REASONS["explanation"])
        ours |= _overall_statistics(ours)
    beside = _floor_statistics(items, floors, labels or {}, per_video)
    found = {}
    for name in (*PAPER_METRICS, WITHOUT_ACCURACY):
        counted = ours.get(name) or undefined(0, "rows", _why_unjudged(judged))
        theirs = {floor: c.statistic for floor, c in beside.get(name, {}).items()}
        found[name] = compare(counted, theirs, weights, lower=name in LOWER_IS_BETTER)
    return found


def num_rows(item: Item) -> int:
    """Rows of the release that a video fills: one per trace, and one for a video without any."""
    return max(1, len(item.rows))


def explanation_rows(items: Sequence[Item], judged: Judgements | None) -> list[FloatArray] | None:
    """Judge's score of each row with a written explanation, one array per video; None = cannot be computed.

    A video called REAL, or one without a sentence, gets 0 without a judge.
    """
    if judged is None or unjudged(items, judged):
        return None
    found = []
    for item in items:
        scores = judged.get(item.video.video_id, ())
        rows = [
            float(scores[place] or 0.0) if _speaks(item) else 0.0
            for place, trace in enumerate(item.rows)
            if trace.explanation
        ]
        found.append(np.array(rows, dtype=np.float64))
    return found


def unjudged(items: Sequence[Item], judged: Judgements | None) -> int:
    """Rows with a written explanation and a sentence to compare it with, but without a judge's score."""
    count = 0
    for item in items:
        scores = (judged or {}).get(item.video.video_id, ())
        known = [place < len(scores) and scores[place] is not None for place in range(len(item.rows))]
        count += sum(bool(t.explanation) and _speaks(item) and not k for t, k in zip(item.rows, known, strict=True))
    return count


def _speaks(item: Item) -> bool:
    """The video was called fake, and a sentence says why."""
    return item.called_fake and item.prediction is not None and bool(item.prediction.explanation)


def _label_statistics(items: Sequence[Item], correct: BoolArray, per_video: bool) -> dict[str, Counted]:
    counts = np.array([1 if per_video else num_rows(item) for item in items], dtype=np.float64)
    fake = np.array([item.is_fake for item in items])
    parts = {"accuracy": np.ones(len(items), dtype=bool), "fake_accuracy": fake, "real_accuracy": ~fake}
    return {
        name: Counted(
            _percent(ratio_statistic(correct * counts * chosen, counts * chosen)),
            int((counts * chosen).sum()),
            "videos" if per_video else "rows",
            _REASONS[name],
        )
        for name, chosen in parts.items()
    }


def _grounding_statistics(
    items: Sequence[Item], answers: Sequence[Answer], names: Sequence[str] = tuple(GROUNDING)
) -> dict[str, Counted]:
    table = answer_rows(items, answers, [GROUNDING[name] for name in names])
    return {name: _mean(table[GROUNDING[name]], _REASONS[name]) for name in names}


def _mean(rows: list[FloatArray], reason: str) -> Counted:
    return Counted(_percent(mean_statistic(rows)), sum(map(len, rows)), "rows", reason)


def _overall_statistics(parts: Mapping[str, Counted]) -> dict[str, Counted]:
    accuracy, explanation, iou, distance = (
        parts[name].statistic for name in ("accuracy", "explanation", "bbox_iou", "time_distance")
    )
    n = parts["accuracy"].n

    def overall(w: FloatArray) -> FloatArray:
        return overall_from_parts(accuracy(w), explanation(w), iou(w), distance(w))

    def without(w: FloatArray) -> FloatArray:
        return overall_without_accuracy(explanation(w), iou(w), distance(w))

    unit = parts["accuracy"].unit
    return {
        "overall": Counted(overall, n, unit, _REASONS["overall"]),
        WITHOUT_ACCURACY: Counted(without, n, unit, _REASONS[WITHOUT_ACCURACY]),
    }


def _floor_statistics(
    items: Sequence[Item], floors: Floors | None, labels: Mapping[str, BoolArray], per_video: bool
) -> dict[str, dict[str, Counted]]:
    """By metric, by name of the floor.

    Overall's floors are the label floors, "FAKE" to everything among them, each with the constant box and onset that
    are best where it says FAKE, and no sentence: it is the strongest of them, so metadata that give the labels away
    count there too.
    """
    fake = np.array([item.is_fake for item in items])
    named = {ALWAYS_FAKE: np.ones(len(items), dtype=bool), **labels}
    accuracy = {name: _label_statistics(items, called == fake, per_video)["accuracy"] for name, called in named.items()}
    found: dict[str, dict[str, Counted]] = {"accuracy": accuracy}
    rows = [np.zeros(sum(bool(t.explanation) for t in item.rows)) for item in items]
    silence = _mean(rows, _REASONS["explanation"])
    found["explanation"] = {"no_sentence": silence}
    if floors is None:
        return found
    constants = {n: a for n, a in floor_answers(items, floors).items() if not n.startswith("tube/")}
    found |= _constant_statistics(items, constants, named[ALWAYS_FAKE])
    for label, called in named.items():
        theirs = _constant_statistics(items, constants, called)
        box = _best(theirs["bbox_iou"], len(items), lower=False)
        onset = _best(theirs["time_distance"], len(items), lower=True)
        parts = {"accuracy": accuracy[label], "explanation": silence}
        parts |= {"bbox_iou": theirs["bbox_iou"][box], "time_distance": theirs["time_distance"][onset]}
        for metric, counted in _overall_statistics(parts).items():
            found.setdefault(metric, {})[f"{label}+{box}+{onset}"] = counted
    return found


def _constant_statistics(
    items: Sequence[Item], constants: Mapping[str, Sequence[Answer]], called: BoolArray
) -> dict[str, dict[str, Counted]]:
    """Place and time of constants that answer only the videos of (V,) `called`, by metric and name."""
    found: dict[str, dict[str, Counted]] = {}
    for name, answers in constants.items():
        kind, _, constant = name.partition("/")
        given = [answer if fake else NO_ANSWER for answer, fake in zip(answers, called, strict=True)]
        metrics = ("bbox_iou", "bbox_distance") if kind == "box" else ("time_distance",)
        for metric, counted in _grounding_statistics(items, given, metrics).items():
            found.setdefault(metric, {})[floor_name(metric, constant)] = counted
    return found


def _best(by_name: Mapping[str, Counted], num_videos: int, *, lower: bool) -> str:
    values = {name: float(c.statistic(np.ones((1, num_videos)))[0]) for name, c in by_name.items()}
    return (min if lower else max)(values, key=lambda name: values[name])


def _percent(statistic: Statistic) -> Statistic:
    return lambda weights: 100.0 * statistic(weights)


def _why_unjudged(judged: Judgements | None) -> str:
    if judged is None:
        return "not judged; give a judge's scores with --judged"
    return "some explained rows have a sentence but no judge's score"


_REASONS = {
    "accuracy": "there is no labelled video",
    "fake_accuracy": "there is no generated video",
    "real_accuracy": "there is no real video",
    "explanation": "no trace row has a written explanation",
    "bbox_iou": "no trace row has a box",
    "bbox_distance": "no trace row has a box",
    "time_distance": "no trace row has a time",
    "overall": "one of its four parts is missing",
    WITHOUT_ACCURACY: "one of its three parts is missing",
}
