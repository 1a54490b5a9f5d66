"""Where a sound begins after a lead-in of steady noise, as microphones and rooms give it."""

from __future__ import annotations

import numpy as np

FRAME_SECONDS = 0.005
LEAST_SECONDS = 0.15  # a shorter lead-in may belong to the attack
SURE_SECONDS = 0.3  # one that is shorter than this may be a consonant, unless the sound never gets quieter
BELOW_DB = 30.0  # the lead-in ends where the level comes so near to that of the loudest frame
MOST_CHANGE_DB = 3.0  # between the halves of a steady lead-in: a slow attack rises by more
MOST_SPREAD_DB = 12.0  # between the 10 % and 90 % quantiles of its frames
ABOVE_NOISE_DB = 6.0
SILENCE_DB = -200.0


def onset_after_noise(samples: np.ndarray, sample_rate: int, first: int = 0) -> int:
    """The sample where a sound begins: `first`, or later, where steady noise comes before its onset.

    A sound that rises by itself (a swell, a soft attack) is no steady noise and keeps its beginning. So does one whose
    lead-in lasts less than 0.15 s or comes within 30 dB of the loudest frame. A lead-in of less than 0.3 s may be a
    consonant, and counts only if the rest of the sound never gets quieter than it.

    Args:
        samples: (channel, time).
        sample_rate: in Hz.
        first: what comes before is silence.

    Returns:
        At least `first`; at most 10 ms before the onset, so that its attack is whole.
    """
    size = max(1, round(FRAME_SECONDS * sample_rate))
    level = _levels(samples[:, first:], size)
    if not len(level):
        return first
    lead = level[: int(np.argmax(level > level.max() - BELOW_DB))]
    if len(lead) * FRAME_SECONDS < LEAST_SECONDS:
        return first
    low, middle, high = np.quantile(lead, (0.1, 0.5, 0.9))
    halves = np.array_split(lead, 2)
    if high - low > MOST_SPREAD_DB or abs(np.median(halves[1]) - np.median(halves[0])) > MOST_CHANGE_DB:
        return first
    if len(lead) * FRAME_SECONDS < SURE_SECONDS and np.quantile(level[len(lead) :], 0.02) < middle - MOST_CHANGE_DB:
        return first
    under = np.flatnonzero(lead <= np.quantile(lead, 0.95) + ABOVE_NOISE_DB)
    return first + int(under[-1]) * size


def _levels(samples: np.ndarray, size: int) -> np.ndarray:
    """Level of each whole frame in dB, mean of the channels, (frame,)."""
    frames = samples.shape[1] // size
    power = np.zeros(frames)
    for channel in samples:
        framed = channel[: frames * size].reshape(frames, size)
        power += np.einsum("ft,ft->f", framed, framed, dtype=np.float64)
    return 10 * np.log10(np.maximum(power / (size * len(samples)), 10 ** (SILENCE_DB / 10)))
