"""The layers of both networks, against their definitions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from soundloom.systems.drumgan.layers import (
    EqualConv,
    EqualLinear,
    coarser,
    downsampled,
    finer,
    pixel_norm,
    with_deviation,
)


@torch.no_grad()
def test_an_equalised_layer_keeps_the_variance_at_gain_1_and_doubles_it_by_default() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 32, 12, 12)
    assert EqualConv(32, 64, gain=1.0)(x)[..., 1:-1, 1:-1].var() == pytest.approx(1.0, rel=0.05)
    assert EqualConv(32, 64)(x)[..., 1:-1, 1:-1].var() == pytest.approx(2.0, rel=0.05)
    assert EqualLinear(32, 256, gain=1.0)(x[..., 0, 0]).var() == pytest.approx(1.0, rel=0.1)


def test_the_bias_is_not_scaled() -> None:
    for layer, x in ((EqualConv(8, 4), torch.zeros(1, 8, 3, 3)), (EqualLinear(8, 4), torch.zeros(1, 8))):
        torch.nn.init.constant_(layer.bias, 0.7)
        assert torch.equal(layer(x), torch.full_like(layer(x), 0.7))


def test_pixel_norm_gives_each_position_a_root_mean_square_of_1() -> None:
    x = 5 * torch.randn(3, 16, 4, 6)
    torch.testing.assert_close(pixel_norm(x).square().mean(dim=1), torch.ones(3, 4, 6))
    torch.testing.assert_close(pixel_norm(x), x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt())
    assert torch.equal(pixel_norm(torch.zeros(1, 4, 2, 2)), torch.zeros(1, 4, 2, 2))


def test_downsampling_takes_the_mean_of_each_square() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(downsampled(image)[0, 0], torch.tensor([[2.5, 4.5], [10.5, 12.5]]))
    torch.testing.assert_close(finer(coarser(image))[0, 0, :2, :2], torch.full((2, 2), 2.5))


def test_downsampling_does_not_alias_the_finest_stripes() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert downsampled(stripes).abs().max() == 0
    assert F.interpolate(stripes, scale_factor=0.5).abs().min() == 1  # which picking samples would alias


def test_the_deviation_is_0_for_equal_items_and_the_standard_deviation_for_others() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 3, 5, 2)
    x[:4] = x[0]
    deviation = with_deviation(x, 4)[:, 3]
    assert deviation[:4].abs().max() < 1.1e-4
    torch.testing.assert_close(deviation[4:], x[4:].std(dim=0, correction=0).mean().expand(4, 5, 2))
    assert torch.equal(with_deviation(x, 4)[:, :3], x)


def test_halves_of_a_batch_have_the_deviations_of_the_whole() -> None:
    x = torch.randn(8, 3, 5, 2)
    assert torch.equal(with_deviation(x, 4), torch.cat([with_deviation(half, 4) for half in x.chunk(2)]))


def test_a_batch_that_is_no_multiple_of_the_group_takes_the_largest_group_that_divides_both() -> None:
    x = torch.randn(6, 3, 5, 2)
    assert torch.equal(with_deviation(x, 4), with_deviation(x, 2))
    assert with_deviation(x[:1], 4)[:, 3].abs().max() < 1.1e-4
