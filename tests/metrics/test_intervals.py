"""Intervals against exact probabilities, libraries and repeated draws."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import coverage_of
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from soundloom.metrics.estimate import TooFew
from soundloom.metrics.intervals import median, share, spearman


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (470, 500)])
def test_a_share_has_wilsons_interval_as_a_library_computes_it(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert share(successes, n) == pytest.approx((successes / n, expected.low, expected.high), abs=1e-12)


@given(n=st.integers(1, 10**6), part=st.floats(0, 1))
def test_a_share_lies_in_its_interval_and_the_interval_between_0_and_1(n: int, part: float) -> None:
    found = share(int(part * n), n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize("n", [6, 7, 20, 101])
def test_the_interval_of_a_median_is_the_narrowest_that_is_sure_enough(n: int) -> None:
    found = median(np.random.default_rng(n).permutation(np.arange(1.0, n + 1)))  # a value is its own place
    assert found.value == (n + 1) / 2
    missed = 2 * stats.binom.cdf(found.low - 1, n, 0.5)
    assert missed <= 0.05 < 2 * stats.binom.cdf(found.low, n, 0.5)
    assert found.high == n + 1 - found.low


def test_a_median_lies_in_its_interval_for_a_lopsided_distribution_too() -> None:
    rng = np.random.default_rng(0)
    assert 0.93 <= coverage_of(np.log(2), (median(rng.exponential(size=25)) for _ in range(800))) <= 0.99


def test_a_rank_correlation_is_that_of_a_library_and_blind_to_any_rising_function() -> None:
    x, y = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=40).T
    found = spearman(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert spearman(np.exp(x), y**3) == pytest.approx(found)
    assert spearman(x, -y) == pytest.approx((-found.value, -found.high, -found.low))


@pytest.mark.parametrize("r", [0.0, 0.6, 0.9])
def test_a_rank_correlation_lies_in_its_interval_in_about_95_of_100_trials(r: float) -> None:
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(r / 2)  # of a Gaussian with correlation r
    found = (spearman(*rng.multivariate_normal([0, 0], [[1, r], [r, 1]], size=30).T) for _ in range(500))
    assert 0.92 <= coverage_of(truth, found) <= 0.98


def test_perfect_order_of_few_values_proves_little_and_of_many_much() -> None:
    few, many = (spearman(np.arange(n), np.arange(n)) for n in (5, 100))
    assert (few.value, few.high, many.value) == pytest.approx((1, 1, 1), abs=1e-12)
    assert few.low < 0.85
    assert 0.99 < many.low < 1


def test_what_has_no_interval_is_refused() -> None:
    with pytest.raises(TooFew, match="a median needs at least 6 values and was given 5"):
        median(np.arange(5))
    with pytest.raises(TooFew, match="a rank correlation needs at least 5 pairs and was given 4"):
        spearman(np.arange(4), np.arange(4))
    with pytest.raises(TooFew, match="a share needs at least 1 trials and was given 0"):
        share(0, 0)
    with pytest.raises(ValueError, match="11 of 10 trials"):
        share(11, 10)
    with pytest.raises(ValueError, match="5 values against 6"):
        spearman(np.arange(5), np.arange(6))
    with pytest.raises(ValueError, match="all 7 of a side are the same"):
        spearman(np.ones(7), np.arange(7))
    with pytest.raises(ValueError, match="2 of 8 values are NaN or infinite"):
        median(np.array([1, 2, 3, np.nan, 5, 6, np.inf, 8]))
