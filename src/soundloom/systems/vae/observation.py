"""p(x | code): how real spectrograms scatter around the decoder's mean.

A normal distribution, censored at the floor of the representation: the floor stands for all levels below it (Tobin
1958, https://doi.org/10.2307/1907382). A mean may lie far below the floor, and then noise does not lift silence above
it.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from soundloom.runtime.generators import generator
from soundloom.systems.vae.network import Decoded
from soundloom.systems.vae.residual_noise import ResidualNoise

NOISE_RATE = 10.0  # the noise level learns this many times faster than a weight
AT_FLOOR = 1e-5  # levels above the floor by less than this are at the floor


class Observation(nn.Module):
    """The distribution of a spectrogram given its decoded mean.

    Args:
        floor: the lowest level of the representation, or -inf.
        noise: standard deviation, one number for all of x; None learns it.
        residual_noise: measured residuals to draw samples with; None draws white noise.
    """

    def __init__(self, floor: float, noise: float | None, residual_noise: ResidualNoise | None) -> None:
        super().__init__()
        self.floor, self.residual_noise = floor, residual_noise
        self.noise = nn.Parameter(torch.zeros(()), requires_grad=noise is None)
        if noise is not None:
            self.set_noise(noise)

    @torch.no_grad()
    def set_noise(self, deviation: float) -> None:
        """Set the standard deviation."""
        self.noise.fill_(math.log(deviation) / NOISE_RATE)

    @property
    def log_noise(self) -> Tensor:
        """Natural logarithm of the standard deviation."""
        return self.noise * NOISE_RATE

    @property
    def audible(self) -> float:
        """The level from which on a value is above the floor."""
        return self.floor + AT_FLOOR

    def clamped(self, x: Tensor) -> Tensor:
        """A spectrogram with nothing below the floor."""
        return x.clamp_min(self.floor) if self.floor > -math.inf else x

    def negative_log_likelihood(self, x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
        """-ln p(x), elementwise, in nats."""
        density = normal_negative_log_likelihood(mean - x, log_deviation)
        if self.floor == -math.inf:
            return density
        below = -torch.special.log_ndtr((self.floor - mean) * torch.exp(-log_deviation))
        return torch.where(x > self.audible, density, below)

    def residuals(self, x: Tensor, out: Decoded, number: int) -> Tensor:
        """Standardised residuals, (clip, frequency, frame); at the floor, a draw from below it.

        Args:
            number: of the batch, so that each has its own draws.
        """
        residual = (x - out.mean) * torch.exp(-out.log_spread)
        if self.floor == -math.inf:
            return residual
        drawn = torch.rand(x.shape, generator=generator(0, number, "below"))
        most = torch.special.ndtr(residual.double())
        below = torch.special.ndtri((drawn * most).clamp(1e-12, 1 - 1e-12)).float()
        return torch.where(x > self.audible, residual, below)

    def draw_residual(self, out: Decoded, strength: float, rng: Generator) -> Tensor:
        """The difference of a sample of p(x | code) to its mean, (frequency, frame), times `strength`."""
        mean, log_spread = out.mean[0], out.log_spread[0]
        if not strength:
            return torch.zeros_like(mean)
        noise = self.residual_noise
        field = torch.randn(mean.shape, generator=rng) if noise is None else noise.draw(rng)
        return strength * field * torch.exp(log_spread)


def normal_negative_log_likelihood(error: Tensor, log_deviation: Tensor) -> Tensor:
    """-ln N(error; 0, exp(log_deviation)), elementwise, in nats."""
    return 0.5 * (error * torch.exp(-log_deviation)).square() + log_deviation + 0.5 * math.log(2 * math.pi)
