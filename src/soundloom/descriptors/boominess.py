"""Boominess: low loudness that outweighs the rest."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.frames import ratio
from soundloom.descriptors.sounds import Sounds
from soundloom.descriptors.zwicker import STEPS, bark_level

LOW_HZ = 280.0
LOW_BARK_STEPS = 70
LEAST = 1e-2  # of index and level, so that a logarithm exists
FIRST_WEIGHTS = (0.8, 1.05, 1.10, 1.18)  # the weighting rolls off again below 45 Hz


def boominess(sounds: Sounds) -> np.ndarray:
    """Boominess, (sound,): mostly 0 to 100, as listeners rate it; 0 for silence.

    43.674 log10(booming index, mean over windows by energy) - 10.901 log10(loudness of the lowest 7 Bark) + 26.837

    Hatano & Hashimoto 2000, "Booming index as a measure for evaluating booming sensation", Inter-Noise; Shin, Ih,
    Hashimoto & Hatano 2009, Applied Acoustics 70; constants of AudioCommons timbral_models 0.4 (Pearce et al. 2018)
    """
    index = sounds.window_mean(booming_index(sounds.specific_loudness), power=2)
    level = sounds.window_mean(bark_level(sounds.specific_loudness, 0, LOW_BARK_STEPS))
    score = (
        43.67402696195865 * np.log10(np.maximum(index, LEAST))
        - 10.90054738389845 * np.log10(np.maximum(level, LEAST))
        + 26.836530575185435
    )
    return np.where(sounds.silent, 0.0, score)


def booming_index(specific: np.ndarray) -> np.ndarray:
    """Weighted sum of loudness in decibels, times the share of what lies below 280 Hz, (...).

    Args:
        specific: specific loudness in sone/Bark, (..., 240).
    """
    hz = 600.0 * np.sinh(0.1 * np.arange(1, STEPS + 1) / 6.0)
    third_octave = np.log10(hz / 25.0) / np.log10(31.5 / 25.0) + 1
    weights = 2.13 * np.exp(-0.151 * third_octave)
    weights[: len(FIRST_WEIGHTS)] = FIRST_WEIGHTS
    low = specific[..., : int((hz >= LOW_HZ).argmax())].sum(axis=-1)
    total = 10 * np.log10((10 ** (specific * weights / 10)).sum(axis=-1))
    return np.asarray(total * ratio(low, specific.sum(axis=-1)))
