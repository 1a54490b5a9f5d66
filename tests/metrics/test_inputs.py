"""What is refused, and how."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from clouds import cloud

from soundloom.metrics.bins import fit_bins, jensen_shannon, ndb
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.frechet import frechet, frechet_infinite
from soundloom.metrics.inception import inception_score
from soundloom.metrics.inputs import scale_of
from soundloom.metrics.kernels import kad, kad_between, kid, kid_between
from soundloom.metrics.neighbours import coverage, density, diversity, nearest

BINS = fit_bins(cloud(60))
FIGURES: dict[str, tuple[Callable[..., object], int]] = {  # with the fewest reference sounds
    "KID": (kid, 3),
    "KAD": (kad, 3),
    "KID of two": (lambda x, y: kid_between(x, y, y), 3),
    "KAD of two": (lambda x, y: kad_between(x, y, y), 3),
    "Fréchet": (frechet, 2),
    "Fréchet at infinity": (frechet_infinite, 32),
    "density": (density, 6),
    "coverage": (coverage, 6),
    "diversity": (diversity, 3),
    "nearest": (nearest, 1),
    "NDB": (lambda x, y: ndb(BINS, x, y), 20),
    "Jensen-Shannon": (lambda x, y: jensen_shannon(BINS, x, y), 20),
}
EVERY = pytest.mark.parametrize("name", FIGURES)


@EVERY
def test_the_fewest_sounds_will_do_and_one_fewer_is_refused_with_both_numbers(name: str) -> None:
    figure, fewest = FIGURES[name]
    figure(cloud(fewest), cloud(40, seed=1))
    with pytest.raises(TooFew) as caught:
        figure(cloud(fewest)[1:], cloud(40, seed=1))
    assert (caught.value.given, caught.value.needed) == (fewest - 1, fewest)
    assert f"needs at least {fewest} reference sounds and was given {fewest - 1}" in str(caught.value)


@EVERY
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_with_the_number_of_sounds(name: str, bad: float) -> None:
    broken = cloud(40, seed=1)
    broken[[3, 7], [0, 2]] = bad
    for sides in ((broken, cloud(40)), (cloud(40), broken)):
        with pytest.raises(ValueError, match=r"2 of 40 .* sounds have NaN or infinity"):
            FIGURES[name][0](*sides)


@EVERY
def test_sides_with_different_features_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"8 features.*embed (both sides|all sets) in the same way"):
        FIGURES[name][0](cloud(40), cloud(40, d=9))


@EVERY
def test_what_has_not_two_axes_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"shape \(40,\); give \(sound, feature\)"):
        FIGURES[name][0](cloud(40)[:, 0], cloud(40))


@EVERY
def test_float32_and_columns_in_either_order_give_the_same(name: str) -> None:
    x, y = cloud(50).astype(np.float32), cloud(50, seed=1).astype(np.float32)
    whole = FIGURES[name][0](x.astype(np.float64), y.astype(np.float64))
    assert np.array_equal(np.ravel(FIGURES[name][0](x, y)), np.ravel(whole))
    assert np.allclose(np.ravel(FIGURES[name][0](np.asfortranarray(x), y)), np.ravel(whole), rtol=1e-6)


@EVERY
def test_nothing_that_is_given_is_changed(name: str) -> None:
    x, y = cloud(50), cloud(50, seed=1)
    before = x.copy(), y.copy()
    FIGURES[name][0](x, y)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_too_few_names_figure_numbers_and_the_next_move_also_out_of_another_process() -> None:
    error = pickle.loads(pickle.dumps(TooFew("KID", 1, 3, "reference sounds")))
    assert isinstance(error, ValueError)
    assert str(error) == ("KID needs at least 3 reference sounds and was given 1; give 2 more, or leave out KID")


def test_too_few_training_sounds_for_bins_and_too_few_answers_for_a_score_are_refused() -> None:
    with pytest.raises(TooFew, match="40 training sounds and was given 39"):
        fit_bins(cloud(39))
    with pytest.raises(TooFew, match="2 generated sounds and was given 1"):
        inception_score(np.array([[0.5, 0.5]]))


def test_a_feature_that_hardly_varies_counts_in_units_of_the_others() -> None:
    x = cloud(1000, 3) * [1.0, 5.0, 0.0] + [0.0, 0.0, 7.0]
    x[:, 2] += 1e-9 * cloud(1000, 1)[:, 0]  # rounding
    mean, deviation = scale_of(x)
    usual = np.sqrt((1.0 + 25.0) / 3)
    assert mean == pytest.approx([0, 0, 7], abs=0.5)
    assert deviation == pytest.approx([1, 5, usual / 4], rel=0.1)
    assert scale_of(np.ones((4, 2)))[1].tolist() == [1.0, 1.0]
