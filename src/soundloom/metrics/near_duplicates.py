"""Near-duplicates: the same recording on both sides of a split, at another gain, polarity or start.

Fingerprints propose candidates; the cross-correlation of the waveforms decides. Takes of one drum and words of one
speaker correlate less than two files cut from one recording do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from soundloom.metrics.clips import Clips, mono
from soundloom.metrics.synthetic_positives import SHIFT_SECONDS

CORRELATION = 0.95  # from here on, one recording: files with shared samples reach 0.96, different words 0.93
CANDIDATES = 4  # nearest training clips that are compared with each sound


def near_duplicates(audio: np.ndarray, training: Clips, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which sounds have their own recording among their nearest training clips, at any gain.

    Args:
        audio: (sound, sample), at the rate of the training clips.
        training: the clips.
        places: (sound, candidate): training clips, nearest first; -1 for none.
    """
    found = np.zeros(len(audio), bool)
    most = round(1.5 * SHIFT_SECONDS * training.sample_rate)
    for row, sound in enumerate(audio):
        near = places[row, :CANDIDATES]
        others = mono(training.audio(near[near >= 0]))
        found[row] = bool((correlation(sound, others, most) >= CORRELATION).any())
    return found


def correlation(sound: np.ndarray, others: np.ndarray, most: int) -> np.ndarray:
    """The largest absolute correlation of a waveform (time,) with each of (other, time), shifted by `most` or less.

    Returns:
        0 to 1, (other,); 0 with silence.
    """
    size = fft.next_fast_len(len(sound) + most, real=True)
    both = fft.irfft(np.conj(fft.rfft(others, size)) * fft.rfft(sound, size), size)
    near = np.abs(np.concatenate([both[:, : most + 1], both[:, -most:]], axis=1)).max(axis=1)
    energy = np.linalg.norm(sound) * np.linalg.norm(others, axis=1)
    return np.asarray(np.where(energy > 0, near / np.maximum(energy, 1e-20), 0.0))
