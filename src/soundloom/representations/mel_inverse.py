"""Recover magnitudes from bands. Many magnitudes fit the same bands; each method chooses one.

"pinv", the pseudo-inverse, has the least energy; negative values are set to 0. "nnls", non-negative least squares, and
"em", expectation maximisation, start from magnitudes that follow the bands smoothly and multiply them until they fit:
they stay non-negative, and detail that the bands do not determine stays smooth. "em" comes closest to real sounds.
Least squares: Lee & Seung 2001, Algorithms for Non-negative Matrix Factorization, with one factor known
EM: Richardson 1972, https://doi.org/10.1364/JOSA.62.000055; Lucy 1974, https://doi.org/10.1086/111605
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from soundloom.representations.clip_by_clip import own_memory

Inverse = Literal["em", "nnls", "pinv"]
UPDATES = 10  # the bands then fit to -50 dB; more updates change nothing
BLOCK = 128  # frames updated at a time, so that they stay in the processor's cache

Floats = NDArray[np.float32]


class Overlaps(NamedTuple):
    """For each frequency, the two bands it lies in: one whose triangle falls there, and the next one, which rises.

    Bands are counted from 1; bands 0 and the last are empty padding, so that every frequency has two.
    """

    falls: NDArray[np.int64]  # (frequency,)
    falling: Floats  # (frequency,), weight in band `falls`
    rising: Floats  # (frequency,), weight in band `falls` + 1


class Inverter(NamedTuple):
    """Precomputed data of the inverse methods."""

    pseudo_inverse: Tensor  # (frequency, band)
    overlaps: Overlaps  # of the bands
    smoothing: Overlaps  # of the same triangles at height 1, scaled to sum to 1 at each frequency
    area: Floats  # (band, 1), the sum of each band's weights

    @classmethod
    def of(cls, weights: NDArray[np.float64]) -> Inverter:
        """From weights (band, frequency) of triangles, at most two of which overlap."""
        equal = weights / weights.max(1, keepdims=True)
        total = equal.sum(0)
        return cls(
            torch.from_numpy(np.linalg.pinv(weights)),
            overlaps_of(weights),
            overlaps_of(equal / np.where(total > 0, total, 1)),
            weights.sum(1, keepdims=True).astype(np.float32),
        )


def magnitudes(inverter: Inverter, amplitude: Tensor, how: Inverse) -> Tensor:
    """Find magnitudes (batch, channel, frequency, frame) for amplitudes (batch, channel, band, frame), clip by clip.

    Magnitudes are at least 0, and 0 at frequencies outside all bands. "em" and "nnls" run on the CPU.
    """
    if how == "pinv":
        inverse = inverter.pseudo_inverse.to(amplitude.device, amplitude.dtype)
        with torch.autocast(amplitude.device.type, enabled=False):
            return torch.cat([(inverse @ clip).clamp(min=0) for clip in map(own_memory, torch.split(amplitude, 1))])
    batch = len(amplitude)
    rows = rearrange(amplitude.detach().cpu().float(), "batch channel band frame -> (batch channel) band frame").numpy()
    found = np.empty((len(rows), len(inverter.overlaps.falls), rows.shape[-1]), np.float32)
    for row, magnitude in zip(rows, found, strict=True):
        for first in range(0, rows.shape[-1], BLOCK):
            part = slice(first, first + BLOCK)
            magnitude[:, part] = multiplicative_updates(inverter, row[:, part], how)
    both = rearrange(torch.from_numpy(found), "(batch channel) bin frame -> batch channel bin frame", batch=batch)
    return both.to(amplitude.device)


def multiplicative_updates(inverter: Inverter, amplitude: Floats, how: Inverse, updates: int = UPDATES) -> Floats:
    """Magnitudes (frequency, frame) from amplitudes (band, frame), by multiplicative updates of smooth ones."""
    from soundloom.representations.sparse import em_update, least_squares_update, spread_bands

    update = em_update if how == "em" else least_squares_update
    bands, frames = amplitude.shape
    wanted = np.zeros((bands + 2, frames), np.float32)
    scratch = np.empty_like(wanted)
    magnitude = np.empty((len(inverter.overlaps.falls), frames), np.float32)
    wanted[1:-1] = amplitude / inverter.area
    spread_bands(*inverter.smoothing, wanted, magnitude)
    wanted[1:-1] = amplitude
    for _ in range(updates):
        update(*inverter.overlaps, wanted, magnitude, scratch)
    return magnitude


def overlaps_of(weights: NDArray[np.float64]) -> Overlaps:
    """The two bands of each frequency, from weights (band, frequency)."""
    bins = weights.shape[1]
    falls, falling, rising = np.zeros(bins, np.int64), np.zeros(bins, np.float32), np.zeros(bins, np.float32)
    for m in range(bins):
        bands = np.flatnonzero(weights[:, m])
        assert len(bands) <= 2
        if len(bands) == 2:
            falls[m] = bands[0] + 1
            falling[m], rising[m] = weights[bands, m]
        elif len(bands):
            falls[m] = bands[0]
            rising[m] = weights[bands[0], m]
    return Overlaps(falls, falling, rising)
