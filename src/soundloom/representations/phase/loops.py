"""The inner loops of phase reconstruction: overlap-add, framing, and imposing a magnitude.

Arrays are row-major (frame, sample) or (frame, frequency): a frame lies in one piece of memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled

Floats = NDArray[np.float32]

TINY = np.float32(1e-30)  # squared amplitude, against a peak of 1, under which a bin has no phase


@compiled(reorder=True)
def overlap_add(frames: Floats, window: Floats, weight: Floats, hop: int, wave: Floats) -> None:
    """Windowed frames (frame, n_fft) summed into `wave` (n_fft + (frames - 1) * hop,), then times `weight`."""
    count, size = frames.shape
    wave[:] = 0
    for n in range(count):
        piece = wave[n * hop : n * hop + size]
        for i in range(size):
            piece[i] += frames[n, i] * window[i]
    for i in range(len(wave)):
        wave[i] *= weight[i]


@compiled(reorder=True)
def cut_frames(wave: Floats, window: Floats, hop: int, frames: Floats) -> None:
    """Windowed pieces of `wave`, `hop` apart, into `frames` (frame, n_fft)."""
    count, size = frames.shape
    for n in range(count):
        piece = wave[n * hop : n * hop + size]
        for i in range(size):
            frames[n, i] = piece[i] * window[i]


@compiled(reorder=True)
def impose(magnitude: Floats, rebuilt: Floats, before: Floats, momentum: float, target: Floats) -> None:
    """Give `rebuilt` + momentum * (`rebuilt` - `before`) the magnitudes asked for, into `target`.

    Complex spectra come as pairs of floats, (frame, 2 * frequency); magnitude is (frame, frequency).
    """
    count, bins = magnitude.shape
    pull = np.float32(momentum)
    for n in range(count):
        for m in range(bins):
            real = rebuilt[n, 2 * m] + pull * (rebuilt[n, 2 * m] - before[n, 2 * m])
            imag = rebuilt[n, 2 * m + 1] + pull * (rebuilt[n, 2 * m + 1] - before[n, 2 * m + 1])
            gain = magnitude[n, m] / np.sqrt(real * real + imag * imag + TINY)
            target[n, 2 * m] = gain * real
            target[n, 2 * m + 1] = gain * imag
