"""Short sounds of many kinds, made on the spot, and ways to spoil them."""

from __future__ import annotations

import numpy as np
import scipy.signal

RATE = 22050
SAMPLES = RATE // 2


def sounds(count: int, seed: int = 0, samples: int = SAMPLES) -> np.ndarray:
    """Harmonic tones, struck noises and sweeps in turn (sound, sample), each of its own pitch, decay and brightness."""
    rng = np.random.default_rng(seed)
    return np.stack([_sound(number % 3, rng, samples) for number in range(count)])


def _sound(kind: int, rng: np.random.Generator, samples: int) -> np.ndarray:
    moment = np.arange(samples) / RATE
    hz = 110 * 2 ** rng.uniform(0, 3)
    if kind == 0:
        numbers = np.arange(1, int(10000 / hz))[:, None]
        wave = (np.sin(2 * np.pi * hz * numbers * moment) / numbers ** rng.uniform(0.6, 1.5)).sum(axis=0)
    elif kind == 1:
        low = rng.uniform(0.0, 0.9)
        wave = scipy.signal.lfilter([1 - low], [1, -low], rng.standard_normal(samples))
    else:
        wave = np.sign(np.sin(2 * np.pi * hz * moment * (1 + rng.uniform(1, 6) * moment)))
    wave = wave / np.abs(wave).max() * np.exp(-rng.uniform(1, 12) * moment)
    return (0.3 * wave + 1e-4 * rng.standard_normal(samples)).astype(np.float32)


def noisy(audio: np.ndarray, decibels: float, seed: int = 7) -> np.ndarray:
    """White noise added, so many decibels against each sound."""
    noise = np.random.default_rng(seed).standard_normal(audio.shape)
    levels = np.linalg.norm(audio, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (audio + 10 ** (decibels / 20) * levels * noise).astype(np.float32)


def dull(audio: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """Without what lies over a frequency: 48 dB an octave."""
    filtered = scipy.signal.sosfilt(scipy.signal.butter(8, cutoff_hz, fs=RATE, output="sos"), audio, axis=1)
    return np.asarray(filtered, np.float32)
