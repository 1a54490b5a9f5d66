"""Brightness: how much of a sound lies above 2 kHz, and where the centre of its spectrum is."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.filters import butterworth, filtered
from soundloom.descriptors.frames import bin_hz, mean_spectra, ratio
from soundloom.descriptors.sounds import RATE, Sounds

SIZE, HOP = 2048, 512
HIGH_HZ = 2000.0
CENTROID_FROM_HZ = 100.0
LEAST_RATIO, LEAST_CENTROID_HZ = 1e-12, 20.0  # so that logarithms exist


def brightness(sounds: Sounds) -> np.ndarray:
    """Brightness, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    4.613 log10(share of the power above 2 kHz) + 17.379 log10(spectral centroid above 100 Hz, in Hz) + 17.435

    Pearce, Brookes & Mason 2018, AudioCommons deliverable D5.6; constants of its public release, timbral_models 0.4
    """
    whole = _power(sounds, sounds.band_limited)
    high = _power(sounds, filtered(butterworth("highpass", HIGH_HZ, RATE), sounds.band_limited))
    rest = _power(sounds, filtered(butterworth("highpass", CENTROID_FROM_HZ, RATE), sounds.band_limited))
    share = ratio(high.sum(axis=1), whole.sum(axis=1))
    centroid = ratio(rest @ bin_hz(SIZE, RATE), rest.sum(axis=1))
    score = (
        4.613128018020465 * np.log10(np.maximum(share, LEAST_RATIO))
        + 17.378889309312974 * np.log10(np.maximum(centroid, LEAST_CENTROID_HZ))
        + 17.434733750553022
    )
    return np.where(sounds.silent, 0.0, score)


def _power(sounds: Sounds, x: np.ndarray) -> np.ndarray:
    """Mean power spectra, (sound, bin): shares and centroids that are weighted by power need no more."""
    return mean_spectra(x.T.astype(np.float32), sounds.lengths, SIZE, HOP)
