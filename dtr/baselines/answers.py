"""The baselines themselves: what each sees of a clip, and its P(fake)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.baselines.clips import ClipNumbers
from dtr.baselines.fitting import Scorer, TrainRows, fit_scores, logistic_scores, network_scores
from dtr.errors import ConfigError

FloatArray = NDArray[np.float64]
Known = Sequence[tuple[VideoAnnotation, ClipNumbers]]
Asked = Sequence[ClipNumbers | None]


@dataclass(frozen=True)
class Probe:
    """A baseline that is fitted.

    Attributes:
        about: in words. see: (F,) what it looks at, NaN = unknown; a clip of which it knows nothing gets no score.
        scorer: what is fitted. penalties: to choose from.
    """

    about: str
    see: Callable[[ClipNumbers], FloatArray]
    scorer: Scorer
    penalties: tuple[float, ...]


LINEAR_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
NETWORK_PENALTIES = (0.01, 0.1, 1.0, 10.0)

SPREADS: dict[str, Callable[[ClipNumbers], float]] = {"d3": lambda c: c.spread, "d3_per_step": lambda c: c.step_spread}
"""Baselines that nothing is fitted for."""

PROBES: dict[str, Probe] = {
    "restrav": Probe(
        "path's lengths and angles, small networks", lambda c: c.trajectory, network_scores, NETWORK_PENALTIES
    ),
    "probe_means": Probe("linear, mean features", lambda c: c.means, logistic_scores, LINEAR_PENALTIES),
    "probe_means_changes": Probe(
        "linear, mean features and mean absolute first differences",
        lambda c: np.concatenate([c.means, c.changes]),
        logistic_scores,
        LINEAR_PENALTIES,
    ),
}
ABOUT = {
    "d3": "spread of second-order differences over true time, low = fake; nothing fitted",
    "d3_per_step": "the same, every step counting as one unit of time",
} | {name: probe.about for name, probe in PROBES.items()}


@dataclass(frozen=True)
class Answers:
    """Scores of one baseline.

    Attributes:
        scores: (M,) P(fake) in [0, 1]; NaN = the clip cannot be scored.
        penalty: chosen on the training clips; None = nothing is fitted.
        cv_auroc: on held-out sources of the training clips, by penalty.
    """

    scores: FloatArray
    penalty: float | None
    cv_auroc: Mapping[float, float]


def all_answers(
    train: Known, groups: Mapping[str, str], asked: Asked, *, only: Collection[str] = (), seed: int = 0
) -> dict[str, Answers]:
    """Scores of baselines.

    Args:
        train: labelled training videos with their numbers.
        groups: video_id → what no fold may tear (`dtr.data.splits.source_groups`).
        asked: M clips; None = there are no features of it.
        only: names of baselines; empty = all.
        seed: of folds and fits.

    Raises:
        ConfigError: no baseline of such a name.
        AnnotationError: a label has fewer than two training clips with features.
        MissingExtraError: scikit-learn is not installed.
    """
    check_names(only)
    spreads = {n: see for n, see in SPREADS.items() if not only or n in only}
    probes = {n: probe for n, probe in PROBES.items() if not only or n in only}
    found = {n: Answers(_spread_scores(see, train, asked), None, {}) for n, see in spreads.items()}
    return found | {n: _probed(probe, train, groups, asked, seed) for n, probe in probes.items()}


def check_names(only: Collection[str]) -> None:
    """Refuse names of baselines that there are none of.

    Raises:
        ConfigError: there is one.
    """
    unknown = sorted(set(only) - set(ABOUT))
    if unknown:
        raise ConfigError(
            f"expected names of baselines among {', '.join(ABOUT)}, got {', '.join(unknown)}; use one of those"
        )


def low_spread_scores(train: FloatArray, asked: FloatArray) -> FloatArray:
    """D3's spread as a score of fake: the lower, the more fake, as its authors hold; the sign is never fitted.

    The spread s becomes m / (m + s), m being the median spread of the training clips, whatever their labels. That only
    places the scale: no ranking depends on it, but accuracy and calibration do, and D3 itself names no threshold.

    Args:
        train: (N,) and asked: (M,) 0 or more, NaN = unknown.

    Returns:
        (M,) in [0, 1], NaN = unknown.

    Example:
        >>> low_spread_scores(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 6.0, np.nan])).tolist()
        [1.0, 0.5, 0.25, nan]
    """
    known = train[~np.isnan(train)]
    middle = float(np.median(known)) if len(known) else 1.0
    return middle / (middle + asked) if middle > 0 else np.where(np.isnan(asked), np.nan, 1.0 * (asked == 0))


def _spread_scores(see: Callable[[ClipNumbers], float], train: Known, asked: Asked) -> FloatArray:
    spreads = np.array([np.nan if clip is None else see(clip) for clip in asked], dtype=np.float64)
    return low_spread_scores(np.array([see(clip) for _, clip in train], dtype=np.float64), spreads)


def _probed(probe: Probe, train: Known, groups: Mapping[str, str], asked: Asked, seed: int) -> Answers:
    seen = [(video, probe.see(clip)) for video, clip in train]
    seen = [(video, values) for video, values in seen if not np.isnan(values).all()]
    rows = TrainRows(
        values=np.array([values for _, values in seen]),
        target=np.array([video.label == "fake" for video, _ in seen], dtype=np.int64),
        sources=[video.source or video.video_id for video, _ in seen],
        groups=[groups[video.video_id] for video, _ in seen],
    )
    scores = np.full(len(asked), np.nan)
    values = {i: probe.see(clip) for i, clip in enumerate(asked) if clip is not None}
    places = [i for i, row in values.items() if not np.isnan(row).all()]
    table = np.array([values[i] for i in places]).reshape(len(places), -1)
    fitted = fit_scores(rows, table, probe.scorer, probe.penalties, seed=seed)
    scores[places] = fitted.scores
    return Answers(scores, fitted.penalty, fitted.cv_auroc)
