"""The Fréchet distance against closed forms, and what the number of sounds does to it."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import cloud, coverage_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from soundloom.metrics.frechet import extrapolate, frechet, frechet_infinite


def textbook(x: np.ndarray, y: np.ndarray) -> float:
    """By the square root of the product of the covariances."""
    cx, cy = np.cov(x.T), np.cov(y.T)
    root = np.real(sqrtm(cx @ cy))
    return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + np.trace(cx + cy - 2 * root))


def mixed(n: int, d: int, seed: int) -> np.ndarray:
    """A Gaussian with correlations."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@pytest.mark.parametrize(("n", "d"), [(50, 3), (50, 40), (20, 60)])
def test_a_set_is_at_zero_from_itself(n: int, d: int) -> None:
    x = mixed(n, d, 1)
    assert 0 <= frechet(x, x) < 1e-11 * (x**2).sum()


def test_one_feature_gives_the_closed_form_of_two_gaussians() -> None:
    x, y = cloud(30, 1, 1), cloud(50, 1, 2, spread=3.0, shift=2.0)
    closed = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet(x, y) == pytest.approx(closed, rel=1e-12)


def test_many_features_give_what_a_matrix_square_root_gives() -> None:
    x, y = mixed(100, 12, 1), mixed(70, 12, 2)
    assert frechet(x, y) == pytest.approx(textbook(x, y), rel=1e-9)


def test_fewer_sounds_than_features_give_the_distance_in_the_space_that_they_span() -> None:
    x, y = mixed(9, 30, 1), mixed(7, 30, 2)
    basis = np.linalg.qr(np.vstack([x, y]).T)[0]  # all 16 sounds lie in it: distances stay
    assert frechet(x, y) == pytest.approx(frechet(x @ basis, y @ basis), rel=1e-10)
    cx, cy = np.cov(x.T), np.cov(y.T)
    common = np.sqrt(np.abs(np.linalg.eigvals(cx @ cy))).sum()  # rounding: 24 of these are 1e-7 and not 0
    direct = ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + np.trace(cx + cy) - 2 * common
    assert frechet(x, y) == pytest.approx(direct, rel=1e-4)


def test_few_sounds_of_one_distribution_are_apart_and_at_infinity_they_are_not() -> None:
    plain, carried = [], []
    for seed in range(12):
        x, y = cloud(150, 16, 2 * seed), cloud(100, 16, 2 * seed + 1)
        plain.append(frechet(x, y))
        carried.append(extrapolate(x, y, seed).limit)
    assert min(plain) > 0.8
    assert abs(np.mean(carried)) < 3 * np.std(carried) / 12**0.5
    assert abs(np.mean(carried)) < 0.1 * np.mean(plain)


def test_the_line_through_sizes_fits_and_its_slope_is_what_few_sounds_add() -> None:
    x, y = cloud(400, 16, 1), cloud(400, 16, 2)
    line = extrapolate(x, y)
    assert line.r2 > 0.95
    assert line.distance[0] == frechet(x, y)
    assert line.slope == pytest.approx(frechet(x, y), rel=0.3)  # the truth is 0
    assert np.corrcoef(line.shrink, line.distance)[0, 1] ** 2 == pytest.approx(line.r2)
    assert frechet_infinite(x, y, halves=2).value == line.limit


def test_a_known_distance_is_found_again_and_lies_in_the_interval_in_about_95_of_100_trials() -> None:
    truth = 6 * (0.3**2 + (1.3 - 1) ** 2)
    found = [
        frechet_infinite(cloud(100, 6, 2 * seed), cloud(80, 6, 2 * seed + 1, 1.3, 0.3), seed, halves=25)
        for seed in range(40)
    ]
    values = np.array([estimate.value for estimate in found])
    assert abs(values.mean() - truth) < 3 * values.std() / 40**0.5
    assert coverage_of(truth, found) >= 0.88
    assert np.mean([estimate.high - estimate.low for estimate in found]) < 3 * 3.92 * values.std()


def test_the_same_seed_gives_the_same_estimate_and_another_seed_another() -> None:
    x, y = cloud(64, 4, 1), cloud(64, 4, 2)
    assert frechet_infinite(x, y, seed=5) == frechet_infinite(x, y, seed=5)
    assert frechet_infinite(x, y, seed=5).value != frechet_infinite(x, y, seed=6).value


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_order_shift_rotation_and_side_change_nothing_and_units_count_squared(
    seed: int, shift: float, factor: float
) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)), rng.normal(1, 2, size=(9, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = frechet((rng.permutation(y) * factor + shift) @ turn, (rng.permutation(x) * factor + shift) @ turn)
    assert moved == pytest.approx(factor**2 * frechet(x, y), rel=1e-6)
