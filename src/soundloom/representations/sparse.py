"""The loops of the band inverse: each frequency lies in two bands, so that a product is two terms, not a row of zeros.

Arrays are (band + 2, frame) with an empty band at either end, and (frequency, frame); see `Overlaps` for the weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.runtime.compiled import compiled

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

TINY = np.float32(1e-30)  # against division by silence


@compiled(reorder=True)
def under_bands(falls: Places, falling: Floats, rising: Floats, bands: Floats, magnitude: Floats) -> None:
    """Each frequency's weighted sum of its two bands, into `magnitude`."""
    for m in range(len(falls)):
        low, high = bands[falls[m]], bands[falls[m] + 1]
        for n in range(bands.shape[1]):
            magnitude[m, n] = falling[m] * low[n] + rising[m] * high[n]


@compiled(reorder=True)
def into_bands(falls: Places, falling: Floats, rising: Floats, magnitude: Floats, bands: Floats) -> None:
    """Each band's weighted sum of its frequencies, into `bands`."""
    bands[:] = 0
    for m in range(len(falls)):
        low, high = bands[falls[m]], bands[falls[m] + 1]
        for n in range(bands.shape[1]):
            low[n] += falling[m] * magnitude[m, n]
            high[n] += rising[m] * magnitude[m, n]


@compiled(reorder=True)
def em_update(falls: Places, falling: Floats, rising: Floats, wanted: Floats, magnitude: Floats, room: Floats) -> None:
    """Multiply each magnitude by the mean, over its bands, of how far they fall short of `wanted`."""
    into_bands(falls, falling, rising, magnitude, room)
    for b in range(room.shape[0]):
        for n in range(room.shape[1]):
            room[b, n] = wanted[b, n] / (room[b, n] + TINY)
    for m in range(len(falls)):
        low, high = room[falls[m]], room[falls[m] + 1]
        part = falling[m] / (falling[m] + rising[m] + TINY)
        rest = rising[m] / (falling[m] + rising[m] + TINY)
        for n in range(room.shape[1]):
            magnitude[m, n] *= part * low[n] + rest * high[n]


@compiled(reorder=True)
def least_squares_update(
    falls: Places, falling: Floats, rising: Floats, wanted: Floats, magnitude: Floats, room: Floats
) -> None:
    """Multiply each magnitude by what its bands should hold over what they hold, both seen through its weights."""
    into_bands(falls, falling, rising, magnitude, room)
    for m in range(len(falls)):
        low, high = room[falls[m]], room[falls[m] + 1]
        low_wanted, high_wanted = wanted[falls[m]], wanted[falls[m] + 1]
        for n in range(room.shape[1]):
            held = falling[m] * low[n] + rising[m] * high[n]
            magnitude[m, n] *= (falling[m] * low_wanted[n] + rising[m] * high_wanted[n]) / (held + TINY)
