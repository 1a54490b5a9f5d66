"""Linear prediction of samples with a logistic residual, whose scale follows the size of recent residuals.

Makhoul 1975, https://doi.org/10.1109/PROC.1975.9792 (the covariance method). Choosing the code of a residual by the
size of recent residuals is an idea of lossless coders: Weinberger et al. 2000, https://doi.org/10.1109/83.855427
(LOCO-I)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor, nn

from soundloom.systems.wavenet.logistics import LEAST_LOG_SCALE, log_mass

ORDER = 32  # samples that a prediction sees, and over which residuals are averaged
LOUDNESSES = 16  # classes of the recent residual, each with its own scale
RIDGE = 1e-9  # of the mean power; for sounds that 32 samples predict exactly
FALLBACK_WEIGHT = 0.001  # weight of the simpler predictor in the mixture; it bounds the cost of a few attacks
FITTED_SAMPLES = 2**20  # samples that the scales are fitted to
COARSE = 16  # scales tried before the best one is refined
GOLDEN = (math.sqrt(5) - 1) / 2


class Bins(NamedTuple):
    """The quantisation bins of samples, and a fallback; all of one shape, double."""

    low: Tensor  # the lower edge relative to the amplitude of silence; may be infinite
    high: Tensor  # the upper edge
    fallback_bits: Tensor  # bits of the level under the simpler predictor


class LinearPrediction(nn.Module):
    """P(sample | the 32 before) = the mass of a logistic distribution around their weighted sum.

    A thousandth of the probability comes from another predictor. Amplitudes are relative to that of silence, which
    precedes every clip.
    """

    coefficients: Tensor  # (ORDER,), that of the oldest sample first
    steps: Tensor  # (LOUDNESSES - 1,): bounds between the classes of the recent residual
    scales: Tensor  # (LOUDNESSES,)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.zeros(ORDER))
        self.register_buffer("steps", torch.arange(1, LOUDNESSES) / LOUDNESSES)
        self.register_buffer("scales", torch.full((LOUDNESSES,), 0.1))

    def solve(self, moments: Tensor) -> None:
        """Set the coefficients from summed `moments` by least squares."""
        ridge = (RIDGE * moments.diagonal().mean() + 1e-30) * torch.eye(ORDER).to(moments)
        self.coefficients.copy_(torch.linalg.solve(moments[:-1, :-1] + ridge, moments[:-1, -1]))

    def fit_scales(self, bins: Bins, prediction: Tensor, loudness: Tensor) -> None:
        """Set the classes of loudness, with equally many samples each, and their scales, by maximum likelihood.

        Args:
            bins: those of samples, each (sample,).
            prediction, loudness: results of `forward`, (sample,).
        """
        ordered = loudness.sort().values
        places = torch.arange(1, LOUDNESSES, device=ordered.device) * (len(ordered) - 1) // LOUDNESSES
        self.steps.copy_(ordered[places])
        kind = torch.bucketize(loudness, self.steps.double())

        def cost(scales: Tensor) -> Tensor:
            return torch.zeros_like(scales).index_add_(0, kind, _bits(bins, prediction, scales[kind]))

        found = _cheapest(cost, LOUDNESSES, ordered.device)
        for empty in torch.bincount(kind, minlength=LOUDNESSES).eq(0).nonzero()[:, 0].tolist():
            found[empty] = found[empty - 1]  # the first is never empty
        self.scales.copy_(found)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The prediction of each sample, and the mean absolute residual of the 32 before it; each (batch, time).

        Args:
            audio: amplitudes relative to that of silence, (batch, time), double.
        """
        before = F.pad(audio, (ORDER, -1)).unfold(-1, ORDER, 1)
        prediction = before @ self.coefficients.double()
        size = F.pad((audio - prediction).abs(), (ORDER, -1))
        return prediction, F.avg_pool1d(size[:, None], ORDER, 1)[:, 0]

    def bits(self, audio: Tensor, bins: Bins) -> Tensor:
        """Bits of each sample, (batch, time), double; `audio` as in `forward`."""
        prediction, loudness = self.forward(audio)
        return _bits(bins, prediction, self.scales.double()[torch.bucketize(loudness, self.steps.double())])


def moments(audio: Tensor, mask: Tensor) -> Tensor:
    """Sums over the mask of products of each sample and the 32 before it with each other, (33, 33).

    Over all time they would depend on the lag alone and follow from one Fourier transform; the terms of samples outside
    the mask that have masked samples in reach are subtracted.
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
    products: Tensor = by_lag[(lag[:, None] - lag).abs()] - extra.T @ extra
    return products


def _bits(bins: Bins, prediction: Tensor, scale: Tensor) -> Tensor:
    predicted = log_mass((bins.low - prediction) / scale, (bins.high - prediction) / scale) / math.log(2)
    return -torch.logaddexp2(
        predicted + math.log2(1 - FALLBACK_WEIGHT), math.log2(FALLBACK_WEIGHT) - bins.fallback_bits
    )


def _cheapest(cost: Callable[[Tensor], Tensor], count: int, device: torch.device) -> Tensor:
    """The scales with the smallest costs, all in parallel: the best of a few, refined by golden-section search."""
    tried = torch.linspace(LEAST_LOG_SCALE, math.log(2.0), COARSE, dtype=torch.float64, device=device)
    costs = torch.stack([cost(each.exp().expand(count)) for each in tried])
    best = costs.argmin(dim=0)
    left, right = tried[(best - 1).clamp_min(0)], tried[(best + 1).clamp_max(COARSE - 1)]
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
