"""KID and KAD against the sums of their definition, and against what is known of their draws."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import cloud, coverage_of, deletions, jackknife_error
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from soundloom.metrics import kernels, pairs
from soundloom.metrics.estimate import Estimate
from soundloom.metrics.kernels import bandwidth, cubic, gaussian, kad, kad_between, kid, kid_between

BOTH = pytest.mark.parametrize("figure", [kid, kad])
SETS = (cloud(17, 5, 1), cloud(13, 5, 2, spread=1.4, shift=0.3))


def mmd(gram_x: np.ndarray, gram_y: np.ndarray, cross: np.ndarray) -> float:
    """The unbiased estimate out of whole Gram matrices, times 1000."""
    n, m = cross.shape
    within = [(gram.sum() - np.trace(gram)) / (size * (size - 1)) for gram, size in ((gram_x, n), (gram_y, m))]
    return float(1000 * (within[0] + within[1] - 2 * cross.mean()))


def library_kid(x: np.ndarray, y: np.ndarray, scale: np.ndarray) -> float:
    x, y = ((side - scale.mean(axis=0)) / scale.std(axis=0) for side in (x, y))
    return mmd(polynomial_kernel(x), polynomial_kernel(y), polynomial_kernel(x, y))  # its defaults are KID's kernel


def library_kad(x: np.ndarray, y: np.ndarray, width: float) -> float:
    gamma = 0.5 / width**2
    return mmd(rbf_kernel(x, gamma=gamma), rbf_kernel(y, gamma=gamma), rbf_kernel(x, y, gamma=gamma))


def median_distance(x: np.ndarray) -> float:
    return float(np.median([np.linalg.norm(x[i] - x[j]) for i in range(len(x)) for j in range(i)]))


def test_kid_is_the_sum_over_pairs_of_its_definition() -> None:
    x, y = SETS
    x, y = (x - SETS[0].mean(axis=0)) / SETS[0].std(axis=0), (y - SETS[0].mean(axis=0)) / SETS[0].std(axis=0)
    n, m = len(x), len(y)
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += (x[i] @ x[j] / 5 + 1) ** 3 / (n * (n - 1)) if i != j else 0
        for j in range(m):
            total -= 2 * (x[i] @ y[j] / 5 + 1) ** 3 / (n * m)
    for i in range(m):
        for j in range(m):
            total += (y[i] @ y[j] / 5 + 1) ** 3 / (m * (m - 1)) if i != j else 0
    assert kid(*SETS).value == pytest.approx(1000 * total, rel=1e-12)
    assert library_kid(*SETS, SETS[0]) == pytest.approx(1000 * total, rel=1e-12)


def test_kad_is_what_another_librarys_gaussian_kernel_gives_at_the_median_distance() -> None:
    assert bandwidth(SETS[0]) == pytest.approx(median_distance(SETS[0]), rel=1e-12)
    assert kad(*SETS).value == pytest.approx(library_kad(*SETS, median_distance(SETS[0])), rel=1e-10)


def test_intervals_are_those_of_leaving_out_every_sound_in_turn() -> None:
    width, scale = median_distance(SETS[0]), SETS[0]
    one = jackknife_error(deletions(lambda x, y: library_kid(x, y, scale), *SETS))
    two = jackknife_error(deletions(lambda x, y: library_kad(x, y, width), *SETS))
    for estimate, error in ((kid(*SETS), one), (kad(*SETS), two)):
        assert estimate.value - estimate.low == pytest.approx(1.959964 * error, rel=1e-6)
        assert estimate.high - estimate.value == pytest.approx(1.959964 * error, rel=1e-6)


def test_a_difference_has_the_interval_of_leaving_out_every_sound_of_all_three_sets() -> None:
    three = (*SETS, cloud(11, 5, 3, shift=-0.4))
    width, scale = median_distance(SETS[0]), SETS[0]
    cases = (
        (kid_between, lambda x, y, z: library_kid(x, y, scale) - library_kid(x, z, scale)),
        (kad_between, lambda x, y, z: library_kad(x, y, width) - library_kad(x, z, width)),
    )
    for figure, literal in cases:
        estimate = figure(*three)
        assert estimate.value == pytest.approx(literal(*three), rel=1e-9)
        assert estimate.high - estimate.value == pytest.approx(
            1.959964 * jackknife_error(deletions(literal, *three)), rel=1e-6
        )


def test_a_difference_separates_systems_whose_own_intervals_overlap() -> None:
    reference, one, two = cloud(60, 16, 1), cloud(400, 16, 2, shift=0.30), cloud(400, 16, 3, shift=0.36)
    assert not kad(reference, one).apart(kad(reference, two))
    assert kad_between(reference, one, two).high < 0
    assert kad_between(reference, two, one).low > 0


@pytest.mark.parametrize("figure", ["kid", "kad"])
def test_equal_distributions_are_at_zero_on_average_however_few_sounds(figure: str) -> None:
    def draw(seed: int) -> float:
        x, y = cloud(20, 8, 2 * seed), cloud(15, 8, 2 * seed + 1)
        return kid(x, y, scale=cloud(50, 8, 10**6 + seed)).value if figure == "kid" else kad(x, y).value

    values = np.array([draw(seed) for seed in range(1000)])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert 0.3 < (values < 0).mean() < 0.7  # with the pairs of sounds with themselves, all would be over 0


@pytest.mark.parametrize("figure", ["kid", "kad"])
def test_intervals_hold_the_truth_in_about_95_of_100_trials(figure: str) -> None:
    scale = cloud(500, 8, 10**6)
    width = median_distance(scale[:100])
    kernel, unit = (cubic, scale.std(axis=0)) if figure == "kid" else (gaussian(width), 1.0)

    def estimate(n: int, seed: int) -> Estimate:
        x, y = cloud(n, 8, 2 * seed), cloud(n, 8, 2 * seed + 1, spread=1.3, shift=0.3)
        return kernels._discrepancy(kernel, x / unit, y / unit)

    truth = float(np.mean([estimate(2000, seed).value for seed in range(4)]))
    assert 0.88 <= coverage_of(truth, (estimate(60, 100 + seed) for seed in range(400))) <= 0.99


@BOTH
def test_a_set_further_off_has_a_higher_value(figure: type[kid]) -> None:
    values = [figure(cloud(200), cloud(200, seed=1, shift=shift)).value for shift in (0.0, 0.3, 0.6, 1.2)]
    assert values == sorted(values)
    assert values[0] < values[-1] / 20


@pytest.mark.parametrize("block", [1, 4, 17, 1000])
def test_blocks_of_any_size_give_the_same_sums(block: int) -> None:
    x, y = SETS
    rows, columns = pairs.sums_across(cubic, x, y, block)
    gram, cross = cubic(x, x), cubic(x, y)
    assert rows == pytest.approx(cross.sum(axis=1), rel=1e-12)
    assert columns == pytest.approx(cross.sum(axis=0), rel=1e-12)
    assert pairs.sums_within(cubic, x, block) == pytest.approx(gram.sum(axis=1) - np.diag(gram), rel=1e-12)


def test_a_gram_matrix_is_never_made_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0

    def watched(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        nonlocal largest
        largest = max(largest, len(x) * len(y))
        return cubic(x, y)

    monkeypatch.setattr(kernels, "cubic", watched)
    kid(cloud(5000, 2), cloud(3000, 2, 1))
    assert largest <= 2048**2


@BOTH
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_order_shift_and_unit_of_the_embedding_change_nothing(
    figure: type[kid], seed: int, shift: float, factor: float
) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)), rng.normal(1, 2, size=(9, 3))
    moved = figure(rng.permutation(x) * factor + shift, rng.permutation(y) * factor + shift)
    assert moved == pytest.approx(figure(x, y), rel=1e-6, abs=1e-6)


def test_a_feature_that_the_reference_keeps_constant_neither_breaks_kid_nor_is_overlooked() -> None:
    x, y = cloud(40, 4, 1), cloud(40, 4, 2)
    x[:, 0] = y[:, 0] = 0.1
    same = kid(x, y).value
    y[:, 0] = 3.0
    assert same < 100
    assert 1000 < kid(x, y).value < 1e9
    assert np.isfinite(kid(np.ones((5, 2)), np.zeros((5, 2))).value)


def test_the_bandwidth_of_a_reference_of_duplicates_comes_from_those_that_differ_and_equal_sounds_have_none() -> None:
    duplicates = np.zeros((10, 2))
    duplicates[0] = (3.0, 4.0)
    assert bandwidth(duplicates) == 5.0
    with pytest.raises(ValueError, match="all 9 reference sounds have the same embedding"):
        kad(duplicates[1:], duplicates)
