from __future__ import annotations

import numpy as np
import pytest

from dtr.baselines import fitting
from dtr.baselines.fitting import (
    Scorer,
    TrainRows,
    fit_scores,
    logistic_scores,
    network_scores,
    source_weights,
)
from dtr.errors import AnnotationError
from dtr.metrics.ranking import auroc


def rows(shift: float, *, clips: int = 60, seed: int = 0) -> TrainRows:
    rng = np.random.default_rng(seed)
    target = np.arange(clips) % 2
    values = rng.normal(size=(clips, 4))
    values[:, 0] += shift * target
    sources = [f"s{i % 10}" for i in range(clips)]
    return TrainRows(values, target, sources, [f"{t}/{s}" for t, s in zip(target, sources, strict=True)])


def test_source_weights__labels_and_sources_count_alike() -> None:
    target, sources = np.array([1, 1, 1, 1, 0, 0, 0]), ["a", "a", "a", "b", "a", "c", "d"]
    weights = source_weights(target, sources)
    assert weights[target == 1].sum() == pytest.approx(weights[target == 0].sum())
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(("scorer", "penalties"), [(logistic_scores, (0.1, 1.0)), (network_scores, (0.1,))])
def test_fit_scores__learns_what_is_there(
    scorer: Scorer, penalties: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "NETWORKS", 2)  # five take seconds
    train, asked = rows(3.0), rows(3.0, seed=1)
    found = fit_scores(train, asked.values, scorer, penalties)
    assert auroc(found.scores, asked.target) > 0.9
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert found.penalty in found.cv_auroc
    assert found.cv_auroc[found.penalty] == max(found.cv_auroc.values())


def test_fit_scores__a_column_that_names_the_source_does_not_choose_the_penalty() -> None:
    # Known sources can be learnt by heart, held-out ones cannot: the choice must see chance, not the training fit.
    rng = np.random.default_rng(0)
    sources = np.repeat(np.arange(20), 6)
    target = (sources % 2).astype(np.int64)
    values = rng.normal(size=(20, 30))[sources] + rng.normal(0, 0.01, size=(120, 30))
    names = [f"s{s}" for s in sources]
    found = fit_scores(TrainRows(values, target, names, names), values, logistic_scores, (0.01,))
    assert auroc(found.scores, target) > 0.95
    assert found.cv_auroc[0.01] < 0.8


def test_fit_scores__what_is_unknown_is_the_training_median() -> None:
    train = rows(3.0)
    middle = np.median(train.values, axis=0, keepdims=True)
    unknown = np.full((1, 4), np.nan)
    found = fit_scores(train, np.concatenate([middle, unknown]), logistic_scores, (1.0,))
    assert found.scores[0] == pytest.approx(found.scores[1])


def test_fit_scores__one_label_is_a_clear_error() -> None:
    one = TrainRows(np.zeros((3, 1)), np.ones(3, dtype=np.int64), list("abc"), list("abc"))
    with pytest.raises(AnnotationError, match="got 3 fake and 0 real"):
        fit_scores(one, np.zeros((1, 1)), logistic_scores, (1.0,))
