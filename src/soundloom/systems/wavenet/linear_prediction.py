"""Linear prediction of samples with a logistic residual, whose scale follows how loud the residual has been lately.

Makhoul 1975, https://doi.org/10.1109/PROC.1975.9792 (the covariance method); the scale as a function of the recent
residual is that of lossless audio coders: Robinson 1994, SHORTEN, Cambridge University CUED/F-INFENG/TR.156.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor, nn

from soundloom.systems.wavenet.logistics import log_mass

ORDER = 32  # samples that a prediction sees, and over which the residual is averaged
LOUDNESSES = 16  # classes of the recent residual, each with a scale of its own
RIDGE = 1e-9  # of the mean power: enough for sounds that 32 samples predict without a residual
SHARPEST = 1 / 16  # of the narrowest bin: a smaller scale would gain less than 0.001 bits
LOOKED_AT = 2**20  # samples that the scales are fitted to
GOLDEN = (math.sqrt(5) - 1) / 2


class LinearPrediction(nn.Module):
    """P(sample | the 32 before) = the mass of a logistic distribution around their weighted sum.

    Amplitudes count from that of silence, which comes before every clip.
    """

    coefficients: Tensor  # (ORDER,), that of the oldest sample first
    steps: Tensor  # (LOUDNESSES - 1,): where one class of the recent residual ends and the next begins
    scales: Tensor  # (LOUDNESSES,)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.zeros(ORDER))
        self.register_buffer("steps", torch.arange(1, LOUDNESSES) / LOUDNESSES)
        self.register_buffer("scales", torch.full((LOUDNESSES,), 0.1))

    def solve(self, moments: Tensor) -> None:
        """Set the coefficients from summed `moments`: least squares."""
        ridge = (RIDGE * moments.diagonal().mean() + 1e-30) * torch.eye(ORDER).to(moments)
        self.coefficients.copy_(torch.linalg.solve(moments[:-1, :-1] + ridge, moments[:-1, -1]))

    def fit_scales(self, low: Tensor, high: Tensor, prediction: Tensor, loudness: Tensor) -> None:
        """Set classes of loudness with as many samples each, and their scales: by maximum likelihood.

        Args:
            low, high: edges of the bins of samples, (sample,), double.
            prediction, loudness: what `forward` says of them, (sample,).
        """
        ordered = loudness.sort().values
        places = torch.arange(1, LOUDNESSES, device=ordered.device) * (len(ordered) - 1) // LOUDNESSES
        self.steps.copy_(ordered[places])
        kind = torch.bucketize(loudness, self.steps.double())

        def cost(scales: Tensor) -> Tensor:
            scale = scales[kind]
            bits = -log_mass((low - prediction) / scale, (high - prediction) / scale)
            return torch.zeros_like(scales).index_add_(0, kind, bits)

        sharpest = SHARPEST * float((high - low).min())
        found = _smallest(cost, math.log(sharpest), math.log(2.0), LOUDNESSES, low.device)
        for empty in torch.bincount(kind, minlength=LOUDNESSES).eq(0).nonzero()[:, 0].tolist():
            found[empty] = found[empty - 1]  # the first is never empty
        self.scales.copy_(found)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """What is predicted of each sample, and the mean size of the residual of the 32 before; each (batch, time).

        Args:
            audio: amplitudes from that of silence, (batch, time), double.
        """
        before = F.pad(audio, (ORDER, -1)).unfold(-1, ORDER, 1)
        prediction = before @ self.coefficients.double()
        size = F.pad((audio - prediction).abs(), (ORDER, -1))
        return prediction, F.avg_pool1d(size[:, None], ORDER, 1)[:, 0]

    def bits(self, audio: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """-log2 of the mass between `low` and `high`, the edges of the samples' bins; all (batch, time), double."""
        prediction, loudness = self(audio)
        scale = self.scales.double()[torch.bucketize(loudness, self.steps.double())]
        return -log_mass((low - prediction) / scale, (high - prediction) / scale) / math.log(2)


def moments(audio: Tensor, mask: Tensor) -> Tensor:
    """Sums of products of each sample in the mask with the 32 before it and of these with each other, (33, 33).

    Over all time they would depend on the lag alone, and one Fourier transform gives them; the samples outside of the
    mask that still have others in reach are taken out again.
    """
    inside = audio * mask
    size = next_fast_len(audio.shape[-1] + ORDER, real=True)
    power = torch.fft.rfft(inside, n=size).abs().square().sum(dim=0)
    by_lag = torch.fft.irfft(power, n=size)[: ORDER + 1]
    lag = torch.arange(ORDER + 1, device=audio.device)
    windows = F.pad(inside, (ORDER, ORDER)).unfold(-1, ORDER + 1, 1)
    outside = ~F.pad(mask, (0, ORDER))
    reached = F.max_pool1d(F.pad(mask, (ORDER, ORDER))[:, None].float(), ORDER + 1, 1)[:, 0] > 0
    extra = windows[outside & reached]
    return by_lag[(lag[:, None] - lag).abs()] - extra.T @ extra


def _smallest(cost: Callable[[Tensor], Tensor], low: float, high: float, count: int, device: torch.device) -> Tensor:
    """Golden-section search for the scales at which costs are smallest, all at once; bounds are logarithms."""
    left = torch.full((count,), low, dtype=torch.float64, device=device)
    right = torch.full_like(left, high)
    inner, outer = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
    at_inner, at_outer = cost(inner.exp()), cost(outer.exp())
    while float((right - left).max()) > 1e-3:
        below = at_inner < at_outer
        left, right = torch.where(below, left, inner), torch.where(below, outer, right)
        new = torch.where(below, right - GOLDEN * (right - left), left + GOLDEN * (right - left))
        at_new = cost(new.exp())
        inner, outer = torch.where(below, new, outer), torch.where(below, inner, new)
        at_inner, at_outer = torch.where(below, at_new, at_outer), torch.where(below, at_inner, at_new)
    return ((left + right) / 2).exp()
