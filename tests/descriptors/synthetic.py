"""Sounds made of sines and noise, of one second at 44.1 kHz, of which it is known which is brighter than which."""

from __future__ import annotations

import numpy as np

RATE = 44100
TIME = np.arange(RATE) / RATE


def decaying(x: np.ndarray, per_second: float = 8.0) -> np.ndarray:
    return x * np.exp(-per_second * TIME)


def sine(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * TIME)


def noise(low_hz: float = 0.0, high_hz: float = RATE / 2, seed: int = 0) -> np.ndarray:
    """White noise between two frequencies."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(RATE))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0.0
    return np.fft.irfft(spectrum, RATE)


def drum(hz: float, noisiness: float) -> np.ndarray:
    """A skin and a bit of rattle."""
    return decaying(sine(hz)) + noisiness * decaying(noise(1000.0, 12000.0), 20.0)


def slow(x: np.ndarray, seconds: float) -> np.ndarray:
    """The same sound, faded in."""
    return x * np.minimum(TIME / seconds, 1.0)


def unit(x: np.ndarray) -> np.ndarray:
    """At a peak of 0.9, in steps of 24 bits, as a file would hold it."""
    return np.round(0.9 * x / np.abs(x).max() * 2**23) / 2**23


SOUNDS = {
    "low sine": unit(decaying(sine(60.0))),
    "middle sine": unit(decaying(sine(400.0))),
    "white noise": unit(decaying(noise())),
    "low noise": unit(decaying(noise(50.0, 500.0))),
    "high noise": unit(decaying(noise(4000.0, 12000.0))),
    "two partials": unit(decaying(sine(1000.0) + sine(1040.0))),
    "kick": unit(drum(55.0, 0.02)),
    "snare": unit(drum(190.0, 0.5)),
    "slow noise": unit(slow(decaying(noise(), 3.0), 0.2)),
}
