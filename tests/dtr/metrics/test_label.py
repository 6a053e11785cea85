import math
import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.label import LabelMetrics


def figures(scores, target, **options):
    metric = LabelMetrics(**options)
    metric.update(scores, target)
    return {name: float(v) for name, v in metric.compute().items()}


def test_label_metrics__agree_with_scikit_learn_over_uneven_batches():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 101)
    scores = np.round(np.clip(0.3 * target + rng.normal(0.35, 0.2, 101), 0, 1), 1)  # rounded: many ties
    metric = LabelMetrics(threshold=0.45)
    for part in np.split(np.arange(101), [1, 40]):
        metric.update(torch.tensor(scores[part]), torch.tensor(target[part]))
    found = metric.compute()
    assert float(found["video_auroc"]) == pytest.approx(roc_auc_score(target, scores), abs=1e-6)
    assert float(found["video_ap"]) == pytest.approx(average_precision_score(target, scores), abs=1e-6)
    called = scores >= 0.45
    assert float(found["video_accuracy"]) == pytest.approx(np.mean(called == target), abs=1e-6)
    both = (float(found["video_fake_accuracy"]) + float(found["video_real_accuracy"])) / 2
    assert both == pytest.approx(balanced_accuracy_score(target, called), abs=1e-6)


def test_label_metrics__one_class_gives_nan_where_it_must_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = figures([0.9, 0.4], [1, 1])
    assert math.isnan(found["video_auroc"])
    assert math.isnan(found["video_ap"])
    assert math.isnan(found["video_real_accuracy"])
    assert found["video_accuracy"] == found["video_fake_accuracy"] == 0.5


def test_label_metrics__one_video_none_and_reset():
    assert figures([0.5], [1])["video_accuracy"] == 1.0
    assert all(math.isnan(v) for v in figures([], []).values())
    metric = LabelMetrics()
    metric.update([0.9], [0])
    metric.reset()
    metric.update([0.9], [1])
    assert float(metric.compute()["video_accuracy"]) == 1.0


def test_label_metrics__keep_the_order_of_scores_near_one():
    near = 1 - np.array([1e-12, 2e-12, 3e-12])
    assert figures(near, [1, 1, 0])["video_auroc"] == 1.0


@pytest.mark.parametrize(
    ("scores", "target", "error", "says"),
    [
        ([float("nan")], [1], DetectorError, "video scores must be finite"),
        ([3.2], [1], DetectorError, "pass scores, not logits"),
        ([0.5], [float("nan")], AnnotationError, "video labels must be finite"),
        ([0.5, 0.6], [1], AnnotationError, "one value per score"),
    ],
)
def test_label_metrics__say_what_is_wrong(scores, target, error, says):
    with pytest.raises(error, match=says):
        figures(torch.tensor(scores), torch.tensor(target))
    with pytest.raises(ConfigError, match="label threshold"):
        LabelMetrics(threshold=float("nan"))
