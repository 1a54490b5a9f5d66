"""Specific loudness of stationary sounds after Zwicker: how loud each part of the critical-band scale is."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import signal

from soundloom.descriptors.filters import filtered, power_after
from soundloom.runtime.compiled import compiled

FULL_SCALE_DB = 100.0  # sound pressure level of a mean square of 1
BANDS = 28  # third-octaves from 25 Hz to 12.5 kHz
MIDDLE_HZ = 1000.0 * 2.0 ** (np.arange(-16, 12) / 3)
UNDECIMATED = 4  # the highest bands, from 6.3 kHz on
STEPS = 240  # of 0.1 Bark

# What the equal-loudness contours take from the eleven lowest third-octave levels (dB), by how high these are.
CONTOUR_RANGES = np.array([45, 55, 65, 71, 80, 90, 100, 120], float)
CONTOUR_LOSS = np.array([
    [-32, -24, -16, -10, -5, 0, -7, -3, 0, -2, 0],
    [-29, -22, -15, -10, -4, 0, -7, -2, 0, -2, 0],
    [-27, -19, -14, -9, -4, 0, -6, -2, 0, -2, 0],
    [-25, -17, -12, -9, -3, 0, -5, -2, 0, -2, 0],
    [-23, -16, -11, -7, -3, 0, -4, -1, 0, -1, 0],
    [-20, -14, -10, -6, -3, 0, -4, -1, 0, -1, 0],
    [-18, -12, -9, -6, -2, 0, -3, -1, 0, -1, 0],
    [-15, -10, -8, -4, -2, 0, -3, -1, 0, -1, 0],
], float)  # fmt: skip
# Of the twenty critical bands: threshold in quiet (dB), loss on the way into the ear (dB), and what third-octaves
# differ from critical bands (dB).
QUIET = np.array([30, 18, 12, 8, 7, 6, 5, 4, *[3] * 12], float)
EAR_LOSS = np.array([*[0] * 10, -0.5, -1.6, -3.2, -5.4, -5.6, -4, -1.5, 2, 5, 12])
THIRD_OCTAVE_SURPLUS = np.array(
    [-0.25, -0.6, -0.8, -0.8, -0.5, 0, 0.5, 1.1, 1.5, 1.7, 1.8, 1.8, 1.7, 1.6, 1.4, 1.2, 0.8, 0.5, 0, -0.5]
)
# Where bands end, in tenths of a Bark; the last one has no loudness of its own.
BAND_ENDS = np.array([9, 18, 28, 35, 44, 54, 66, 79, 92, 106, 123, 138, 152, 167, 181, 193, 206, 218, 227, 236, 240])
# Upper slopes (sone/Bark per Bark), by the specific loudness (sone/Bark) that they begin at and the band.
SLOPE_LEVELS = np.array(
    [21.5, 18, 15.1, 11.5, 9, 6.1, 4.4, 3.1, 2.13, 1.36, 0.82, 0.42, 0.30, 0.22, 0.15, 0.10, 0.035, 0]
)
SLOPES = np.array([
    [13, 8.2, 6.3, 5.5, 5.5, 5.5, 5.5, 5.5],
    [9, 7.5, 6, 5.1, 4.5, 4.5, 4.5, 4.5],
    [7.8, 6.7, 5.6, 4.9, 4.4, 3.9, 3.9, 3.9],
    [6.2, 5.4, 4.6, 4.0, 3.5, 3.2, 3.2, 3.2],
    [4.5, 3.8, 3.6, 3.2, 2.9, 2.7, 2.7, 2.7],
    [3.7, 3.0, 2.8, 2.35, 2.2, 2.2, 2.2, 2.2],
    [2.9, 2.3, 2.1, 1.9, 1.8, 1.7, 1.7, 1.7],
    [2.4, 1.7, 1.5, 1.35, 1.3, 1.3, 1.3, 1.3],
    [1.95, 1.45, 1.3, 1.15, 1.1, 1.1, 1.1, 1.1],
    [1.5, 1.2, 0.94, 0.86, 0.82, 0.82, 0.82, 0.82],
    [0.72, 0.67, 0.64, 0.63, 0.62, 0.62, 0.62, 0.62],
    [0.59, 0.53, 0.51, 0.50, 0.42, 0.42, 0.42, 0.42],
    [0.40, 0.33, 0.26, 0.24, 0.24, 0.22, 0.22, 0.22],
    [0.27, 0.21, 0.20, 0.18, 0.17, 0.17, 0.17, 0.17],
    [0.16, 0.15, 0.14, 0.12, 0.11, 0.11, 0.11, 0.11],
    [0.12, 0.11, 0.10, 0.08, 0.08, 0.08, 0.08, 0.08],
    [0.09, 0.08, 0.07, 0.06, 0.06, 0.06, 0.06, 0.05],
    [0.06, 0.05, 0.03, 0.02, 0.02, 0.02, 0.02, 0.02],
])  # fmt: skip


def specific_loudness(windows: np.ndarray, rate: int) -> np.ndarray:
    """Specific loudness in sone/Bark at 0.1, 0.2, ..., 24 Bark, (..., 240), in a free field.

    Args:
        windows: (..., time); a mean square of 1 is 100 dB.
        rate: Hz, at least 28 200 so that the highest band fits.

    DIN 45631 and ISO 532 B; Zwicker, Fastl, Widmann, Kurakata, Kuwano & Namba 1991, "Program for calculating loudness
    according to DIN 45631 (ISO 532B)", J. Acoust. Soc. Jpn. (E) 12, 1
    """
    flat = windows.reshape(-1, windows.shape[-1])
    loud = np.flatnonzero(flat.any(axis=1))
    specific = np.zeros((len(flat), STEPS))
    if len(loud):
        specific[loud] = _spread(main_loudness(third_octave_levels(flat[loud], rate)))
    return specific.reshape(*windows.shape[:-1], STEPS)


def third_octave_levels(windows: np.ndarray, rate: int) -> np.ndarray:
    """Levels in dB of the 28 third-octaves from 25 Hz to 12.5 kHz, (window, 28); -inf where there is nothing.

    Fourth-order Butterworth bands. Those up to 5 kHz are those of the highest full octave, on every second sample, on
    every fourth and so on.
    """
    x = np.ascontiguousarray(windows.T, np.float64)
    power = np.empty((len(windows), BANDS))
    for band in range(BANDS - UNDECIMATED, BANDS):
        power[:, band] = power_after(_third_octave(MIDDLE_HZ[band], rate), x)
    for top in range(BANDS - UNDECIMATED - 1, 1, -3):
        x = np.ascontiguousarray(filtered(_half_band(), x)[1::2])
        for place in range(3):
            octave = _third_octave(MIDDLE_HZ[BANDS - 2 - place], rate)
            power[:, top - place] = power_after(octave, x)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power) + FULL_SCALE_DB)


@lru_cache
def _third_octave(middle_hz: float, rate: int) -> np.ndarray:
    edges = [middle_hz * 2 ** (-1 / 6), middle_hz * 2 ** (1 / 6)]
    return np.asarray(signal.butter(4, edges, "bandpass", fs=rate, output="sos"))


@lru_cache
def _half_band() -> np.ndarray:
    return np.asarray(signal.cheby1(2, 0.1, 0.4, output="sos"))


def main_loudness(levels: np.ndarray) -> np.ndarray:
    """Loudness that sounds give to their own critical bands, in sone/Bark, (window, 21); the last band has none.

    Args:
        levels: third-octave levels in dB, (window, 28).
    """
    low = levels[:, :11]
    bounds = (CONTOUR_RANGES[:, None] - CONTOUR_LOSS)[:-1]  # (range, band)
    loss = CONTOUR_LOSS[(low[:, None] > bounds).sum(axis=1), np.arange(11)]
    power = 10 ** ((low + loss) / 10)
    merged = np.stack([power[:, :6].sum(axis=1), power[:, 6:9].sum(axis=1), power[:, 9:].sum(axis=1)], axis=1)
    with np.errstate(divide="ignore"):
        level = np.concatenate([10 * np.log10(merged), levels[:, 11:]], axis=1)
    above = level - EAR_LOSS - THIRD_OCTAVE_SURPLUS - QUIET
    part = 0.25
    main = 0.0635 * 10 ** (0.025 * QUIET) * ((1 - part + part * 10 ** (0.1 * above)) ** 0.25 - 1)
    main = np.where(level > QUIET, np.maximum(main, 0.0), 0.0)
    main[:, 0] *= np.minimum(1.0, 0.4 + 0.32 * main[:, 0] ** 0.2)
    return np.concatenate([main, np.zeros((len(main), 1))], axis=1)


@compiled()
def _spread(main: np.ndarray) -> np.ndarray:
    """Main loudness (window, 21) as a pattern (window, 240): upwards from a loud band masking falls off in slopes."""
    pattern = np.zeros((len(main), STEPS))
    for window in range(len(main)):
        level, band, slope = 0.0, 0, 0
        for step in range(STEPS):
            while band < len(BAND_ENDS) - 1 and step + 1 >= BAND_ENDS[band]:
                band += 1
            floor = main[window, band]
            level = max(level, floor)
            pattern[window, step] = level
            left = 0.1  # Bark to go down
            while left > 0 and level > floor:
                slope = 0
                while SLOPE_LEVELS[slope] >= level:
                    slope += 1
                steepness = SLOPES[slope, min(max(band - 1, 0), 7)]
                target = max(SLOPE_LEVELS[slope], floor)
                there = (level - target) / steepness
                if there > left:
                    level -= left * steepness
                    break
                level = target
                left -= there
    return pattern


def bark_weights(low: int, high: int) -> np.ndarray:
    """Weights over 0.1-Bark steps: a bell of standard deviation 10 Bark from `low` to `high`, 0 to 1 within, (240,)."""
    place = np.arange(low, high)
    bell = np.exp(-0.5 * (0.01 * (place - (low + high) / 2)) ** 2)
    weights = np.zeros(STEPS)
    weights[low:high] = (bell - bell.min()) / (bell.max() - bell.min())
    return weights


def bark_level(specific: np.ndarray, low: int, high: int) -> np.ndarray:
    """Specific loudness (..., 240) summed under `bark_weights`, (...)."""
    return np.asarray(specific @ bark_weights(low, high))
