"""The residual noise: as strong, as correlated and as heavy-tailed as the residuals that it was fitted to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from soundloom.runtime.generators import generator
from soundloom.systems.vae.residual_noise import STRENGTHS, ResidualNoise, contrast

BANDS, FRAMES = 24, 17


def smooth_fields(count: int, frames: int = FRAMES) -> Tensor:
    """Normal fields of variance 1 whose neighbours correlate: 0.8 along frequency, 0.5 along time."""
    fields = torch.randn(count, BANDS, frames, generator=torch.Generator().manual_seed(0))
    for band in range(1, BANDS):
        fields[:, band] = 0.8 * fields[:, band - 1] + 0.6 * fields[:, band]
    for frame in range(1, frames):
        fields[..., frame] = 0.5 * fields[..., frame - 1] + 0.75**0.5 * fields[..., frame]
    return fields


def drawn_from(noise: ResidualNoise, count: int = 300) -> Tensor:
    return torch.stack([noise.draw(generator(2, index)) for index in range(count)])


def correlations(fields: Tensor) -> tuple[float, float]:
    """Of neighbours along frequency and along time."""
    centred = fields - fields.mean()
    power = centred.square().mean()
    along_frequency = (centred[:, 1:] * centred[:, :-1]).mean() / power
    along_time = (centred[..., 1:] * centred[..., :-1]).mean() / power
    return float(along_frequency), float(along_time)


@pytest.mark.parametrize("frames", [FRAMES, FRAMES + 1])
def test_drawn_fields_have_the_variance_and_the_correlation_of_the_residuals(frames: int) -> None:
    residuals = smooth_fields(400, frames)
    noise = ResidualNoise(BANDS, frames)
    noise.fit(residuals)
    drawn = drawn_from(noise)
    assert drawn.shape[1:] == (BANDS, frames)
    assert float(drawn.std()) == pytest.approx(1.0, abs=0.04)
    assert correlations(drawn) == pytest.approx((0.8, 0.5), abs=0.07)  # the edges of a field wrap around


def test_the_measured_power_has_unit_variance() -> None:
    noise = ResidualNoise(BANDS, FRAMES)
    noise.fit(5 * smooth_fields(50))
    impulse = torch.zeros(BANDS, FRAMES)
    impulse[0, 0] = 1
    response = torch.fft.irfft2(torch.fft.rfft2(impulse) * noise.amplitude, s=(BANDS, FRAMES))
    assert float(response.square().sum()) == pytest.approx(1.0, rel=1e-4)  # white noise keeps its variance


def test_drawn_values_have_the_distribution_of_the_residuals() -> None:
    residuals = torch.sinh(smooth_fields(400)) + 0.5  # heavy tails, off centre
    noise = ResidualNoise(BANDS, FRAMES)
    noise.fit(residuals)
    drawn = drawn_from(noise)
    shares = torch.tensor([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
    expected = torch.quantile(residuals.flatten(), shares)
    torch.testing.assert_close(torch.quantile(drawn.flatten(), shares), expected, rtol=0.08, atol=0.08)
    assert residuals.min() <= drawn.min() < drawn.max() <= residuals.max()


def test_before_it_is_fitted_it_draws_white_noise_of_variance_1() -> None:
    drawn = drawn_from(ResidualNoise(BANDS, FRAMES))
    assert float(drawn.std()) == pytest.approx(1.0, abs=0.02)
    assert correlations(drawn) == pytest.approx((0, 0), abs=0.02)


def test_a_perfect_model_has_no_residual_noise() -> None:
    noise = ResidualNoise(BANDS, FRAMES)
    noise.fit(torch.zeros(4, BANDS, FRAMES))
    assert (noise.draw(generator(0, 0)) == 0).all()


def test_the_same_stream_draws_the_same_field() -> None:
    noise = ResidualNoise(BANDS, FRAMES)
    assert torch.equal(noise.draw(generator(1, 2)), noise.draw(generator(1, 2)))
    assert not torch.equal(noise.draw(generator(1, 2)), noise.draw(generator(1, 3)))


def test_contrast_is_the_median_difference_of_neighbours_above_the_floor():
    ramp = torch.arange(6.0)[None, None, :] + 10 * torch.arange(4.0)[None, :, None]
    assert contrast(ramp, floor=-1.0).tolist() == [1.0, 10.0]
    assert contrast(torch.zeros(1, 4, 6), floor=0.0).tolist() == [0.0, 0.0]
    half = ramp.clone()
    half[:, :, 3:] = -5.0  # below the floor: only the edge to the rest counts
    assert contrast(half, floor=-1.0)[1] == 10.0


@pytest.mark.parametrize("wanted", [0.25, 0.6, 1.0])
def test_the_strength_gives_the_wanted_contrast(wanted):
    noise = ResidualNoise(8, 8)
    line = torch.tensor([1.0, 3.0])  # contrasts that rise evenly with the strength
    noise.set_strength([1 + strength * line for strength in STRENGTHS], 1 + wanted * line)
    assert float(noise.strength) == pytest.approx(wanted, abs=0.0251)
    noise.set_strength([1 + strength * line for strength in STRENGTHS], 1 + wanted * line, gain=1.6)
    assert float(noise.strength) == pytest.approx(1.6 * wanted, abs=0.041)


def test_the_strength_scales_drawn_fields():
    noise = ResidualNoise(8, 8)
    before = noise.draw(torch.Generator().manual_seed(1))
    noise.strength.fill_(0.5)
    assert torch.equal(noise.draw(torch.Generator().manual_seed(1)), 0.5 * before)
