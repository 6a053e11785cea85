from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from dtr.errors import ConfigError, DetectorError
from dtr.metrics.rank_correlation import weighted_spearman


@pytest.mark.parametrize("levels", [3, 1000], ids=["ties", "hardly any"])
def test_weighted_spearman__is_scipys_on_the_list_that_the_weights_describe(levels: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(levels, size=40).astype(float)
    y = x + rng.integers(levels, size=40)
    weights = np.concatenate([np.ones((1, 40), int), rng.integers(0, 4, (8, 40))])
    expected = [spearmanr(np.repeat(x, w), np.repeat(y, w)).statistic for w in weights]
    assert weighted_spearman(x, y, weights) == pytest.approx(expected)


def test_weighted_spearman__is_undefined_without_spread() -> None:
    weights = [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert np.isnan(weighted_spearman([0.5, 0.5, 0.5], [1, 2, 3], weights)).all()
    assert math.isnan(weighted_spearman([1], [2], [[5]])[0])
    assert np.isnan(weighted_spearman([], [], np.zeros((2, 0)))).all()


def test_weighted_spearman__stays_in_range() -> None:
    x = np.linspace(0, 1, 97) ** 3
    assert weighted_spearman(x, -np.exp(x), np.ones((1, 97))).tolist() == [-1.0]


def test_weighted_spearman__refuses_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"shape \(n, 2\)"):
        weighted_spearman([1, 2], [1, 2], [[1, 1, 1]])
    with pytest.raises(ConfigError, match="at least 0"):
        weighted_spearman([1, 2], [1, 2], [[1, -1]])
    with pytest.raises(DetectorError, match="y must be finite"):
        weighted_spearman([1, 2], [1, math.nan], [[1, 1]])
