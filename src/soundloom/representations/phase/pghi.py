"""Phase gradient heap integration (PGHI): a phase computed from the magnitudes, without iterations.

With a Gaussian window, the derivatives of the phase follow from the log-magnitude; with other windows, approximately.
They are integrated from the loudest bins outwards, so that errors accumulate where they are least audible.
Průša, Balazs & Søndergaard 2017, https://doi.org/10.1109/TASLP.2017.2678166
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from soundloom.representations.stft import STFT

HANN_GAMMA = 0.25645  # times n_fft squared: the Gaussian exp(-pi t^2 / gamma) that is closest to a Hann window
QUIETEST = 1e-10  # of the peak: lower levels are clipped
TOLERANCE = 1e-3  # of the peak: quieter bins get a random phase; lower values have no measurable effect

Floats = NDArray[np.float32]


class Integrated(NamedTuple):
    """Phases relative to the middle of a frame, and which of them follow from the magnitudes."""

    turns: Floats  # (frame, frequency), 0 to 1
    known: NDArray[np.bool_]  # (frame, frequency)


def pghi(magnitude: Floats, stft: STFT, rng: Generator, tolerance: float = TOLERANCE) -> NDArray[np.complex64]:
    """A spectrum with the given magnitudes and the phase that they imply.

    Args:
        magnitude: one channel, linear, peak 1 (or silent), (frame, frequency).
        stft: the transform that made it; best with a hop of a quarter of n_fft or less.
        rng: draws the phase of bins at or below `tolerance`, uniform over the circle.
        tolerance: level above which the phase of a bin is integrated, relative to the peak.

    Returns:
        Complex spectrum (frame, frequency).
    """
    turns, known = integrate_slopes(magnitude, stft, tolerance)
    unknown = np.flatnonzero(~known)
    turns.ravel()[unknown] = torch.rand(len(unknown), generator=rng, device=rng.device).cpu().numpy()
    return polar(magnitude, turns)


def integrate_slopes(magnitude: Floats, stft: STFT, tolerance: float) -> Integrated:
    """The phase of all bins above `tolerance`, from magnitudes (frame, frequency) with peak 1."""
    from soundloom.representations.phase import heap

    frames, bins = magnitude.shape
    grid = (frames + 2, bins + 2)
    inside = (slice(1, -1), slice(1, -1))
    levels, wanted = np.zeros(grid, np.float32), np.zeros(grid, np.uint8)
    levels[inside], wanted[inside] = magnitude, magnitude > max(tolerance, QUIETEST)
    known = wanted[inside].astype(bool)

    gamma = HANN_GAMMA * stft.n_fft**2
    per_bin = stft.hop * stft.n_fft / (2 * gamma) / math.tau
    per_frame = -gamma / (2 * stft.hop * stft.n_fft) / math.tau
    in_time, in_frequency = np.zeros(grid, np.float32), np.zeros(grid, np.float32)
    nepers = np.log(np.maximum(magnitude, np.float32(QUIETEST)))
    heap.slopes(nepers, per_bin, per_frame, stft.hop / stft.n_fft, in_time, in_frequency)

    turns, scratch = np.zeros(grid, np.float32), np.empty(levels.size, np.uint64)
    bits, missing = levels.view(np.uint32).ravel(), wanted.ravel()
    for first_only in (True, False):  # often there is only the island around the loudest bin
        found = np.array([levels.argmax()]) if first_only else np.flatnonzero(missing)
        starts = np.sort(bits[found].astype(np.uint64) << np.uint64(32) | found.astype(np.uint64))[::-1]
        heap.integrate(bits, missing, starts, in_time.ravel(), in_frequency.ravel(), grid[1], turns.ravel(), scratch)
    return Integrated(turns[inside].copy(), known)


def polar(magnitude: Floats, turns: Floats) -> NDArray[np.complex64]:
    """A spectrum from magnitudes and phases relative to the middle of a frame, both (frame, frequency)."""
    angle = np.float32(math.tau) * turns
    angle[:, 1::2] += np.float32(math.pi)  # relative to the start of the frame, as in the transform
    spectrum = np.empty(magnitude.shape, np.complex64)
    np.multiply(magnitude, np.cos(angle), out=spectrum.real)
    np.multiply(magnitude, np.sin(angle), out=spectrum.imag)
    return spectrum
