"""Intervals of 95 % for the figures of a campaign."""

import math
import random

LEVEL = 0.95
RESAMPLES = 2000


def _bisect(above, low: float, high: float) -> float:
    """Where a rising condition begins to hold."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return (low + high) / 2


def _binomial_at_most(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p)**(n - i) for i in range(k + 1))


def share(k: int, n: int) -> tuple[float, float]:
    """k of n, exact (Clopper and Pearson 1934)."""
    tail = (1 - LEVEL) / 2
    low = 0 if k == 0 else _bisect(lambda p: 1 - _binomial_at_most(k - 1, n, p) > tail, 0, 1)
    high = 1 if k == n else _bisect(lambda p: _binomial_at_most(k, n, p) < tail, 0, 1)
    return low, high


def _poisson_at_most(k: int, mean: float) -> float:
    return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1))
                     for i in range(k + 1)) if mean > 0 else 1


def rate(k: int, exposure: float) -> tuple[float, float]:
    """k events in so much time, exact (Garwood 1936)."""
    tail = (1 - LEVEL) / 2
    most = 10 * k + 50
    low = 0 if k == 0 else _bisect(lambda m: 1 - _poisson_at_most(k - 1, m) > tail, 0, most)
    high = _bisect(lambda m: _poisson_at_most(k, m) < tail, 0, most)
    return low / exposure, high / exposure


def mean(values: list[float], seed: int) -> tuple[float, float]:
    """Of a mean, by resampling (percentile bootstrap, Efron 1979)."""
    draw = random.Random(seed)
    means = sorted(math.fsum(draw.choices(values, k=len(values))) / len(values)
                   for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - LEVEL) / 2)
    return means[cut], means[-cut - 1]
