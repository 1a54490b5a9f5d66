"""Sounds made ready to be described: one rate, no silence around, one loudness; what several descriptors need, once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import soxr

from soundloom.descriptors import zwicker
from soundloom.descriptors.bs1770 import ABSOLUTE_GATE_LUFS, loudness
from soundloom.descriptors.envelopes import sample_and_hold
from soundloom.descriptors.filters import butterworth, filtered

RATE = 44100  # Hz, at which everything is measured: the rate that the regressions were made for
TARGET_LUFS = -24.0
SILENCE_DB = -60.0  # below the peak is silence before or after a sound
QUIETEST_PEAK = 1e-9  # below is silence: -180 dB
LOUDNESS_WINDOW = 4096  # samples
ROOM = 8192  # least samples of an array, so that every window fits


class Sounds:
    """Some sounds, each from its first sample that is not silence, zeros after its end.

    Args:
        audio: (sound, time), see `checked`.
        rate: Hz.
    """

    def __init__(self, audio: np.ndarray, rate: int) -> None:
        self.source_rate = rate
        self.peaks = np.abs(audio).max(axis=1, initial=0.0).astype(np.float64)
        scale = np.where(self.peaks > QUIETEST_PEAK, 1.0 / np.maximum(self.peaks, QUIETEST_PEAK), 0.0)
        self.unit, self.lengths = _aligned(_resampled(audio * scale[:, None], rate))

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def top_hz(self) -> float:
        """Above lies nothing of the sounds themselves: where their own rate ends, and resampling fades."""
        return RATE / 2 if self.source_rate >= RATE else 0.45 * self.source_rate

    @cached_property
    def silent(self) -> np.ndarray:
        """Which sounds are silence throughout, bool (sound,)."""
        return np.asarray(self.lengths == 0)

    @cached_property
    def unit_lufs(self) -> np.ndarray:
        """Loudness of the sounds as they are in `unit`, at a peak of 1; -70 LUFS, the standard's gate, at least."""
        return np.asarray(np.maximum(loudness(self.unit, self.lengths, RATE), ABSOLUTE_GATE_LUFS))

    @cached_property
    def normal(self) -> np.ndarray:
        """The sounds at -24 LUFS, or at a peak of 1 where that would exceed it, (sound, time)."""
        peak = np.abs(self.unit).max(axis=1)
        most = 1.0 / np.where(peak > 0, peak, 1.0)
        gain = np.minimum(10 ** ((TARGET_LUFS - self.unit_lufs) / 20), most)
        return np.asarray(self.unit * gain[:, None])

    @cached_property
    def band_limited(self) -> np.ndarray:
        """`normal` without what lies below 20 Hz, (time, sound)."""
        return filtered(butterworth("highpass", 20.0, RATE), np.ascontiguousarray(self.normal.T))

    @cached_property
    def windows(self) -> np.ndarray:
        """How many windows of 4096 samples each sound fills; the last one is filled up with silence, (sound,)."""
        return self.lengths // LOUDNESS_WINDOW + 1

    @cached_property
    def window_power(self) -> np.ndarray:
        """Mean square of each window, (sound, window); 0 after a sound's end."""
        return np.asarray((self._in_windows**2).mean(axis=2))

    @cached_property
    def specific_loudness(self) -> np.ndarray:
        """In sone/Bark at 0.1, 0.2, ..., 24 Bark, of each window, (sound, window, 240); 0 after a sound's end."""
        return zwicker.specific_loudness(self._in_windows, RATE)

    @cached_property
    def _in_windows(self) -> np.ndarray:
        count = int(self.windows.max(initial=1))
        missing = max(0, count * LOUDNESS_WINDOW - self.normal.shape[1])
        padded = np.pad(self.normal, ((0, 0), (0, missing)))[:, : count * LOUDNESS_WINDOW]
        return padded.reshape(len(self), count, LOUDNESS_WINDOW)

    def window_mean(self, values: np.ndarray, power: float = 0.0) -> np.ndarray:
        """Mean over each sound's windows, weighted by their root mean square to a power; 0 for silence.

        Args:
            values: (sound, window).
            power: 0 weighs all alike, 2 by energy.
        """
        there = np.arange(values.shape[1]) < self.windows[:, None]
        weights = there * self.window_power ** (power / 2) if power else there.astype(np.float64)
        total = weights.sum(axis=1)
        return np.asarray((weights * values).sum(axis=1) / np.where(total > 0, total, 1.0))

    @cached_property
    def envelope(self) -> np.ndarray:
        """Sample-and-hold envelope of `normal`, (sound, 1 + time): it begins with one sample of silence."""
        return sample_and_hold(np.pad(self.normal, ((0, 0), (1, 0))), RATE)


def checked(audio: np.ndarray, rate: int) -> np.ndarray:
    """Sounds that can be described, (sound, time).

    Raises:
        ValueError: not two axes, a rate below 1 Hz, or samples that are NaN or infinite.
    """
    audio = np.asarray(audio)
    if audio.ndim != 2:
        raise ValueError(f"sounds have shape {audio.shape} but are described as (sound, time); add or take an axis")
    if rate < 1:
        raise ValueError(f"a rate of {rate} Hz; sounds have at least 1 sample per second")
    broken = int((~np.isfinite(audio).all(axis=1)).sum())
    if broken:
        raise ValueError(f"{broken} of {len(audio)} sounds hold NaN or infinity; leave them out")
    return audio


def _resampled(audio: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE or not audio.size:
        return audio
    return np.ascontiguousarray(soxr.resample(np.ascontiguousarray(audio.T), rate, RATE, quality="HQ").T)


def _aligned(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each sound moved to the left by the silence before it, and its length without that after it."""
    loud = np.abs(audio) > 10 ** (SILENCE_DB / 20) * np.abs(audio).max(axis=1, keepdims=True, initial=0.0)
    sounding = loud.any(axis=1)
    first = np.where(sounding, loud.argmax(axis=1), 0) if audio.shape[1] else np.zeros(len(audio), np.int64)
    last = np.where(sounding, audio.shape[1] - loud[:, ::-1].argmax(axis=1), 0) if audio.shape[1] else first
    lengths = (last - first).astype(np.int64)
    aligned = np.zeros((len(audio), max(ROOM, int(lengths.max(initial=0)))))
    for row, (begin, length) in enumerate(zip(first, lengths, strict=True)):
        aligned[row, :length] = audio[row, begin : begin + length]
    return aligned, lengths
