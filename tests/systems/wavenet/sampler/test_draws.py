"""Draws from given outputs, against the distributions that the outputs describe."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax
from scipy.stats import chisquare

from soundloom.systems.wavenet.sampler import batched, single
from soundloom.systems.wavenet.sampler.draws import draw_class, draw_logistic, value
from soundloom.systems.wavenet.sampler.vectors import LANES

CLASSES = 20
MIXTURE = np.float32([0.5, 1.5, -1.0, -0.4, 0.3, 0.9, -2.0, -4.0, -9.0])  # log weights, means, log scales
LEAST_LOG_SCALE = np.float32(-7.0)


def logits(spread: float = 1.5) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, spread, CLASSES).astype(np.float32)


def draw(outputs: NDArray[np.float32], uniform: float, temperature: float = 1.0, top_p: float = 1.0) -> int:
    masses = np.zeros_like(outputs)
    return int(single.draw(outputs, masses, CLASSES, 0, LEAST_LOG_SCALE, np.array([uniform]), temperature, top_p))


def counts(count: int, outputs: NDArray[np.float32], temperature: float, top_p: float = 1.0) -> NDArray[np.int64]:
    uniforms = np.random.default_rng(1).random(count)
    return np.bincount([draw(outputs, uniform, temperature, top_p) for uniform in uniforms], minlength=CLASSES)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    found = counts(20_000, logits(), temperature)
    assert chisquare(found, 20_000 * softmax(logits().astype(np.float64) / temperature)).pvalue > 0.001


def test_top_p_keeps_the_fewest_classes_that_hold_this_probability() -> None:
    chances = softmax(logits().astype(np.float64))
    order = np.argsort(-chances)
    kept = order[: np.searchsorted(np.cumsum(chances[order]), 0.8) + 1]
    found = counts(20_000, logits(), 1.0, top_p=0.8)
    assert found[np.setdiff1d(order, kept)].sum() == 0
    assert chisquare(found[kept], 20_000 * chances[kept] / chances[kept].sum()).pvalue > 0.001


def test_a_tiny_top_p_keeps_only_the_most_likely_class() -> None:
    assert {draw(logits(), uniform, top_p=1e-6) for uniform in np.linspace(0, 1, 11)} == {int(logits().argmax())}


@pytest.mark.parametrize("uniform", [1e-30, 1 - 2**-53, 1.0])
def test_a_uniform_number_at_the_edge_draws_a_possible_class(uniform: float) -> None:
    outputs = np.full(CLASSES, -200, np.float32)
    outputs[3:6] = [0.0, 1.0, 0.5]
    assert draw(outputs, uniform) == (3 if uniform < 0.5 else 5)


def test_temperature_0_takes_the_first_of_equally_likely_classes() -> None:
    outputs = np.float32([0, 2, 1, 2] * 5)
    assert draw(outputs, 0.99, temperature=0.0) == 1


def test_each_of_16_lanes_draws_what_the_single_kernel_draws() -> None:
    rng = np.random.default_rng(2)
    outputs = rng.normal(0, 3, (CLASSES, LANES)).astype(np.float32)
    uniforms = rng.random((LANES, 1))
    for temperature, top_p in ((1.0, 1.0), (0.7, 0.9), (0.0, 1.0)):
        symbols = np.full(LANES, -1)
        batched.draw(
            outputs.ravel(),
            np.zeros(CLASSES * LANES, np.float32),
            symbols,
            CLASSES,
            0,
            LEAST_LOG_SCALE,
            uniforms,
            temperature,
            top_p,
        )
        expected = [draw(outputs[:, lane].copy(), uniforms[lane, 0], temperature, top_p) for lane in range(LANES)]
        assert symbols.tolist() == expected


def test_a_given_symbol_is_not_replaced() -> None:
    symbols = np.array([7, -1] * 8)
    outputs, masses = np.zeros((2, CLASSES * LANES), np.float32)
    batched.draw(outputs, masses, symbols, CLASSES, 0, LEAST_LOG_SCALE, np.zeros((LANES, 1)), 1.0, 1.0)
    assert symbols.tolist() == [7, 0] * 8


def cumulative(x: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Cumulative distribution of the mixture at x, at a temperature."""
    choices, means, log_scales = MIXTURE.astype(np.float64).reshape(3, 3)
    scales = temperature * np.exp(np.maximum(log_scales, LEAST_LOG_SCALE))
    return np.asarray((softmax(choices / temperature) * expit((x[:, None] - means) / scales)).sum(1))


@pytest.mark.parametrize("temperature", [0.8, 1.0])
def test_logistics_are_drawn_from_their_cumulative_distribution(temperature: float) -> None:
    uniforms = np.random.default_rng(3).random((20_000, 2))
    drawn = [draw_logistic(MIXTURE, 0, 1, 3, LEAST_LOG_SCALE, temperature, pair) for pair in uniforms]
    bounds = np.array([-1, -0.7, -0.5, -0.4, -0.3, -0.1, 0.1, 0.28, 0.3, 0.32, 0.5, 0.899, 0.9, 0.901, 1])
    found, _ = np.histogram([value(symbol) for symbol in drawn], bounds)
    shares = np.diff(np.concatenate(([0], cumulative(bounds[1:-1], temperature), [1])))  # what lies outside is clamped
    assert chisquare(found, 20_000 * shares).pvalue > 0.001


def test_the_mode_of_a_mixture_is_the_mean_of_its_most_likely_component() -> None:
    symbol = draw_logistic(MIXTURE, 0, 1, 3, LEAST_LOG_SCALE, 0.0, np.array([0.9, 0.9]))
    assert abs(value(symbol) - 0.3) <= 1 / 65535


@pytest.mark.parametrize("uniform", [0.0, 1.0])
def test_extreme_logistics_stay_within_the_symbols(uniform: float) -> None:
    wide = np.float32([0, 1e4, 50.0])  # one component far outside, its scale enormous
    symbol = draw_logistic(wide, 0, 1, 1, LEAST_LOG_SCALE, 1.0, np.array([uniform, uniform]))
    assert symbol in (0, 65535)


def test_a_class_without_mass_is_never_drawn() -> None:
    sums = np.float32([1, 1, 3, 3, 4])  # the second and the fourth class have no mass
    assert [draw_class(sums, 0, 1, 5, uniform) for uniform in (0, 0.249, 0.25, 0.74, 0.75, 1)] == [0, 0, 2, 2, 4, 4]
