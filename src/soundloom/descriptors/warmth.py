"""Warmth: loudness between 1 and 4 Bark over little treble that falls off evenly."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.frames import bin_hz, mean_spectra, ratio
from soundloom.descriptors.peaks import lowest
from soundloom.descriptors.sounds import RATE, Sounds
from soundloom.descriptors.zwicker import bark_level

SIZE, HOP = 8192, 7168
WINDOW = ("tukey", 0.25)
WARM_BARK_STEPS = (10, 40)
HIGH_BARK_STEPS = (80, 240)
CONTRAST = 0.2  # of the largest power
WARM_PARTIALS = 3.5  # times the fundamental ends the warm region
WARM_UP_TO_HZ = 12000.0
LOW_HZ = 260.0
LEAST_POWER = 1e-20  # of the largest, so that a logarithm exists


def warmth(sounds: Sounds) -> np.ndarray:
    """Warmth, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    -4.464 log10(spectral centroid in Hz) - 0.0882 high + 0.2916 warm + 17.275 fit + 8.403 low + 45.212

    with the loudness above 8 Bark (mean over windows by level), that from 1 to 4 Bark (mean over windows), how well a
    line fits the spectrum above the warm region (R^2 of log power over log frequency), and the share of the power
    from the fundamental to 260 Hz.

    Pearce et al. 2018; constants of AudioCommons timbral_models 0.4. Two things differ: a clip is one event, and the
    line ends where the clip's own rate does, since above it there is nothing but rounding.
    """
    warm = sounds.window_mean(bark_level(sounds.specific_loudness, *WARM_BARK_STEPS))
    high = sounds.window_mean(bark_level(sounds.specific_loudness, *HIGH_BARK_STEPS), power=1)
    spectra = mean_spectra(sounds.normal, sounds.lengths, SIZE, HOP, WINDOW)
    hz = bin_hz(SIZE, RATE)
    top = spectra.max(axis=1, keepdims=True)
    spectra = spectra / np.where(top > 0, top, 1.0)
    centroid = ratio(spectra @ hz, spectra.sum(axis=1))
    fundamentals = [lowest(row, CONTRAST) for row in spectra]
    places = np.array([place for place, _ in fundamentals])
    fundamental = np.array([exact for _, exact in fundamentals]) * hz[1]
    inside = (np.arange(len(hz)) >= places[:, None]) & (hz <= LOW_HZ) & (fundamental < LOW_HZ)[:, None]
    low = ratio((spectra * inside).sum(axis=1), spectra.sum(axis=1))
    begin = np.minimum(WARM_PARTIALS * fundamental, WARM_UP_TO_HZ)
    fit = _straightness(spectra, hz, (hz > begin[:, None]) & (hz <= sounds.top_hz) & (hz > 0))
    score = (
        -4.464258317026696 * np.log10(np.maximum(centroid, hz[1]))
        - 0.08819320850778556 * high
        + 0.29156539973575546 * warm
        + 17.274733561081554 * fit
        + 8.403340066029507 * low
        + 45.21212125085579
    )
    return np.where(sounds.silent, 0.0, score)


def _straightness(spectra: np.ndarray, hz: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """R^2 of a line through log power over log frequency, (sound,); 0 with fewer than three bins or no slope."""
    x = np.log10(np.maximum(hz, 1.0)) * np.ones_like(spectra)
    y = np.log10(np.maximum(spectra, LEAST_POWER))
    count = np.maximum(counted.sum(axis=1, keepdims=True), 1)
    x = (x - (x * counted).sum(axis=1, keepdims=True) / count) * counted
    y = (y - (y * counted).sum(axis=1, keepdims=True) / count) * counted
    return ratio((x * y).sum(axis=1) ** 2, (x * x).sum(axis=1) * (y * y).sum(axis=1))
