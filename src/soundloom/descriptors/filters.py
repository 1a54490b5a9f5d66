"""Recursive filters over many sounds at once: time runs outside, sounds run in vector registers."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import signal

from soundloom.runtime.compiled import compiled


@lru_cache
def butterworth(kind: Literal["highpass", "lowpass"], cutoff_hz: float, rate: int, times: int = 3) -> np.ndarray:
    """Second-order Butterworth sections, the same one `times` in a row, (section, 6) as scipy orders them.

    Three of them fall by 36 dB per octave and are 9 dB down at the cut-off.
    """
    return np.repeat(signal.butter(2, cutoff_hz, kind, fs=rate, output="sos"), times, axis=0)


@compiled(reorder=True)
def _pass(sections: np.ndarray, first: np.ndarray, second: np.ndarray, out: np.ndarray) -> None:
    """One sample of each sound, (sound,), through all sections in place; `first` and `second` hold the delays."""
    for section in range(len(sections)):
        b0, b1, b2 = sections[section, 0], sections[section, 1], sections[section, 2]
        a1, a2 = sections[section, 4], sections[section, 5]
        z1, z2 = first[section], second[section]
        for sound in range(len(out)):
            came = out[sound]
            went = b0 * came + z1[sound]
            z1[sound] = b1 * came - a1 * went + z2[sound]
            z2[sound] = b2 * came - a2 * went
            out[sound] = went


@compiled(reorder=True)
def filtered(sections: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A cascade of second-order sections, from rest, in transposed direct form II.

    Args:
        sections: (section, 6): b0, b1, b2, 1, a1, a2.
        x: float64 (time, sound).

    Returns:
        (time, sound).
    """
    times, sounds = x.shape
    y = np.empty_like(x)
    first = np.zeros((len(sections), sounds))
    second = np.zeros((len(sections), sounds))
    for time in range(times):
        out = y[time]
        out[:] = x[time]
        _pass(sections, first, second, out)
    return y


@compiled(reorder=True)
def power_after(sections: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mean square of what `filtered` gives, (sound,), without keeping it."""
    times, sounds = x.shape
    total = np.zeros(sounds)
    out = np.empty(sounds)
    first = np.zeros((len(sections), sounds))
    second = np.zeros((len(sections), sounds))
    for time in range(times):
        out[:] = x[time]
        _pass(sections, first, second, out)
        for sound in range(sounds):
            total[sound] += out[sound] * out[sound]
    total /= times
    return total
