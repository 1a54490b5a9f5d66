"""How suddenly sounds begin, over all bands of hearing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BANDS = 128
FLOOR_DB = -100.0
RANGE_DB = 80.0


def onset_strength(magnitude: np.ndarray, rate: int) -> float:
    """The largest rise of a sound from frame to frame, in dB, mean over mel bands, those that fall counting 0.

    Args:
        magnitude: of its spectra, (frame, bin); silence comes before them.
        rate: Hz.

    Boeck & Widmer 2013, "Maximum filter vibrato suppression for onset detection", DAFx, without the maximum filter
    """
    power = np.square(magnitude) @ mel_bands(2 * (magnitude.shape[1] - 1), rate).T
    level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    floor = max(FLOOR_DB, level.max() - RANGE_DB)
    level = np.concatenate([np.full((1, BANDS), floor), np.maximum(level, floor)])
    return float(np.maximum(np.diff(level, axis=0), 0.0).mean(axis=1).max())


@lru_cache
def mel_bands(size: int, rate: int) -> np.ndarray:
    """Triangles of equal area on Slaney's mel scale, from 0 Hz to half the rate, (128, bin).

    Slaney 1998, Auditory Toolbox: linear below 1 kHz, 27 steps of a factor 6.4 above
    """
    steps = np.linspace(0, 15 + 27 * np.log(rate / 2000.0) / np.log(6.4), BANDS + 2)
    edges = np.where(steps < 15, steps * 200.0 / 3, 1000.0 * 6.4 ** ((steps - 15) / 27))
    hz = np.arange(size // 2 + 1) * rate / size
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0.0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)))
    return np.asarray(triangles * 2.0 / (high - low), np.float32)
