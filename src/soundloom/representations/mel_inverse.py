"""From bands back to the magnitudes under them: many fit, and each method chooses one.

"pinv", the pseudo-inverse, is the smallest in energy, with what came out negative cut off. "nnls", non-negative least
squares, and "em", expectation maximisation, start from magnitudes that lie smoothly under the bands and multiply them
until they fit: nothing can become negative, and what the bands do not say stays smooth. "em" is nearest to real sounds.
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
UPDATES = 10  # after which the bands fit to -50 dB and more of them change nothing
BLOCK = 128  # frames worked on at a time, so that they stay in the processor's cache

Floats = NDArray[np.float32]


class Overlaps(NamedTuple):
    """Triangles as seen from a frequency: the band that falls there and the next one, which rises, and their weights.

    Bands are counted from 1; 0 and the last are empty, so that every frequency has two.
    """

    falls: NDArray[np.int64]  # (frequency,)
    falling: Floats  # (frequency,), weight in band `falls`
    rising: Floats  # (frequency,), weight in band `falls` + 1


class Inverter(NamedTuple):
    """What the ways back need to know of the bands."""

    pseudo_inverse: Tensor  # (frequency, band)
    overlaps: Overlaps  # of the bands
    smoothing: Overlaps  # of the same triangles, all of height 1 and summing to 1 at each frequency
    area: Floats  # (band, 1), the sum of each band's weights

    @classmethod
    def of(cls, weights: NDArray[np.float64]) -> Inverter:
        """From weights (band, frequency), triangles of which two at most overlap."""
        equal = weights / weights.max(1, keepdims=True)
        together = equal.sum(0)
        return cls(
            torch.from_numpy(np.linalg.pinv(weights)),
            seen_from_frequencies(weights),
            seen_from_frequencies(equal / np.where(together > 0, together, 1)),
            weights.sum(1, keepdims=True).astype(np.float32),
        )


def magnitudes(inverter: Inverter, amplitude: Tensor, how: Inverse) -> Tensor:
    """Magnitudes (batch, channel, frequency, frame) that give amplitudes (batch, channel, band, frame).

    Neither is ever negative. Where no band reaches they are 0. "em" and "nnls" run on the processor, clip by clip.
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
            magnitude[:, part] = _updated(inverter, row[:, part], how)
    both = rearrange(torch.from_numpy(found), "(batch channel) bin frame -> batch channel bin frame", batch=batch)
    return both.to(amplitude.device)


def _updated(inverter: Inverter, amplitude: Floats, how: Inverse, updates: int = UPDATES) -> Floats:
    """Magnitudes (frequency, frame) from amplitudes (band, frame), by multiplying smooth ones."""
    from soundloom.representations.sparse import em_update, least_squares_update, under_bands

    update = em_update if how == "em" else least_squares_update
    bands, frames = amplitude.shape
    wanted = np.zeros((bands + 2, frames), np.float32)
    room = np.empty_like(wanted)
    magnitude = np.empty((len(inverter.overlaps.falls), frames), np.float32)
    wanted[1:-1] = amplitude / inverter.area
    under_bands(*inverter.smoothing, wanted, magnitude)
    wanted[1:-1] = amplitude
    for _ in range(updates):
        update(*inverter.overlaps, wanted, magnitude, room)
    return magnitude


def seen_from_frequencies(weights: NDArray[np.float64]) -> Overlaps:
    """Weights (band, frequency) as the two bands of each frequency."""
    bins = weights.shape[1]
    falls, falling, rising = np.zeros(bins, np.int64), np.zeros(bins, np.float32), np.zeros(bins, np.float32)
    for m in range(bins):
        held = np.flatnonzero(weights[:, m])
        assert len(held) <= 2
        if len(held) == 2:
            falls[m] = held[0] + 1
            falling[m], rising[m] = weights[held, m]
        elif len(held):
            falls[m] = held[0]
            rising[m] = weights[held[0], m]
    return Overlaps(falls, falling, rising)
