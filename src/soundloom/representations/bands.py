"""Filter banks of overlapping triangles over the frequencies of a transform, and their inverse.

Triangle b rises where b - 1 falls and falls where b + 1 rises, so a frequency lies in at most two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundloom.representations.mel_inverse import Inverse, Inverter, magnitudes


@dataclass(frozen=True, eq=False)
class Bands:
    """Weights (band, frequency), at least 0, without empty rows. Equal settings share one object."""

    weights: NDArray[np.float64]

    def apply(self, magnitude: Tensor) -> Tensor:
        """Sum magnitudes (batch, channel, frequency, frame) to (batch, channel, band, frame); differentiable."""
        with torch.autocast(magnitude.device.type, enabled=False):  # half precision would lose quiet bands
            return _tensor(self, magnitude.device, magnitude.dtype) @ magnitude

    def invert(self, amplitude: Tensor, how: Inverse) -> Tensor:
        """Find magnitudes (batch, channel, frequency, frame) for amplitudes (batch, channel, band, frame).

        There are more frequencies than bands, so many solutions fit; `mel_inverse.py` describes which one is chosen.
        """
        return magnitudes(_inverter(self), amplitude, how)


def triangles(corners: NDArray[np.float64], sample_rate: int, n_fft: int) -> NDArray[np.float64]:
    """Triangles (band, frequency) of height 1: band b rises from corner b, peaks at b + 1 and ends at b + 2."""
    hz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    widths = np.diff(corners)
    rising = (hz - corners[:-2, None]) / widths[:-1, None]
    falling = (corners[2:, None] - hz) / widths[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def bank_of(
    weights: NDArray[np.float64], corners: NDArray[np.float64], sample_rate: int, n_fft: int, *, mean: bool = False
) -> Bands:
    """Make bands of weights (band, frequency); with `mean`, the weights of each band are scaled to sum to 1.

    Raises:
        ValueError: some bands contain no frequency; the message names them and what to change.
    """
    empty = np.flatnonzero(weights.sum(1) == 0)
    if len(empty):
        named = ", ".join(str(band) for band in empty[:8]) + (", ..." if len(empty) > 8 else "")
        narrowest = (corners[2:] - corners[:-2])[empty].min()
        raise ValueError(
            f"{len(empty)} of {len(weights)} bands contain no frequency of the transform and would always be silent "
            f"(band {named}, from {corners[empty[0]]:.0f} Hz): the narrowest is {narrowest:.1f} Hz wide where "
            f"frequencies lie {sample_rate / n_fft:.1f} Hz apart; ask for fewer bands, a larger n_fft or more low_hz"
        )
    scaled = weights / weights.sum(1, keepdims=True) if mean else weights
    scaled.setflags(write=False)
    return Bands(scaled)


@lru_cache(maxsize=32)
def _tensor(bands: Bands, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # the cached tensor must also work in training if inference asks for it first
        return torch.from_numpy(np.array(bands.weights)).to(device, dtype)


@lru_cache(maxsize=32)
def _inverter(bands: Bands) -> Inverter:
    with torch.inference_mode(False):
        return Inverter.of(bands.weights)
