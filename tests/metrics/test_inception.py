"""The inception score of answers whose score is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from clouds import coverage_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from soundloom.metrics.inception import inception_score


def answers(n: int, seed: int, classes: int = 6, sure: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, sure), size=n)


@pytest.mark.parametrize("classes", [2, 10])
def test_sure_and_even_answers_score_the_number_of_classes(classes: int) -> None:
    score = inception_score(np.tile(np.eye(classes), (20, 1)))
    assert score.value == pytest.approx(classes)
    assert 0.8 * classes < score.low < classes
    assert score.high == pytest.approx(classes)


@pytest.mark.parametrize("row", [(1.0, 0.0, 0.0), (0.2, 0.5, 0.3)])
def test_the_same_answer_to_all_scores_1(row: tuple[float, ...]) -> None:
    assert inception_score(np.tile(row, (30, 1))) == pytest.approx((1, 1, 1))


def test_the_score_is_that_of_the_definition() -> None:
    p = answers(40, 1)
    assert inception_score(p).value == pytest.approx(math.exp(np.mean([entropy(row, p.mean(axis=0)) for row in p])))


def test_the_interval_holds_the_truth_in_about_95_of_100_trials() -> None:
    truth = inception_score(answers(50_000, 0)).value
    assert 0.88 <= coverage_of(truth, (inception_score(answers(150, 1 + seed)) for seed in range(120))) <= 0.99


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 8))
def test_it_stays_between_1_and_the_number_of_classes_and_order_does_not_matter(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    p = answers(9, seed, classes, 0.1)
    score = inception_score(p)
    assert 1 <= score.low <= score.value <= score.high <= classes + 1e-9
    assert inception_score(rng.permutation(rng.permutation(p), axis=1)).value == pytest.approx(score.value)


@pytest.mark.parametrize("bad", [[[2.0, -1.0], [0.5, 0.5]], [[3.0, 1.0], [2.0, 2.0]]])
def test_what_are_no_probabilities_is_refused(bad: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"needs probabilities.*apply a softmax"):
        inception_score(np.array(bad))
