"""Loudness of whole sounds as ITU-R BS.1770-4 has it, of many at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from soundloom.descriptors.filters import filtered

BLOCK_SECONDS = 0.4
STEP_SECONDS = 0.1
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET = -0.691  # so that a sine of 997 Hz at full scale in one channel has -3.01 LUFS


@lru_cache
def k_weighting(rate: int) -> np.ndarray:
    """The head's shelf and the high-pass of the standard, as sections (2, 6) at a rate in Hz."""
    import pyloudnorm

    parts = pyloudnorm.Meter(rate)._filters.values()
    return np.array([np.concatenate([part.b, part.a]) / part.a[0] for part in parts])


def loudness(x: np.ndarray, lengths: np.ndarray, rate: int) -> np.ndarray:
    """Integrated loudness in LUFS, (sound,); -inf where no block passes the absolute gate.

    Args:
        x: (sound, time), zeros after the end of each.
        lengths: samples of each sound; one under 0.4 s is measured with silence after it.
        rate: in Hz.

    ITU-R BS.1770-4, https://www.itu.int/rec/R-REC-BS.1770
    """
    block, step = round(BLOCK_SECONDS * rate), round(STEP_SECONDS * rate)
    y = filtered(k_weighting(rate), np.ascontiguousarray(x.T, np.float64))
    y = np.pad(y, ((1, step + max(0, block - len(y))), (0, 0)))
    so_far = np.cumsum(y * y, axis=0)
    begins = np.arange(0, len(so_far) - block, step)
    power = (so_far[begins + block] - so_far[begins]).T / block  # (sound, block)
    there = begins + block <= np.maximum(lengths, block)[:, None] + step // 2
    with np.errstate(divide="ignore"):
        level = OFFSET + 10 * np.log10(np.maximum(power, 0.0))
        counted = there & (level > ABSOLUTE_GATE_LUFS)
        gate = OFFSET + 10 * np.log10(_mean(power, counted)) + RELATIVE_GATE_LU
        return np.asarray(OFFSET + 10 * np.log10(_mean(power, counted & (level > gate[:, None]))))


def _mean(power: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return np.asarray((power * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1))
