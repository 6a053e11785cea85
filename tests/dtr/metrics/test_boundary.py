import math

import numpy as np
import pytest
import torch

from dtr.errors import AnnotationError, DetectorError
from dtr.metrics.average_precision import VideoCandidates, mean_average_precision
from dtr.metrics.boundary import BoundaryMetrics


def figures(metric):
    return {name: float(v) for name, v in metric.compute().items()}


def test_boundary_metrics__mean_over_rows_worked_by_hand():
    metric = BoundaryMetrics()
    metric.update(torch.tensor([1.0, 3.0]), torch.tensor([[1.0, 3.0], [2.0, 4.0]]), 4.0)
    metric.update(None, [(0.0, 1.0)], 2.0)
    found = figures(metric)
    assert found["onset_error_s"] == pytest.approx((0 + 1 + 2) / 3)
    assert found["time_distance"] == pytest.approx((0 + 0.25 + 1) / 3)
    assert found["tiou"] == pytest.approx((1 + 1 / 3 + 0) / 3)


def test_boundary_metrics__average_precision_is_that_of_the_pure_function():
    rng = np.random.default_rng(0)
    metric, videos = BoundaryMetrics(), []
    for n in range(20):
        truth = np.array([(0.0, 2.0), (2.5, 4.0)])[: n % 3]
        spans, scores = np.sort(rng.uniform(0, 4, (5, 2)), axis=1), rng.random(5)
        metric.update(spans[0], truth, 4.0, spans, scores, exhaustive=n % 2 == 0)
        videos.append(VideoCandidates(scores, spans_s=spans, true_spans_s=truth, exhaustive=n % 2 == 0))
    found = figures(metric)
    for threshold, ap in mean_average_precision(videos, (0.3, 0.5, 0.7), "tiou").items():
        assert found[f"map_tiou_{threshold}"] == pytest.approx(ap, abs=1e-6)
    assert 0 < found["map_tiou_0.3"] < 1


def test_boundary_metrics__no_truth_is_nan():
    metric = BoundaryMetrics()
    metric.update((0.0, 1.0), [], 2.0, [(0.0, 1.0)], [0.9], exhaustive=True)
    assert all(math.isnan(v) for v in figures(metric).values())


def test_boundary_metrics__say_what_is_wrong():
    with pytest.raises(AnnotationError, match="duration"):
        BoundaryMetrics().update((0.0, 1.0), [(0.0, 1.0)], 0.0)
    with pytest.raises(DetectorError, match="candidate scores must be finite"):
        BoundaryMetrics().update((0.0, 1.0), [(0.0, 1.0)], 1.0, [(0.0, 1.0)], [float("nan")])
    with pytest.raises(AnnotationError, match="true spans"):
        BoundaryMetrics().update((0.0, 1.0), [(0.0, float("inf"))], 1.0)
