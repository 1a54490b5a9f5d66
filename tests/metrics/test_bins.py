"""NDB and Jensen-Shannon divergence over kinds of sounds that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from clouds import cloud
from scipy.spatial.distance import jensenshannon

from soundloom.metrics.bins import Bins, expected_jensen_shannon, fit_bins, jensen_shannon, ndb

FOUR = Bins(np.zeros(2), np.ones(2), 10 * np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))


def sounds(*counts: int) -> np.ndarray:
    """So many sounds in each of the four bins."""
    return np.repeat(FOUR.centres, counts, axis=0)


def test_a_sound_counts_in_the_bin_of_the_nearest_centre_whatever_the_unit() -> None:
    assert FOUR.count(sounds(3, 1, 4, 2) + 0.1).tolist() == [3, 1, 4, 2]
    wide = Bins(np.array([5.0, 0.0]), np.array([1.0, 100.0]), FOUR.centres)
    assert wide.count(sounds(3, 1, 4, 2) * [1, 100] + [5, 0]).tolist() == [3, 1, 4, 2]


def test_bins_find_the_kinds_that_there_are() -> None:
    kinds = cloud(12, 4, 1, spread=30)
    training = np.repeat(kinds, 20, axis=0) + cloud(240, 4, 2, spread=0.1)
    bins = fit_bins(training * [1, 1000, 1, 1])  # no feature drowns the others
    assert len(bins) == 12
    assert bins.count(training * [1, 1000, 1, 1]).tolist() == [20] * 12


def test_there_is_one_bin_for_20_sounds_at_most_50_and_never_more_than_different_sounds() -> None:
    assert [len(fit_bins(cloud(n, 2))) for n in (40, 199, 1100)] == [2, 9, 50]
    assert len(fit_bins(np.repeat(cloud(3, 2), 30, axis=0))) == 3


def test_a_bin_differs_where_the_test_of_two_proportions_says_so() -> None:
    def z(p: float, q: float, n: int, m: int) -> float:
        pooled = (p * n + q * m) / (n + m)
        return (p - q) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))

    reference, other = sounds(50, 50, 50, 50), sounds(35, 32, 15, 18)
    expected = sum(abs(z(0.25, q, 200, 100)) > 1.96 for q in (0.35, 0.32, 0.15, 0.18))
    assert expected == 1
    assert ndb(FOUR, reference, other).value == expected / 4
    assert ndb(FOUR, reference, reference).value == 0
    assert ndb(FOUR, sounds(25, 0, 0, 0), sounds(30, 0, 0, 0)).value == 0
    assert ndb(FOUR, sounds(99, 99, 0, 0), sounds(0, 0, 99, 99)).value == 1


def test_about_5_of_100_bins_differ_for_two_sets_of_the_same_kind_of_sounds() -> None:
    shares = []
    for seed in range(10):
        training, first, second = (cloud(600, 6, 3 * seed + part) for part in range(3))
        bins = fit_bins(training, seed)
        shares.append(ndb(bins, first, second))
    assert np.mean([estimate.value for estimate in shares]) == pytest.approx(0.05, abs=0.03)
    assert sum(estimate.low <= 0.05 <= estimate.high for estimate in shares) >= 8


def test_a_generator_that_makes_some_kinds_only_differs_in_most_bins() -> None:
    training = cloud(600, 6)
    bins = fit_bins(training)
    assert ndb(bins, training, cloud(600, 6, 1, spread=0.3)).low > 0.5


def test_the_divergence_is_that_of_a_library_in_bits() -> None:
    p, q = (30, 40, 20, 10), (10, 20, 60, 10)
    value = jensen_shannon(FOUR, sounds(*p), sounds(*q)).value
    assert value == pytest.approx(jensenshannon(p, q, base=2) ** 2, rel=1e-12)


def test_equal_parts_diverge_by_0_and_no_common_bin_by_1() -> None:
    assert jensen_shannon(FOUR, sounds(10, 10, 10, 10), sounds(20, 20, 20, 20)).value == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(FOUR, sounds(9, 30, 0, 0), sounds(0, 0, 20, 9)) == pytest.approx((1, 1, 1))


def test_the_interval_holds_the_mean_divergence_and_equal_sets_reach_what_is_expected_of_them() -> None:
    rng = np.random.default_rng(0)

    def draw(p: tuple[float, ...]) -> np.ndarray:
        return sounds(*rng.multinomial(200, p))

    same = [jensen_shannon(FOUR, draw((0.25,) * 4), draw((0.25,) * 4)) for _ in range(100)]
    assert np.mean([estimate.value for estimate in same]) == pytest.approx(
        expected_jensen_shannon(4, 200, 200), rel=0.25
    )
    other = [jensen_shannon(FOUR, draw((0.25,) * 4), draw((0.4, 0.3, 0.2, 0.1))) for _ in range(100)]
    mean = np.mean([estimate.value for estimate in other])
    assert 0.88 <= np.mean([estimate.low <= mean <= estimate.high for estimate in other]) <= 0.99


def test_the_same_seed_gives_the_same_bins_and_order_of_sounds_changes_no_figure() -> None:
    training, other = cloud(200, 4), cloud(90, 4, 1, shift=0.5)
    bins = fit_bins(training, seed=3)
    assert np.array_equal(bins.centres, fit_bins(training, seed=3).centres)
    for figure in (ndb, jensen_shannon):
        assert figure(bins, training, other) == figure(bins, training[::-1], other[::-1])
