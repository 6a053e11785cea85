import math

import numpy as np
import pytest
import torch

from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.average_precision import VideoCandidates, mean_average_precision
from dtr.metrics.box import BoxMetrics

WHOLE = (0.0, 0.0, 1.0, 1.0)
LEFT = (0.0, 0.0, 0.5, 1.0)


def figures(metric):
    return {name: float(v) for name, v in metric.compute().items()}


def test_box_metrics__mean_over_rows_not_over_videos():
    metric = BoxMetrics()
    metric.update(torch.tensor(WHOLE), torch.tensor([WHOLE, LEFT, LEFT]))
    metric.update(None, [WHOLE])
    found = figures(metric)
    assert found["box_iou"] == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert found["box_distance"] == pytest.approx((0 + 2 * 0.25 / np.sqrt(2) + 1) / 4)
    assert found["map_iou_0.5"] == 0.0


def test_box_metrics__average_precision_is_that_of_the_pure_function():
    rng = np.random.default_rng(0)
    metric, videos = BoxMetrics(thresholds=(0.3, 0.5, 0.75)), []
    for n in range(20):
        truth = np.array([WHOLE, LEFT])[: n % 3]
        boxes = np.sort(rng.random((4, 2, 2)), axis=1).reshape(4, 4)
        scores = rng.random(4)
        metric.update(boxes[0], truth, torch.tensor(boxes), torch.tensor(scores), exhaustive=n % 2 == 0)
        videos.append(VideoCandidates(scores, boxes, truth, exhaustive=n % 2 == 0))
    found = figures(metric)
    for threshold, ap in mean_average_precision(videos, (0.3, 0.5, 0.75), "box").items():
        assert found[f"map_iou_{threshold}"] == pytest.approx(ap, abs=1e-6)
    assert 0 < found["map_iou_0.3"] < 1


def test_box_metrics__real_videos_count_for_average_precision_only():
    metric = BoxMetrics()
    metric.update(WHOLE, [], [WHOLE], [0.9], exhaustive=True)
    assert all(math.isnan(v) for v in figures(metric).values())
    metric.update(WHOLE, [WHOLE], [WHOLE], [0.8])
    assert figures(metric) == pytest.approx(
        {"box_iou": 1.0, "box_distance": 0.0, "map_iou_0.3": 0.5, "map_iou_0.5": 0.5}
    )


def test_box_metrics__say_what_is_wrong_and_keep_nothing_of_it():
    metric = BoxMetrics()
    with pytest.raises(DetectorError, match="candidate boxes must be finite"):
        metric.update(WHOLE, [WHOLE], [(0, 0, float("nan"), 1)], [0.5])
    with pytest.raises(AnnotationError, match="true boxes"):
        metric.update(WHOLE, [(0, 0, float("nan"), 1)])
    with pytest.raises(ConfigError, match="threshold"):
        BoxMetrics(thresholds=(50,)).update(WHOLE, [WHOLE], [WHOLE], [0.5])
    assert all(math.isnan(v) for v in figures(metric).values())
