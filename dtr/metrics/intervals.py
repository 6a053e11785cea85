"""Intervals of a rate that was counted: exact for a figure, Wilson's for a plot of many."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import ConfigError

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]

_TAIL = 0.025
"""Probability left out at each end of a 95 % interval."""

_Z = 1.959963984540054
"""Quantile of the normal distribution that leaves out `_TAIL`."""


@lru_cache(maxsize=4096)  # a verdict and every bootstrap resample ask for the same few
def clopper_pearson(successes: int, n: int) -> Interval:
    """Exact 95 % interval of a rate after `successes` of `n`; (NaN, NaN) for n = 0.

    Exact, not Wilson's approximation, because the rates that matter are near 0, where Wilson's covers too little.
    Its upper end also holds for the rate of a threshold that was put just above the score of one of the same n videos.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the
    binomial".

    Example:
        >>> [round(v, 4) for v in clopper_pearson(0, 28)]
        [0.0, 0.1234]
    """
    if not 0 <= successes <= n:
        raise ConfigError(f"a rate needs 0 <= successes <= n, got {successes} of {n}; count again")
    if n == 0:
        return math.nan, math.nan
    # P(X ≥ k | p) rises with p: the lower end is where it reaches the tail, the upper end by exchanging the classes.
    low = 0.0 if successes == 0 else _where_tail(successes, n)
    high = 1.0 if successes == n else 1.0 - _where_tail(n - successes, n)
    return low, high


def wilson(successes: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """95 % score intervals of many rates at once, for plots; NaN where n = 0.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    Example:
        >>> [round(float(v), 3) for v in wilson(5, 10)]
        [0.237, 0.763]
    """
    k, m = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = k / m
        middle = p + _Z**2 / (2 * m)
        spread = _Z * np.sqrt(p * (1 - p) / m + _Z**2 / (4 * m**2))
        scale = 1 + _Z**2 / m
        # Rounding must not put an end on the wrong side of the rate: plots draw the distance to it.
        return np.clip((middle - spread) / scale, 0.0, p), np.clip((middle + spread) / scale, p, 1.0)


def _where_tail(k: int, n: int) -> float:
    """The rate p at which P(X ≥ k) of a binomial(n, p) is `_TAIL`, by bisection; 1 ≤ k ≤ n."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    i = np.arange(k, n + 1)
    log_ways = log_factorial[n] - log_factorial[i] - log_factorial[n - i]
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        if np.exp(log_ways + i * math.log(p) + (n - i) * math.log1p(-p)).sum() < _TAIL:
            low = p
        else:
            high = p
    return (low + high) / 2
