"""Bandwidth of an attack: how wide the spectrum becomes while a sound begins."""

from __future__ import annotations

import numpy as np
from scipy import fft

from soundloom.runtime.compiled import compiled

SIZE, HOP = 4096, 256
LOWEST_SHARE = 0.05  # of the magnitude lies below the lower end
THRESHOLD_DB = -75.0  # magnitude at the upper end, as a density
QUIET_SHARE = 0.1  # of the range of levels: frames below count as silent
BEGIN_SHARE, ATTACK_SECONDS = 0.2, 0.1


def attack_bandwidth(x: np.ndarray, rate: int) -> float:
    """The widest band in Hz in the first 0.1 s of the attack of a sound (time,); 0 where there is none.

    The attack begins where the rise to the widest frame has come a fifth of its way.
    """
    width = bandwidths(x, rate)
    peak = int(width.argmax())
    if peak == 0 or width[peak] <= 0:
        return 0.0
    base = peak - 1 - int(width[:peak][::-1].argmin())
    rise = width[base : peak + 1]
    begin = base + int((rise >= rise.min() + BEGIN_SHARE * np.ptp(rise)).argmax())
    return float(width[begin : begin + int(ATTACK_SECONDS * rate / HOP)].max())


def bandwidths(x: np.ndarray, rate: int) -> np.ndarray:
    """Bandwidth in Hz of each frame of one sound (time,), silence before it included; 0 for quiet frames."""
    padded = np.concatenate([np.zeros(SIZE, np.float32), x.astype(np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    magnitude = np.abs(fft.rfft(frames, axis=1))
    magnitude[:, 0] = 0.0  # a frame's mean is no part of its band
    return _widths(magnitude, 10 ** (THRESHOLD_DB / 20) * np.sqrt(rate * SIZE)) * rate / SIZE


@compiled(reorder=True)
def _widths(magnitude: np.ndarray, threshold: float) -> np.ndarray:
    """Bins between where 5 % of the magnitude lie and the last bin above a threshold, of each frame."""
    frames, bins = magnitude.shape
    total = np.zeros(frames)
    for frame in range(frames):
        total[frame] = magnitude[frame].sum()
    least = total.min() + QUIET_SHARE * (total.max() - total.min())
    widths = np.zeros(frames)
    for frame in range(frames):
        if total[frame] <= least:
            continue
        low, below = 0, magnitude[frame, 0]
        while below < LOWEST_SHARE * total[frame] and low < bins - 1:
            low += 1
            below += magnitude[frame, low]
        high = bins - 1
        while high >= 0 and magnitude[frame, high] < threshold:
            high -= 1
        if high >= 0:
            widths[frame] = high - low
    return widths
