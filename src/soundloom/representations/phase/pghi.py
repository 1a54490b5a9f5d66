"""Phase gradient heap integration (PGHI): a phase read off the magnitudes, without iterating.

The phase of a Gaussian window's transform has derivatives that its log-magnitude alone decides; other windows come
close. They are summed up from the loudest bins outwards, so that errors gather where they are least heard.
Průša, Balazs & Søndergaard 2017, https://doi.org/10.1109/TASLP.2017.2678166
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from soundloom.representations.stft import STFT

HANN_GAMMA = 0.25645  # of n_fft squared: the Gaussian exp(-pi t^2 / gamma) that is nearest to a Hann window
QUIETEST = 1e-10  # of the peak: the logarithm of less than this is of no use

Floats = NDArray[np.float32]


class Slopes(NamedTuple):
    """Derivatives of the phase, radians a step, each (frame, frequency); phase counts from the middle of a frame."""

    in_time: Floats
    in_frequency: Floats


def slopes(magnitude: Floats, stft: STFT) -> Slopes:
    """The phase derivatives that a magnitude (frame, frequency) with peak 1 implies."""
    level = np.log(np.maximum(magnitude, np.float32(QUIETEST)))
    gamma = HANN_GAMMA * stft.n_fft**2
    in_time = np.zeros_like(level)  # at 0 Hz and Nyquist the spectrum mirrors itself: no slope
    in_time[:, 1:-1] = (level[:, 2:] - level[:, :-2]) * np.float32(stft.hop * stft.n_fft / (2 * gamma))
    turn = 2 * np.pi * stft.hop / stft.n_fft
    in_time += (turn * np.arange(level.shape[1])).astype(np.float32)
    in_frequency = np.zeros_like(level)
    if len(level) > 1:
        scale = np.float32(-gamma / (2 * stft.hop * stft.n_fft))
        in_frequency[1:-1] = (level[2:] - level[:-2]) * scale
        in_frequency[0] = (level[1] - level[0]) * (2 * scale)
        in_frequency[-1] = (level[-1] - level[-2]) * (2 * scale)
    return Slopes(in_time, in_frequency)


def pghi(magnitude: Floats, stft: STFT, rng: Generator, tolerance: float = 1e-6) -> NDArray[np.complex64]:
    """A spectrum with the given magnitudes and the phase that their shape implies.

    Args:
        magnitude: one channel, linear, peak 1 (or silent), (frame, frequency).
        stft: the transform that made it; best with a hop of a quarter of n_fft or less.
        rng: draws the phase of bins below `tolerance`, uniform over the circle; the number of draws is that of bins.
        tolerance: quietest bin, against the peak, whose phase is integrated.

    Returns:
        Complex spectrum (frame, frequency).
    """
    phase = heap_integrate(magnitude, slopes(magnitude, stft), tolerance)
    drawn = (2 * np.pi) * torch.rand(magnitude.shape, generator=rng, device=rng.device).cpu().numpy()
    phase = np.where(np.isnan(phase), drawn, phase)
    return polar(magnitude, phase)


def heap_integrate(magnitude: Floats, derivatives: Slopes, tolerance: float) -> NDArray[np.float64]:
    """Phase in radians (frame, frequency), counted from the middle of a frame; NaN below `tolerance`."""
    from soundloom.representations.phase.heap import integrate

    frames, bins = magnitude.shape
    width = bins + 2
    wanted = magnitude > max(tolerance, QUIETEST)
    keys = _bordered(magnitude).view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(keys.size, dtype=np.uint64).reshape(keys.shape)
    starts = np.sort(keys[1:-1, 1:-1][wanted & _peaks(magnitude)])[::-1]
    phase = np.full((frames + 2, width), np.nan)
    integrate(
        keys.ravel(),
        _bordered(wanted).view(np.uint8).ravel(),
        starts,
        _bordered(derivatives.in_time).ravel(),
        _bordered(derivatives.in_frequency).ravel(),
        width,
        phase.ravel(),
    )
    return phase[1:-1, 1:-1]


def polar(magnitude: Floats, phase: NDArray[np.float64]) -> NDArray[np.complex64]:
    """A spectrum from magnitude and a phase counted from the middle of a frame, both (frame, frequency)."""
    wrapped = np.remainder(phase, 2 * np.pi).astype(np.float32)
    signed = magnitude.copy()
    signed[:, 1::2] *= -1  # half a frame earlier, where the transform counts from: half a turn for odd bins
    return torch.polar(torch.from_numpy(signed), torch.from_numpy(wrapped)).numpy()


def _bordered(grid: NDArray[Any]) -> NDArray[Any]:
    """The grid (frame, frequency) with one more row and column of zeros on every side."""
    framed = np.zeros((grid.shape[0] + 2, grid.shape[1] + 2), grid.dtype)
    framed[1:-1, 1:-1] = grid
    return framed


def _peaks(magnitude: Floats) -> NDArray[np.bool_]:
    """Where no neighbour is louder: only there can an island have its loudest bin."""
    peaks = np.ones(magnitude.shape, bool)
    peaks[1:] &= magnitude[1:] >= magnitude[:-1]
    peaks[:-1] &= magnitude[:-1] >= magnitude[1:]
    peaks[:, 1:] &= magnitude[:, 1:] >= magnitude[:, :-1]
    peaks[:, :-1] &= magnitude[:, :-1] >= magnitude[:, 1:]
    return peaks
