"""Roughness: partials so close that they beat."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from soundloom.descriptors.peaks import between_bins, standing_out
from soundloom.descriptors.sounds import RATE, Sounds
from soundloom.runtime.compiled import compiled

FRAME_SECONDS = 0.05
SIZE = 4096  # of the transform, samples; frames are filled up with zeros
PAD = 512  # samples of silence before a sound
CONTRAST = 0.01  # of the largest magnitude in the sound
GRAIN = 1024  # entries of a curve for each unit
FURTHEST = 6  # critical distances: what is further apart beats less than 1e-9
LEAST = 0.01  # mean roughness, below which a sound has none


def roughness(sounds: Sounds) -> np.ndarray:
    """Roughness, (sound,): 0 where no partials beat, and for silence; else mostly 20 to 100, as listeners rate it.

    13.988 log10(roughness, mean over frames of 50 ms) + 48.976

    The roughness of a frame is summed over the pairs of its spectral peaks, as the curve of Plomp and Levelt for their
    distance, times a weight for their magnitudes. That weight is the one that the regression was made with: it has the
    larger magnitude of a pair where Vassilakis has the smaller.

    Vassilakis 2007, "SRA: A Web-based Research Tool for Spectral and Roughness Analysis of Sound Signals", SMC;
    Plomp & Levelt 1965, https://doi.org/10.1121/1.1909741; constants of AudioCommons timbral_models 0.4
    """
    mean = np.array([_mean_roughness(x, int(length)) for x, length in zip(sounds.normal, sounds.lengths, strict=True)])
    score = 13.98779569 * np.log10(np.maximum(mean, LEAST)) + 48.97606571545886
    return np.where(mean < LEAST, 0.0, score)


def _mean_roughness(x: np.ndarray, length: int) -> float:
    if not length:
        return 0.0
    size = int(FRAME_SECONDS * RATE)
    padded = np.concatenate([np.zeros(PAD), x[:length]])
    begins = np.floor(np.arange(2 * len(padded) // size) * size / 2).astype(np.int64)
    begins = begins[begins + size <= len(padded)]
    if len(begins):
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[begins] * np.hamming(size + 2)[1:-1]
    else:
        frames = padded[None]
    magnitude = np.abs(fft.rfft(frames.astype(np.float32), SIZE, axis=1))
    count = max(len(frames), 2 * len(padded) // size)
    return float(_sum_over_pairs(magnitude, magnitude.max(), RATE / SIZE, *_curves())) / count


@lru_cache
def _curves() -> tuple[np.ndarray, np.ndarray]:
    """Beating over the distance from 0 to 6, and the weight of a pair over 2 max / (sum) - 1 from 0 to 1."""
    distance = np.arange(FURTHEST * GRAIN + 2) / GRAIN
    share = np.arange(GRAIN + 2) / GRAIN
    return np.exp(-3.51 * distance) - np.exp(-5.75 * distance), 0.5 * (1 + share) ** 3.11


@compiled(reorder=True)
def _sum_over_pairs(
    magnitude: np.ndarray, largest: float, bin_hz: float, beating: np.ndarray, weight: np.ndarray
) -> float:
    """Roughness of all frames (frame, bin) together; the two curves are looked up."""
    total = 0.0
    for frame in range(len(magnitude)):
        places = standing_out(magnitude[frame] / largest, CONTRAST)
        hz, level, strength = np.empty(len(places)), np.empty(len(places)), np.empty(len(places))
        for number in range(len(places)):
            exact, level[number] = between_bins(magnitude[frame], places[number])
            hz[number] = exact * bin_hz
            strength[number] = level[number] ** 0.1
        for one in range(len(places)):
            scale = GRAIN * 0.24 / (0.0207 * hz[one] + 18.96)  # the lower of the two, as places ascend
            for other in range(one + 1, len(places)):
                apart = scale * (hz[other] - hz[one])
                if apart >= GRAIN * FURTHEST:
                    break
                larger = GRAIN * max(level[one], level[other]) * 2.0 / (level[one] + level[other]) - GRAIN
                total += strength[one] * strength[other] * _between(beating, apart) * _between(weight, larger)
    return total


@compiled(reorder=True)
def _between(curve: np.ndarray, place: float) -> float:
    left = int(place)
    return float(curve[left] + (place - left) * (curve[left + 1] - curve[left]))
