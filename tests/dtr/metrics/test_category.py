import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score

from dtr.annotation import CATEGORIES
from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.category import CategoryMetrics


def some_rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    target = (rng.random((n, 9)) < 0.25).astype(int)
    target[:, 4] = 0  # one category that nobody has
    return np.clip(0.3 * target + rng.random((n, 9)) * 0.7, 0, 1), target


def figures(metric):
    return {name: float(v) for name, v in metric.compute().items()}


def test_category_metrics__agree_with_scikit_learn_and_leave_untagged_rows_out():
    scores, target = some_rows()
    tagged = np.arange(60) % 3 > 0
    thresholds = np.linspace(0.3, 0.6, 9)
    metric = CategoryMetrics(thresholds=thresholds)
    for part in (slice(0, 7), slice(7, 60)):
        noise = np.where(tagged[part, None], scores[part], np.nan)
        metric.update(torch.tensor(noise), torch.tensor(target[part]), torch.tensor(tagged[part]))
    found, called, truth = figures(metric), (scores >= thresholds)[tagged], target[tagged]
    present = [c for c in range(9) if truth[:, c].any()]
    assert 4 not in present
    macro = f1_score(truth, called, average="macro", labels=present, zero_division=0)
    ap = np.mean([average_precision_score(truth[:, c], scores[tagged][:, c]) for c in present])
    assert found["macro_f1"] == pytest.approx(macro, abs=1e-6)
    assert found["micro_f1"] == pytest.approx(f1_score(truth, called, average="micro"), abs=1e-6)
    assert found["map"] == pytest.approx(ap, abs=1e-6)


def test_category_metrics__no_rows_and_rows_without_categories_are_nan():
    metric = CategoryMetrics()
    metric.update(np.zeros((0, 9)), np.zeros((0, 9)))
    assert all(math.isnan(v) for v in figures(metric).values())
    metric.update(np.full((2, 9), 0.9), np.zeros((2, 9)), mask=[True, False])
    assert all(math.isnan(v) for v in figures(metric).values())


def test_category_metrics__a_category_that_no_row_has_lowers_the_micro_figure_only():
    target = np.zeros((1, 9))
    target[0, CATEGORIES.index("Sudden Blurring")] = 1
    metric = CategoryMetrics()
    metric.update(np.full((1, 9), 0.9), target)
    assert figures(metric) == pytest.approx({"macro_f1": 1.0, "micro_f1": 0.2, "map": 1.0})


def test_category_metrics__a_score_on_the_threshold_counts():
    metric = CategoryMetrics(num_categories=1)
    metric.update([[0.5]], [[1]])
    assert figures(metric)["macro_f1"] == 1.0


def test_category_metrics__say_what_is_wrong():
    good, none = np.full((2, 9), 0.5), np.zeros((2, 9))
    with pytest.raises(DetectorError, match="category scores must be finite"):
        CategoryMetrics().update(np.where(np.eye(2, 9) > 0, np.nan, good), none)
    with pytest.raises(DetectorError, match="not logits"):
        CategoryMetrics().update(good * 7, none)
    with pytest.raises(DetectorError, match=r"\(N, 9\), got \(2, 8\)"):
        CategoryMetrics().update(good[:, :8], none)
    with pytest.raises(AnnotationError, match="mask rows without tags"):
        CategoryMetrics().update(good, none + 0.5)
    with pytest.raises(AnnotationError, match="tag mask"):
        CategoryMetrics().update(good, none, [True])
    with pytest.raises(ConfigError, match="one finite number or 9"):
        CategoryMetrics(thresholds=[0.5, 0.5])
