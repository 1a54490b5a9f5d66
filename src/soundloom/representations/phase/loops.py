"""Compiled inner loops of Griffin-Lim: framing, replacing magnitudes, overlap-add.

Arrays are (frame, sample) or (frame, frequency), row-major: each frame is contiguous in memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.runtime.compiled import compiled

Floats = NDArray[np.float32]

TINY = np.float32(1e-30)  # squared amplitude below which a bin has no phase, for a peak of 1


@compiled(reorder=True)
def cut_frames(wave: Floats, window: Floats, hop: int, frames: Floats) -> None:
    """Write windowed pieces of `wave`, `hop` apart, to `frames` (frame, n_fft)."""
    count, size = frames.shape
    for n in range(count):
        piece = wave[n * hop : n * hop + size]
        for i in range(size):
            frames[n, i] = piece[i] * window[i]


@compiled(reorder=True)
def impose(magnitude: Floats, spectrum: Floats) -> None:
    """Replace the magnitudes of a spectrum, pairs of floats (frame, 2 * frequency), in place; the phases stay."""
    count, bins = magnitude.shape
    for n in range(count):
        for m in range(bins):
            real, imag = spectrum[n, 2 * m], spectrum[n, 2 * m + 1]
            gain = magnitude[n, m] / np.sqrt(real * real + imag * imag + TINY)
            spectrum[n, 2 * m] = gain * real
            spectrum[n, 2 * m + 1] = gain * imag


@compiled(reorder=True)
def overlap_add(frames: Floats, window: Floats, hop: int, wave: Floats) -> None:
    """Add windowed frames (frame, n_fft), `hop` apart, to `wave`."""
    count, size = frames.shape
    for n in range(count):
        piece = wave[n * hop : n * hop + size]
        for i in range(size):
            piece[i] += frames[n, i] * window[i]


@compiled(reorder=True)
def advance(
    found: Floats, alpha: float, beta: float, gamma: float, before: Floats, averaged: Floats, target: Floats
) -> None:
    """Write the `target` that follows the result `found`; `before` and `averaged` are state. All (time,)."""
    a, b, c = np.float32(alpha), np.float32(beta), np.float32(gamma)
    for i in range(len(found)):
        now = averaged[i] + c * (found[i] - averaged[i])
        step = now - before[i]
        target[i] = now + a * step
        averaged[i] = now + b * step
        before[i] = now
