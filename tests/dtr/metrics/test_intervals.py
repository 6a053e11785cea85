import math

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from dtr.errors import ConfigError
from dtr.metrics.intervals import clopper_pearson, wilson

COUNTS = [(0, 1), (1, 1), (0, 28), (1, 28), (28, 28), (3, 7), (50, 100), (2, 1000), (999, 1000), (12, 4000)]


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_clopper_pearson__agrees_with_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(method="exact")
    assert clopper_pearson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(0, 28), (1, 28), (5, 200)])
def test_clopper_pearson__its_upper_end_is_that_of_a_threshold_chosen_on_the_same_videos(k, n):
    # Above the (k + 1)-th largest of n uniform scores lies a share that is distributed as Beta(k + 1, n - k).
    assert clopper_pearson(k, n)[1] == pytest.approx(beta.ppf(0.975, k + 1, n - k), abs=1e-9)


def test_clopper_pearson__nothing_counted_says_nothing():
    assert all(math.isnan(v) for v in clopper_pearson(0, 0))
    for wrong in ((2, 1), (-1, 3)):
        with pytest.raises(ConfigError, match="successes"):
            clopper_pearson(*wrong)


def test_wilson__agrees_with_scipy_and_has_no_value_for_an_empty_bin():
    k, n = np.array([k for k, _ in COUNTS]), np.array([n for _, n in COUNTS])
    low, high = wilson(k, n)
    for i, (successes, count) in enumerate(COUNTS):
        expected = binomtest(successes, count).proportion_ci(method="wilson")
        assert (low[i], high[i]) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert np.isnan(wilson([0], [0])).all()
