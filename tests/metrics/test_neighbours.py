"""Density, coverage, diversity and nearest sounds against literal loops, other libraries and known cases."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import cloud, coverage_of, deletions, jackknife_error
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist
from sklearn.neighbors import NearestNeighbors

from soundloom.metrics import neighbours
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.neighbours import (
    coverage,
    density,
    density_and_coverage,
    diversity,
    expected_coverage,
    nearest,
)


def balls(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Which other sound (column) lies in whose ball (row)."""
    radii = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]  # without the sound itself
    return cdist(x, y) <= radii[:, None]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_density_and_coverage_are_those_of_the_paper(k: int) -> None:
    x, y = cloud(60, 3, 1), cloud(45, 3, 2, spread=0.8)
    inside = balls(x, y, k)
    assert density(x, y, k).value == pytest.approx(inside.sum() / (k * 45))
    assert coverage(x, y, k).value == pytest.approx(inside.any(axis=1).mean())


def test_blocks_of_any_size_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cloud(60, 3, 1), cloud(45, 3, 2)
    whole = (*density_and_coverage(x, y), *nearest(x, y))
    for block in (1, 7, 60):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        for one, other in zip((*density_and_coverage(x, y), *nearest(x, y)), whole, strict=True):
            assert np.allclose(one, other, rtol=1e-12)


def test_equal_sets_have_density_1_and_the_coverage_that_is_expected_of_them() -> None:
    found = [density_and_coverage(cloud(300, 6, 2 * seed), cloud(300, 6, 2 * seed + 1)) for seed in range(20)]
    assert np.mean([dense.value for dense, _ in found]) == pytest.approx(1, abs=0.03)
    assert np.mean([covered.value for _, covered in found]) == pytest.approx(0.97, abs=0.005)
    assert expected_coverage(300, 300) == pytest.approx(0.97, abs=0.002)


@pytest.mark.parametrize(("n", "m", "k"), [(50, 20, 3), (20, 60, 1), (30, 30, 5)])
def test_expected_coverage_is_the_mean_of_many_draws(n: int, m: int, k: int) -> None:
    values = [coverage(cloud(n, 3, 2 * seed), cloud(m, 3, 2 * seed + 1), k).value for seed in range(300)]
    assert np.mean(values) == pytest.approx(expected_coverage(n, m, k), abs=3.5 * np.std(values) / 300**0.5)


def test_a_generator_of_the_middle_of_one_kind_in_ten_is_dense_and_covers_a_tenth_at_most() -> None:
    kinds = cloud(10, 16, 1, spread=30)
    reference = np.repeat(kinds, 50, axis=0) + cloud(500, 16, 2)
    dense, covered = density_and_coverage(reference, kinds[0] + cloud(500, 16, 3, spread=0.5))
    assert dense.low > 2
    assert covered.value <= 0.1
    assert covered.high < 0.15


def test_sounds_far_from_all_have_density_and_coverage_0_and_duplicates_of_all_cover_all() -> None:
    reference = cloud(100, 4)
    dense, covered = density_and_coverage(reference, reference + 100)
    assert (dense.value, covered.value) == (0.0, 0.0)
    assert 0 < covered.high < 0.1  # none of 100 is not proof of none
    assert coverage(reference, reference).value == 1.0
    assert 0.9 < coverage(reference, reference).low < 1.0


def test_ties_count_as_inside() -> None:
    line = np.arange(12.0)[:, None]  # each ball of k=2 reaches to both neighbours, exactly
    dense, covered = density_and_coverage(line, line, k=2)
    assert covered.value == 1.0
    assert dense.value == (10 * 3 + 2 * 3) / (2 * 12)
    duplicates = np.repeat(cloud(4, 64) + 0.1, 5, axis=0)  # balls without extent, and rounding that must not empty them
    assert density_and_coverage(duplicates, duplicates[::-1], k=3)[0].value == pytest.approx(20 * 5 / (3 * 20))


def test_intervals_of_density_and_coverage_hold_the_mean_in_about_95_of_100_trials() -> None:
    found = [
        density_and_coverage(cloud(120, 5, 2 * seed), cloud(90, 5, 2 * seed + 1, shift=0.5)) for seed in range(250)
    ]
    for estimates in zip(*found, strict=True):
        assert 0.88 <= coverage_of(float(np.mean([estimate.value for estimate in estimates])), estimates) <= 1
        spread = np.std([estimate.value for estimate in estimates])
        assert np.mean([estimate.high - estimate.low for estimate in estimates]) < 1.7 * 3.92 * spread


def test_errors_are_those_of_leaving_out_every_sound_of_sides_whose_balls_stay_as_they_are() -> None:
    x, y = cloud(30, 3, 1), cloud(25, 3, 2, shift=1.0)
    inside = balls(x, y, 5)
    rows, columns = np.arange(30), np.arange(25)

    def dense(kept: np.ndarray, others: np.ndarray) -> float:
        return float(inside[np.ix_(kept, others)].sum() * 30 / len(kept) / (5 * len(others)))

    def covered(others: np.ndarray) -> float:
        return float(inside[:, others].any(axis=1).mean())

    estimate = density(x, y)
    error = jackknife_error(deletions(dense, rows, columns))
    assert estimate.high - estimate.value == pytest.approx(1.959964 * error, rel=1e-6)

    value, variance = covered(columns), jackknife_error(deletions(covered, columns)) ** 2
    likely = (30 * value + 2) / 34
    worth = likely * (1 - likely) / (likely * (1 - likely) / 30 + variance)
    z2 = 3.8414588
    wilson = np.roots([1 + z2 / worth, -2 * value - z2 / worth, value**2])  # (value - p)^2 = z^2 p (1 - p) / worth
    assert variance > 0
    assert sorted(wilson) == pytest.approx([coverage(x, y).low, coverage(x, y).high], rel=1e-6)


def test_diversity_is_1_for_the_same_set_and_a_half_for_one_of_half_the_size() -> None:
    x = cloud(50)
    assert diversity(x, x).value == pytest.approx(1, rel=1e-12)
    assert diversity(x, x / 2 + 7).value == pytest.approx(0.5, rel=1e-9)
    assert diversity(x, np.ones((50, 8))) == pytest.approx((0, 0, 0), abs=1e-9)


def test_diversity_compares_mean_distances_and_its_interval_comes_from_leaving_out_every_sound() -> None:
    x, y = cloud(40, 4, 1), cloud(30, 4, 2, spread=0.7)
    estimate = diversity(x, y)
    assert estimate.value == pytest.approx(pdist(y).mean() / pdist(x).mean(), rel=1e-12)
    error = jackknife_error(deletions(lambda one, two: pdist(two).mean() / pdist(one).mean(), x, y))
    assert estimate.high - estimate.value == pytest.approx(1.96 * error, rel=0.02)  # of a ratio, to first order
    found = [diversity(cloud(30, 4, 2 * seed), cloud(30, 4, 2 * seed + 1, spread=0.7)) for seed in range(300)]
    assert 0.9 <= coverage_of(0.7, found) <= 0.99


def test_a_reference_of_one_sound_over_and_over_has_no_diversity_to_compare_with() -> None:
    with pytest.raises(ValueError, match="all 5 reference sounds have the same embedding"):
        diversity(np.ones((5, 2)), cloud(5, 2))


def test_the_nearest_sound_is_the_one_that_a_library_finds() -> None:
    x, y = cloud(70, 5, 1), cloud(40, 5, 2)
    distance, index = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(y)
    found = nearest(x, y)
    assert found[0].tolist() == index[:, 0].tolist()
    assert found[1] == pytest.approx(distance[:, 0], rel=1e-12)
    assert [len(part) for part in nearest(x, y[:0])] == [0, 0]


def test_a_duplicate_is_at_exactly_0_far_from_the_origin_too() -> None:
    x = cloud(100, 32) + 1000
    indices, distance = nearest(x, x[::-1])
    assert indices.tolist() == list(range(100))[::-1]
    assert not distance.any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_order_shift_and_unit_change_nothing(seed: int, shift: float, factor: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)), rng.normal(1, 2, size=(9, 3))
    moved = rng.permutation(x) * factor + shift, rng.permutation(y) * factor + shift
    for figure in (density, coverage, diversity):
        assert figure(*moved) == pytest.approx(figure(x, y), rel=1e-6)
    assert np.sort(nearest(*moved)[1]) == pytest.approx(factor * np.sort(nearest(x, y)[1]), rel=1e-6)


def test_a_ball_without_a_neighbour_and_counts_that_expect_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        density(cloud(10), cloud(10), k=0)
    with pytest.raises(TooFew, match="6 reference sounds and was given 5"):
        expected_coverage(5, 10)
    with pytest.raises(TooFew, match="1 other sounds and was given 0"):
        expected_coverage(50, 0)


def test_the_interval_of_full_coverage_is_narrow() -> None:
    x = cloud(200, 4, 1)
    full = coverage(x, np.concatenate([x, cloud(300, 4, 2)]))
    assert full.value == 1.0
    assert full.low > 0.9
    assert full.high == 1.0
