"""The short list of figures against where each of them comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.evaluation.measure import LABEL_MEASURES, MEASURES, measure, measure_statistics
from dtr.evaluation.rows import ROW_METRICS, answer_rows, model_answer
from tests.evaluation_figures import candidate_figures, category_figures, label_figures
from tests.random_items import repeated, some_items


def test_measure__is_the_value_of_each_figure() -> None:
    items = some_items(21, 40)
    weights, found = draw_weights(40, n=2), measure(items)
    assert tuple(found) == MEASURES
    label = label_figures(items, weights)
    assert {n: found[n] for n in LABEL_MEASURES} == {n: label[n].value for n in LABEL_MEASURES}
    assert found["category_map"] == category_figures(items, weights)["category_map"].value
    assert found["map_both"] == candidate_figures(items, weights)["map_both"].value
    rows = answer_rows(items, [model_answer(item, "oracle") for item in items])
    for name in ROW_METRICS:
        assert found[name] == pytest.approx(np.concatenate(rows[name]).mean())


def test_measure_statistics__weights_are_repeated_videos() -> None:
    items, weights = some_items(22, 20), [2, 0, 1, 3] * 5
    found = {n: float(s(np.array([weights], dtype=float))[0]) for n, s in measure_statistics(items).items()}
    assert found == pytest.approx(measure(repeated(items, weights)))


def test_measure__what_is_not_defined_is_nan() -> None:
    real = [Item(item.video, None) for item in some_items(23, 20) if not item.is_fake][:1]
    found = measure(real)
    assert found["accuracy"] == found["real_accuracy"] == 0.0
    assert all(math.isnan(found[n]) for n in ("auroc", "fake_accuracy", "box_iou", "category_map", "map_both"))
    assert all(math.isnan(v) for v in measure([]).values())
