"""Hardness: a sudden, wide and bright attack."""

from __future__ import annotations

import numpy as np
from scipy import fft

from soundloom.descriptors.bandwidth import attack_bandwidth
from soundloom.descriptors.envelopes import attacks, longest
from soundloom.descriptors.frames import bin_hz, ratio
from soundloom.descriptors.onset import onset_strength
from soundloom.descriptors.percussion import centred_spectra, percussive_share
from soundloom.descriptors.sounds import RATE, Sounds
from soundloom.descriptors.zwicker import bark_level

LONGEST_ATTACK_SECONDS = 0.1
CENTROID_SECONDS = 0.125  # from the beginning of the attack
CENTROID_FROM_HZ = 20.0
LEAST_CENTROID_HZ = 200.0
SIZE = 8192
LEAST_BANDWIDTH_HZ = 512.0
NARROW_HZ = RATE / 512  # stands for all narrower bands
MIDDLE_BARK_STEPS = (70, 140)
LEAST = 1e-3  # of level, share and strength, so that a logarithm exists


def hardness(sounds: Sounds) -> np.ndarray:
    """Hardness, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    12.080 bandwidth + 18.521 centroid + 14.140 level + 5.568 percussion + 3.935 strength - 4.327 attack - 85.604

    all of them log10: of the bandwidth of the attack in Hz, the spectral centroid of its first 125 ms in Hz, the
    loudness from 7 to 14 Bark, the percussive share, the strength of the onset, and the attack time in seconds.

    Pearce et al. 2018; constants of AudioCommons timbral_models 0.4. A clip is one event here: the reference looks for
    several and takes means over them.
    """
    begins, lengths = attacks(sounds.envelope)
    level = sounds.window_mean(bark_level(sounds.specific_loudness, *MIDDLE_BARK_STEPS), power=1)
    parts = [_of_one(x[:length]) for x, length in zip(sounds.normal, sounds.lengths, strict=True)]
    width, percussion, strength = np.array(parts).T if parts else np.ones((3, 0))
    score = (
        12.079781720638145 * np.log10(np.where(width > LEAST_BANDWIDTH_HZ, width, NARROW_HZ))
        + 18.52100377170042 * np.log10(np.maximum(_centroid(sounds.normal, begins - 1), LEAST_CENTROID_HZ))
        + 14.139883645260355 * np.log10(np.maximum(level, LEAST))
        + 5.567690321917516 * np.log10(np.maximum(percussion, LEAST))
        + 3.9346817690405635 * np.log10(np.maximum(strength, LEAST))
        - 4.326890461087848 * np.log10(longest(lengths, LONGEST_ATTACK_SECONDS, RATE))
        - 85.60352209068202
    )
    return np.where(sounds.silent, 0.0, score)


def _of_one(x: np.ndarray) -> tuple[float, float, float]:
    """Bandwidth of the attack in Hz, percussive share and onset strength of one sound (time,)."""
    if not len(x):
        return 0.0, 0.0, 0.0
    spectra = centred_spectra(x)
    return attack_bandwidth(x, RATE), percussive_share(x, spectra), onset_strength(np.abs(spectra), RATE)


def _centroid(x: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Spectral centroid in Hz, by magnitude, of 125 ms from a sample of each sound on, (sound,)."""
    size = int(CENTROID_SECONDS * RATE)
    padded = np.pad(x, ((0, 0), (0, size)))
    places = np.maximum(begins, 0)[:, None] + np.arange(size)
    magnitude = np.abs(fft.rfft(np.take_along_axis(padded, places, axis=1), SIZE, axis=1))
    hz = bin_hz(SIZE, RATE)
    above = magnitude[:, hz >= CENTROID_FROM_HZ]
    return ratio(above @ hz[hz >= CENTROID_FROM_HZ], above.sum(axis=1))
