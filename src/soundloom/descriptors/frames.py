"""Spectra of the frames of many sounds, each of its own length."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

LEAST_WINDOW = 64  # samples


def power_spectra(
    x: np.ndarray, lengths: np.ndarray, size: int, hop: int, window: str | tuple[str, float] = "hamming"
) -> list[np.ndarray]:
    """One-sided power of the frames of each sound, (frame, bin): a sine of amplitude 1 has 1/2 at its bin.

    Frames lie within a sound; what is left at its end is left out. A sound that is shorter than a frame has one, under
    a window of its own length, and silence has one. Each frame's mean is taken away first.

    Args:
        x: (sound, time), at least `size` long; in single precision it takes half the time.
        lengths: samples of each sound.
        size: of a frame, samples.
        hop: samples from frame to frame.
        window: as scipy names it.
    """
    whole = signal.get_window(window, size)
    spectra = []
    for sound, length in zip(x, lengths.tolist(), strict=True):
        width = min(size, max(length, LEAST_WINDOW))
        shape = whole if width == size else signal.get_window(window, width)
        inside = sound[: max(length, width)]
        frames = np.lib.stride_tricks.sliding_window_view(inside, width)[::hop]
        frames = (frames - frames.mean(axis=1, keepdims=True)) * (shape / shape.sum()).astype(x.dtype)
        spectrum = fft.rfft(frames, size, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        power[:, 1:-1] *= 2.0
        spectra.append(power)
    return spectra


def mean_spectra(
    x: np.ndarray, lengths: np.ndarray, size: int, hop: int, window: str | tuple[str, float] = "hamming"
) -> np.ndarray:
    """`power_spectra`, mean over the frames of each sound, float64 (sound, bin)."""
    return np.array([power.mean(axis=0, dtype=np.float64) for power in power_spectra(x, lengths, size, hop, window)])


def bin_hz(size: int, rate: int) -> np.ndarray:
    """Frequencies in Hz of the bins of frames of a size."""
    return np.asarray(fft.rfftfreq(size, 1 / rate))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Element by element; 0 where there is nothing."""
    return np.asarray(part / np.where(whole > 0, whole, 1.0))
