"""95 % intervals of simple figures: shares, medians, rank correlations; and the variance of a jackknife.

Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
Bonett & Wright 2000, https://doi.org/10.1007/BF02294183 (rank correlation)
Efron & Stein 1981, https://doi.org/10.1214/aos/1176345462 (jackknife)
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from soundloom.metrics.estimate import Estimate, TooFew

Z = float(stats.norm.ppf(0.975))  # 1.96: 95 % of a normal distribution lies within so many deviations


def around(value: float, error: float, lowest: float = -math.inf, highest: float = math.inf) -> Estimate:
    """A value with the normal interval of its standard error, clipped to the range of the figure."""
    return Estimate(value, max(value - Z * error, min(lowest, value)), min(value + Z * error, max(highest, value)))


def jackknife_variance(deleted: np.ndarray) -> float:
    """The part of a figure's variance that one side's sounds bring.

    Args:
        deleted: (sound,), the figure with that sound left out; the parts of independent sides add up.
    """
    count = len(deleted)
    return float((count - 1) * deleted.var())


def share(successes: float, n: float) -> Estimate:
    """The share of n independent trials that succeeded, with Wilson's interval: never empty, never outside 0..1.

    Args:
        successes: 0 to n.
        n: at least 1; an effective number of trials need not be whole.

    Raises:
        TooFew: n is less than 1.
        ValueError: successes outside 0..n.
    """
    if n < 1:
        raise TooFew("a share", int(n), 1, "trials")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} trials cannot have succeeded; give between 0 and {n}")
    value = successes / n
    middle = (value + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(value * (1 - value) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Estimate(value, max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value)))


def median(values: np.ndarray) -> Estimate:
    """The median of independent values, with the interval between two of them that holds for any distribution.

    How many of n values lie under the true median is binomial (n, 1/2), so the interval is exact: at least 95 %.

    Args:
        values: (value,), at least 6: the least and the greatest of 5 hold the median in 94 % of cases only.

    Raises:
        TooFew: fewer than 6 values.
        ValueError: NaN or infinity among them.
    """
    ordered = np.sort(_finite("a median", values))
    if len(ordered) < 6:
        raise TooFew("a median", len(ordered), 6, "values")
    place = int(stats.binom.ppf(0.025, len(ordered), 0.5))  # counted from 1, from either end
    return Estimate(float(np.median(ordered)), float(ordered[place - 1]), float(ordered[-place]))


def spearman(x: np.ndarray, y: np.ndarray) -> Estimate:
    """The rank correlation of paired values, -1 to 1, with Fisher's interval in Bonett & Wright's form.

    Args:
        x: (pair,), at least 5.
        y: (pair,), in the same order.

    Raises:
        TooFew: fewer than 5 pairs.
        ValueError: lengths that differ, NaN or infinity, or values that are all the same.
    """
    first, second = _finite("a rank correlation", x), _finite("a rank correlation", y)
    count = len(first)
    if count != len(second):
        raise ValueError(f"a rank correlation needs pairs: {count} values against {len(second)}; give as many of each")
    if count < 5:
        raise TooFew("a rank correlation", count, 5, "pairs")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        raise ValueError(
            f"a rank correlation needs values that differ: all {count} of a side are the same; leave the figure out"
        )
    value = float(np.clip(stats.spearmanr(first, second).statistic, -1.0, 1.0))
    step = 6 / (count * (count**2 - 1))  # half of the smallest step from 1: the order of few values is weak evidence
    middle = math.atanh(max(-1 + step, min(1 - step, value)))
    half = Z * math.sqrt((1 + value**2 / 2) / (count - 3))
    return Estimate(value, min(math.tanh(middle - half), value), max(math.tanh(middle + half), value))


def _finite(figure: str, values: np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64).ravel()
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ValueError(f"{figure}: {bad} of {len(array)} values are NaN or infinite; leave them out and report it")
    return array
