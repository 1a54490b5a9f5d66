"""The inner loops of Griffin-Lim: framing, imposing a magnitude, overlap-add.

Arrays are row-major (frame, sample) or (frame, frequency): a frame lies in one piece of memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.runtime.compiled import compiled

Floats = NDArray[np.float32]

TINY = np.float32(1e-30)  # squared amplitude, against a peak of 1, under which a bin has no phase


@compiled(reorder=True)
def cut_frames(wave: Floats, window: Floats, hop: int, frames: Floats) -> None:
    """Windowed pieces of `wave`, `hop` apart, into `frames` (frame, n_fft)."""
    count, size = frames.shape
    for n in range(count):
        piece = wave[n * hop : n * hop + size]
        for i in range(size):
            frames[n, i] = piece[i] * window[i]


@compiled(reorder=True)
def impose(magnitude: Floats, spectrum: Floats) -> None:
    """Give a spectrum, pairs of floats (frame, 2 * frequency), the magnitudes (frame, frequency), in place."""
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
    found: Floats, momentum: float, recall: float, stretch: float, before: Floats, recalled: Floats, target: Floats
) -> None:
    """The next `target` of an iteration that led to `found`; `before` and `recalled` are its memory. All (time,)."""
    onward, backward, pull = np.float32(momentum), np.float32(recall), np.float32(stretch)
    for i in range(len(found)):
        now = recalled[i] + pull * (found[i] - recalled[i])
        step = now - before[i]
        target[i] = now + onward * step
        recalled[i] = now + backward * step
        before[i] = now
