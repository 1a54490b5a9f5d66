"""The residual noise model: samples of p(x | code) less the decoder's mean.

The decoder's mean is blurred: the noise of a snare is in the residual. The residual is not white: neighbouring frames
share samples and neighbouring bands share bins. So its power spectrum over (frequency, frame) and its distribution are
measured on the training set, and noise with both is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

QUANTILES = 65
STRENGTHS = (0.0, 0.4, 0.8, 1.2)  # tried to set the strength


class ResidualNoise(nn.Module):
    """Unit-variance noise with the statistics of a model's standardised residuals, (frequency, frame)."""

    amplitude: Tensor  # (frequency, frame // 2 + 1): amplitude spectrum
    quantiles: Tensor  # residuals at evenly spaced normal scores
    strength: Tensor  # one number, the factor of drawn fields

    def __init__(self, bands: int, frames: int) -> None:
        super().__init__()
        self.bands, self.frames = bands, frames
        self.register_buffer("amplitude", torch.ones(bands, frames // 2 + 1))
        self.register_buffer("quantiles", _scores())
        self.register_buffer("strength", torch.ones(()))

    @torch.no_grad()
    def fit(self, residuals: Tensor) -> None:
        """Measure standardised residuals, (clip, frequency, frame)."""
        power = torch.zeros_like(self.amplitude)
        for residual in torch.split(residuals, 64):
            power += torch.fft.rfft2(residual - residual.mean()).abs().square().sum(dim=0)
        amplitude = power.sqrt()
        self.amplitude.copy_(amplitude / self._level(amplitude))
        flat = residuals.flatten()
        sample = flat[:: max(1, len(flat) // 1_000_000)].sort().values
        shares = torch.special.ndtr(_scores())
        places = (shares * (len(sample) - 1)).round().long()
        self.quantiles.copy_(sample[places])
        self.strength.fill_(1.0)

    def draw(self, rng: Generator) -> Tensor:
        """One field, (frequency, frame)."""
        white = torch.randn(self.bands, self.frames, generator=rng)
        field = torch.fft.irfft2(torch.fft.rfft2(white) * self.amplitude, s=(self.bands, self.frames))
        return self.strength * self._to_residual(field)

    def set_strength(self, found: Sequence[Tensor], wanted: Tensor, gain: float = 1.0) -> None:
        """Set the strength whose contrasts, in time and in frequency, are nearest to the wanted ones, by their ratios.

        Args:
            found: the contrasts at `STRENGTHS`; interpolated linearly in between.
            wanted: those of real sounds.
            gain: factor of the resulting strength.
        """
        misses = (torch.stack(list(found)).clamp_min(1e-9) / wanted.clamp_min(1e-9)).log()
        fine = torch.linspace(STRENGTHS[0], STRENGTHS[-1], 49)
        right = torch.searchsorted(torch.tensor(STRENGTHS), fine).clamp(1, len(STRENGTHS) - 1)
        low, high = torch.tensor(STRENGTHS)[right - 1], torch.tensor(STRENGTHS)[right]
        share = ((fine - low) / (high - low))[:, None]
        total = torch.lerp(misses[right - 1], misses[right], share).abs().sum(dim=1)
        self.strength.fill_(gain * float(fine[int(total.argmin())]))

    def _to_residual(self, normal: Tensor) -> Tensor:
        """Map normal scores to the measured distribution, by linear interpolation between quantiles."""
        scores = _scores()
        step = float(scores[1] - scores[0])
        place = ((normal - float(scores[0])) / step).clamp(0, QUANTILES - 1.001)
        left = place.long()
        return torch.lerp(self.quantiles[left], self.quantiles[left + 1], place - left)

    def _level(self, amplitude: Tensor) -> Tensor:
        """Root mean square over the full plane; inner columns of a half-spectrum count twice."""
        full = torch.full((amplitude.shape[1],), 2.0)
        full[0] = 1.0
        if self.frames % 2 == 0:
            full[-1] = 1.0
        return ((amplitude.square() * full).sum() / (self.bands * self.frames)).sqrt().clamp_min(1e-12)


def contrast(x: Tensor, floor: float) -> Tensor:
    """Median absolute differences between neighbours of (clip, frequency, frame), in time and in frequency, (2,).

    Pairs with both values at or below the floor are left out. The median ignores onsets and partials, which are edges.
    """
    means = []
    for before, after in ((x[:, :, :-1], x[:, :, 1:]), (x[:, :-1], x[:, 1:])):
        sounding = torch.maximum(before, after) > floor
        means.append((after - before).abs()[sounding].median() if sounding.any() else torch.zeros(()))
    return torch.stack(means)


def _scores() -> Tensor:
    """Evenly spaced normal scores from -4 to 4."""
    return torch.linspace(-4.0, 4.0, QUANTILES)
