"""A reference that is bad on purpose: it shows how large a distance becomes when almost nothing is right."""

from __future__ import annotations

import numpy as np

SMOOTHED_SECONDS = 0.01


def noise_with_envelopes(audio: np.ndarray, sample_rate: int, seed: int = 0) -> np.ndarray:
    """White noise with the amplitude envelope of each of (sound, sample): right over time, wrong in everything else."""
    from scipy.ndimage import uniform_filter1d

    power = uniform_filter1d(np.square(audio.astype(np.float64)), max(1, round(SMOOTHED_SECONDS * sample_rate)), axis=1)
    noise = np.random.default_rng(seed).standard_normal(audio.shape)
    shaped: np.ndarray = (np.sqrt(np.maximum(power, 0)) * noise).astype(np.float32)
    return shaped
