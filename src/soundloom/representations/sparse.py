"""Compiled loops of the band inverse. Each frequency lies in two bands, so a matrix product has two terms a row.

Arrays are (band + 2, frame), padded with an empty band at either end, and (frequency, frame); see `Overlaps` for the
weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.runtime.compiled import compiled

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

TINY = np.float32(1e-30)  # avoids division by zero in silence


@compiled(reorder=True)
def spread_bands(falls: Places, falling: Floats, rising: Floats, bands: Floats, magnitude: Floats) -> None:
    """Write the weighted sum of each frequency's two bands to `magnitude`."""
    for m in range(len(falls)):
        low, high = bands[falls[m]], bands[falls[m] + 1]
        for n in range(bands.shape[1]):
            magnitude[m, n] = falling[m] * low[n] + rising[m] * high[n]


@compiled(reorder=True)
def sum_into_bands(falls: Places, falling: Floats, rising: Floats, magnitude: Floats, bands: Floats) -> None:
    """Write the weighted sum of each band's frequencies to `bands`."""
    bands[:] = 0
    for m in range(len(falls)):
        low, high = bands[falls[m]], bands[falls[m] + 1]
        for n in range(bands.shape[1]):
            low[n] += falling[m] * magnitude[m, n]
            high[n] += rising[m] * magnitude[m, n]


@compiled(reorder=True)
def em_update(
    falls: Places, falling: Floats, rising: Floats, wanted: Floats, magnitude: Floats, scratch: Floats
) -> None:
    """Multiply each magnitude by the weighted mean, over its bands, of the wanted amplitude over the current one."""
    sum_into_bands(falls, falling, rising, magnitude, scratch)
    for b in range(scratch.shape[0]):
        for n in range(scratch.shape[1]):
            scratch[b, n] = wanted[b, n] / (scratch[b, n] + TINY)
    for m in range(len(falls)):
        low, high = scratch[falls[m]], scratch[falls[m] + 1]
        part = falling[m] / (falling[m] + rising[m] + TINY)
        rest = rising[m] / (falling[m] + rising[m] + TINY)
        for n in range(scratch.shape[1]):
            magnitude[m, n] *= part * low[n] + rest * high[n]


@compiled(reorder=True)
def least_squares_update(
    falls: Places, falling: Floats, rising: Floats, wanted: Floats, magnitude: Floats, scratch: Floats
) -> None:
    """Multiply each magnitude by the ratio of the wanted amplitudes to the current ones, both weighted by its bands."""
    sum_into_bands(falls, falling, rising, magnitude, scratch)
    for m in range(len(falls)):
        low, high = scratch[falls[m]], scratch[falls[m] + 1]
        low_wanted, high_wanted = wanted[falls[m]], wanted[falls[m] + 1]
        for n in range(scratch.shape[1]):
            held = falling[m] * low[n] + rising[m] * high[n]
            magnitude[m, n] *= (falling[m] * low_wanted[n] + rising[m] * high_wanted[n]) / (held + TINY)
