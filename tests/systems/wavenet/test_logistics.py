import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soundloom.systems.wavenet.logistics import (
    LEAST_LOG_SCALE,
    LEVELS,
    draw,
    initial_bias,
    log1mexp,
    log_mass,
    log_probability,
    probabilities,
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def parameters(batch: int = 2, components: int = 5, log_scale: float = -3.0, seed: int = 0) -> torch.Tensor:
    """Random, double precision, (batch, 3 * components)."""
    drawn = torch.randn(3, batch, components, generator=rng(seed), dtype=torch.float64)
    return torch.cat([drawn[0], 0.4 * drawn[1], log_scale + drawn[2]], dim=1)


def one(mean: float, log_scale: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A single component, (1, 3)."""
    return torch.tensor([[0.0, mean, log_scale]], dtype=dtype)


def test_probabilities_of_all_levels_sum_to_one():
    for log_scale in (-14.0, -7.0, -3.0, 0.0, 4.0):
        values = parameters(log_scale=log_scale)
        torch.testing.assert_close(probabilities(values).sum(dim=1), torch.ones(2).double(), atol=1e-10, rtol=0)
        torch.testing.assert_close(probabilities(values.float()).sum(dim=1), torch.ones(2), atol=1e-4, rtol=0)


@pytest.mark.parametrize("levels", [2, 3, 256, LEVELS])
def test_a_probability_is_the_difference_of_scipys_distribution_at_the_edges_of_the_bin(levels):
    values = parameters(components=3, log_scale=-2.0)
    shares, means, scales = (part.numpy() for part in values.chunk(3, dim=1))
    shares, scales = np.exp(shares) / np.exp(shares).sum(1, keepdims=True), np.exp(scales)
    edges = np.concatenate([[-np.inf], (2 * np.arange(levels - 1) + 1) / (levels - 1) - 1, [np.inf]])
    expected = np.zeros((2, levels))
    for k in range(3):
        there = stats.logistic(means[:, k, None], scales[:, k, None])
        left, right = np.diff(there.cdf(edges)), -np.diff(there.sf(edges))
        expected += shares[:, k, None] * np.where(edges[:-1] < means[:, k, None], left, right)
    np.testing.assert_allclose(probabilities(values, levels), expected, rtol=1e-6, atol=1e-300)


@settings(deadline=None)
@given(
    mean=st.floats(-1.5, 1.5, width=32),
    log_scale=st.floats(-13, 8, width=32),
    symbol=st.one_of(st.sampled_from([0, 1, 32767, 32768, LEVELS - 2, LEVELS - 1]), st.integers(0, LEVELS - 1)),
)
def test_single_precision_agrees_with_double_precision(mean, log_scale, symbol):
    at = torch.tensor([[symbol]])
    single = log_probability(one(mean, log_scale, torch.float32)[..., None], at)
    double = log_probability(one(mean, log_scale)[..., None], at)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=2e-5, atol=2e-6)


@settings(deadline=None)
@given(
    raw=st.lists(st.floats(-1e6, 1e6, width=32), min_size=6, max_size=6),
    symbol=st.sampled_from([0, 1, 20000, 32768, LEVELS - 2, LEVELS - 1]),
)
def test_value_and_gradient_are_finite_for_any_parameters(raw, symbol):
    values = torch.tensor(raw)[None, :, None].requires_grad_()
    value = log_probability(values, torch.tensor([[symbol]]))
    value.sum().backward()
    assert value.isfinite().all()
    assert value <= 1e-6
    assert values.grad.isfinite().all()


def test_the_gradient_is_that_of_finite_differences():
    values = parameters(components=2)[..., None].repeat(1, 1, 4).requires_grad_()
    symbols = torch.tensor([[0, 30000, 40000, LEVELS - 1]]).repeat(2, 1)
    assert torch.autograd.gradcheck(lambda each: log_probability(each, symbols), values)


def test_the_outermost_bins_have_the_mass_beyond_full_scale():
    loud = torch.cat([one(3.0, -4.0), one(-3.0, -4.0)])
    found = log_probability(loud[..., None].expand(-1, -1, 2), torch.tensor([[LEVELS - 1, 0], [0, LEVELS - 1]]))
    torch.testing.assert_close(found[:, 0], torch.zeros(2).double())
    assert (found[:, 1] < -100).all()


def test_a_component_at_the_least_scale_has_nearly_all_its_mass_in_one_bin():
    level = 2 * 40000 / (LEVELS - 1) - 1
    sharpest = log_probability(one(level, -math.inf)[..., None], torch.tensor([[40000]]))
    assert 0 < -sharpest / math.log(2) < 0.06
    eight_bits = log_probability(one(2 * 100 / 255 - 1, -7.0)[..., None], torch.tensor([[100]]), 256, -7.0)
    assert math.isclose(sharpest, eight_bits, abs_tol=0.01)  # as sharp as the paper's, in levels


def test_autocast_changes_nothing():
    values, symbols = parameters()[..., None].expand(-1, -1, 7), torch.randint(0, LEVELS, (2, 7), generator=rng())
    half = values.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        inside = log_probability(half, symbols)
        drawn = draw(half[..., 0], torch.rand(2, 2, generator=rng()))
    assert inside.dtype == torch.float32
    assert torch.equal(inside, log_probability(half.float(), symbols))
    assert torch.equal(drawn, draw(half[..., 0].float(), torch.rand(2, 2, generator=rng())))


@pytest.mark.parametrize("log_scale", [-9.0, -3.0, -0.5])
def test_draws_have_the_frequencies_of_their_probabilities(log_scale):
    values, draws = parameters(batch=1, components=3, log_scale=log_scale), 200_000
    drawn = draw(values.expand(draws, -1), torch.rand(draws, 2, generator=rng(1), dtype=torch.float64))
    expected = probabilities(values)[0]
    bins = torch.bucketize(expected.cumsum(0), torch.arange(1, 50).double() / 50)  # about as probable as each other
    counts = torch.bincount(bins[drawn], minlength=50).double()
    shares = torch.zeros(50).double().index_add_(0, bins, expected)
    filled = shares * draws > 5
    assert counts[~filled].sum() < 20
    assert stats.chisquare(counts[filled], shares[filled] / shares[filled].sum() * counts[filled].sum()).pvalue > 1e-3


@settings(deadline=None)
@given(
    uniforms=st.tuples(st.floats(0, 1, exclude_max=True, width=32), st.floats(0, 1, exclude_max=True, width=32)),
    cooler=st.floats(0, 1),
    warmer=st.floats(1, 2),
)
def test_a_lower_temperature_draws_nearer_to_the_mean(uniforms, cooler, warmer):
    values = one(0.1, -3.0, torch.float32)
    middle, near, far = (int(draw(values, torch.tensor([uniforms]), t)) for t in (0, cooler, warmer))
    assert abs(near - middle) <= abs(far - middle)


def test_a_lower_temperature_favours_the_largest_weight_and_zero_gives_its_mean():
    values = torch.tensor([[0.0, 1.0, 0.5, -0.5, 0.25, 0.5, -6.0, -6.0, -6.0]]).expand(4000, -1)
    uniforms = torch.rand(4000, 2, generator=rng())
    near = [float(((draw(values, uniforms, t) - 40959).abs() < 2000).float().mean()) for t in (2.0, 1.0, 0.5, 0.1)]
    assert near == sorted(near)
    assert math.isclose(near[1], math.e / (math.e + 1 + math.sqrt(math.e)), abs_tol=0.02)
    assert set(draw(values, uniforms, 0).tolist()) == {40959}  # (0.25 + 1) / 2 * 65535


def test_no_uniform_number_picks_a_component_without_weight_or_clicks():
    values = torch.tensor([[-1e4, 0.0, -1e4, -0.5, 0.25, 0.5, -9.0, -9.0, -9.0]])
    for u in (0.0, 1e-7, 0.5, 1 - 2.0**-24):
        assert abs(int(draw(values, torch.tensor([[u, u]]))) - 40959) < 100
    assert draw(one(7.0, -9.0), torch.tensor([[0.5, 0.5]])).tolist() == [LEVELS - 1]


@pytest.mark.parametrize("components", [1, 2, 10])
def test_an_untrained_mixture_favours_small_samples_and_allows_all(components):
    values = initial_bias(components)[None]
    assert values.shape == (1, 3 * components)
    cost = -probabilities(values).log2()[0]
    assert cost.max() < 16 + 8
    assert cost[32768] < cost[49152] < cost[65534]
    assert cost[32768] < 17  # 16 if all were equally likely
    assert (values[0, 2 * components :] > LEAST_LOG_SCALE + 5).all()  # far from where the gradient ends


@given(st.floats(-80, 5))
def test_log1mexp_is_accurate(log_width):
    width = math.exp(log_width)
    expected = math.log(-math.expm1(-width))
    found = (log1mexp(torch.tensor(log_width, dtype=dtype)) for dtype in (torch.float32, torch.float64))
    assert math.isclose(next(found), expected, rel_tol=1e-5, abs_tol=2e-7)
    assert math.isclose(next(found), expected, rel_tol=1e-10, abs_tol=1e-15)


def test_the_mass_of_the_whole_line_is_one_and_of_each_half_a_half():
    low, high = torch.tensor([-math.inf, -math.inf, 0.0]), torch.tensor([math.inf, 0.0, math.inf])
    torch.testing.assert_close(log_mass(low, high).exp(), torch.tensor([1.0, 0.5, 0.5]))


def test_the_least_scale_is_that_of_eight_bits_for_sixteen():
    assert math.isclose(LEAST_LOG_SCALE, -7 - math.log((LEVELS - 1) / 255), abs_tol=0.1)
