"""Depth: low frequencies that last."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.envelopes import STEP, decay_steps, rms_envelope
from soundloom.descriptors.filters import butterworth, filtered
from soundloom.descriptors.frames import bin_hz, power_spectra, ratio
from soundloom.descriptors.peaks import lowest
from soundloom.descriptors.sounds import RATE, Sounds

SIZE, HOP = 4096, 1024
CENTROID_UP_TO_HZ = 2000.0
LOW_HZ = 500.0
NOISE = 1e-3  # power of a frame, in sounds with a peak of 1, below which it is no sound
CONTRAST = 0.01  # of the largest power
LEAST_PITCH_HZ = 10.0


def depth(sounds: Sounds) -> np.ndarray:
    """Depth, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    -0.00437 centroid + 32.837 low + 4.751 duration - 14.217 pitch + 3.878 low duration - 0.854 s(low) duration + 66.695

    with the centroid below 2 kHz in Hz, the share `low` of the power below 500 Hz, log10 of the seconds from the peak
    to 40 dB below, log10 of the lowest spectral peak in Hz, and s(x) = x^10 / (x^10 + 0.2).

    Pearce et al. 2018; constants of AudioCommons timbral_models 0.4. A clip is one event here: the reference looks for
    several and takes the mean of their durations.
    """
    peak = np.abs(sounds.band_limited).max(axis=0)
    x = sounds.band_limited / np.where(peak > 0, peak, 1.0)
    spectra = _spectra(sounds, x)
    power = [each.sum(axis=1, dtype=np.float64) for each in spectra]
    hz = bin_hz(SIZE, RATE)
    deep = _spectra(sounds, filtered(butterworth("lowpass", CENTROID_UP_TO_HZ, RATE), x))
    bass = _spectra(sounds, filtered(butterworth("lowpass", LOW_HZ, RATE), x))
    centroid = _weighted([ratio(each @ hz, each.sum(axis=1)) for each in deep], power)
    low = _weighted([ratio(each.sum(axis=1), all_of_it) for each, all_of_it in zip(bass, power, strict=True)], power)
    steps = decay_steps(rms_envelope(x.T, sounds.lengths), sounds.lengths)
    duration = np.log10(np.maximum(steps, 1) * STEP / RATE)
    pitch = np.log10(np.maximum(_lowest_hz(spectra), LEAST_PITCH_HZ))
    score = (
        -0.0043703565847874465 * np.minimum(centroid, CENTROID_UP_TO_HZ)
        + 32.83743202462131 * low
        + 4.750862716905235 * duration
        - 14.217438690256062 * pitch
        + 3.8782339862813924 * low * duration
        - 0.8544826091735516 * low**10 / (low**10 + 0.2) * duration
        + 66.69534393444391
    )
    return np.where(sounds.silent, 0.0, score)


def _spectra(sounds: Sounds, x: np.ndarray) -> list[np.ndarray]:
    return power_spectra(x.T.astype(np.float32), sounds.lengths, SIZE, HOP)


def _weighted(values: list[np.ndarray], power: list[np.ndarray]) -> np.ndarray:
    """Mean over the frames of each sound by their power, (sound,); noise counts as 0."""
    return np.array([
        np.where(weights > NOISE, each, 0.0) @ weights / max(weights.sum(), NOISE)
        for each, weights in zip(values, power, strict=True)
    ])  # fmt: skip


def _lowest_hz(spectra: list[np.ndarray]) -> np.ndarray:
    """Frequency of the lowest peak of each sound's spectrum."""
    places = []
    for each in spectra:
        level = each.sum(axis=0, dtype=np.float64)
        level -= level.min()
        places.append(lowest(level / max(level.max(), 1e-30), CONTRAST)[1])
    return np.array(places) * RATE / SIZE
