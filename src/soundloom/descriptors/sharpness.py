"""Sharpness: where on the critical-band scale the loudness lies, high bands counting most."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.frames import ratio
from soundloom.descriptors.sounds import Sounds
from soundloom.descriptors.zwicker import STEPS

LEAST_ACUM = 1e-2  # so that a logarithm exists


def sharpness(sounds: Sounds) -> np.ndarray:
    """Sharpness, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    102.505 log10(sharpness in acum, mean over windows by energy) + 34.433

    Constants of AudioCommons timbral_models 0.4 (Pearce et al. 2018)
    """
    mean = sounds.window_mean(acum(sounds.specific_loudness), power=2)
    score = 102.50508921364404 * np.log10(np.maximum(mean, LEAST_ACUM)) + 34.432655185001735
    return np.where(sounds.silent, 0.0, score)


def acum(specific: np.ndarray) -> np.ndarray:
    """Sharpness in acum, (...): 1 for a critical band of noise at 1 kHz and 60 dB, to within the fit; 0 for silence.

    Args:
        specific: specific loudness in sone/Bark, (..., 240).

    Fastl & Zwicker, Psychoacoustics: Facts and Models, chapter 9
    """
    bark = 0.1 * np.arange(1, STEPS + 1)
    rising = 0.00012 * bark**4 - 0.0056 * bark**3 + 0.1 * bark**2 - 0.81 * bark + 3.5
    weights = np.where(bark > 14.05, rising, 1.0)
    return 0.11 * ratio(specific @ (weights * bark), specific.sum(axis=-1))
