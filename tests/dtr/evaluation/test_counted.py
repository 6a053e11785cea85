import numpy as np

from dtr.evaluation.counted import Counted, figures, mean_of, remembered, undefined
from dtr.evaluation.figures import draw_weights


def test_figures__keep_order_units_and_reasons():
    weights = draw_weights(4, n=50)
    mean = Counted(lambda w: w @ np.array([0.0, 0.0, 1.0, 1.0]) / w.sum(axis=1), 4, "clips")
    found = figures({"b": mean, "a": undefined(0, "rows", "there is nothing")}, weights)
    assert list(found) == ["b", "a"]
    assert (found["b"].value, found["b"].unit) == (0.5, "clips")
    assert found["b"].interval[0] < 0.5 < found["b"].interval[1]
    assert (found["a"].value, found["a"].interval, found["a"].reason) == (None, None, "there is nothing")


def test_remembered__computes_again_for_other_weights():
    calls = []

    def slow(weights):
        calls.append(len(weights))
        return weights.sum(axis=1)

    statistic, ones, twos = remembered(slow), np.ones((1, 2)), np.full((1, 2), 2.0)
    answers = [statistic(w).tolist() for w in (ones, ones, twos, twos, ones)]
    assert answers == [[2.0], [2.0], [4.0], [4.0], [2.0]]
    assert len(calls) == 3


def test_mean_of__is_not_defined_where_a_part_is_not():
    part = mean_of([lambda w: w[:, 0], lambda w: w[:, 1]])
    assert part(np.array([[1.0, 3.0]])).tolist() == [2.0]
    assert np.isnan(part(np.array([[1.0, np.nan]])))
