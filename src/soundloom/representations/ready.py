"""Representations by name, with sizes that suit a sample rate: for a command line, where nobody wants ten settings."""

from __future__ import annotations

import math
from collections.abc import Callable

from soundloom.representations import mfcc
from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.instantaneous_frequency import InstantaneousFrequency
from soundloom.representations.log_frequency import LogFrequency
from soundloom.representations.magnitude import LogMagnitude, Magnitude
from soundloom.representations.mel import MelSpectrogram
from soundloom.representations.mulaw import MuLaw
from soundloom.representations.pcm import PCM
from soundloom.representations.protocol import Representation
from soundloom.runtime.settings import nearest

FRAME_SECONDS = 0.046  # 1024 samples at 22 050 Hz: partials 43 Hz apart are told apart, hits stay sharp

READY: dict[str, Callable[[int, int], Representation]] = {  # (sample rate, n_fft)
    "pcm": lambda rate, _: PCM(rate),
    "mulaw": lambda rate, _: MuLaw(rate),
    "magnitude": lambda rate, n_fft: Magnitude(rate, n_fft, n_fft // 4),
    "log": lambda rate, n_fft: LogMagnitude(rate, n_fft, n_fft // 4),
    "log-frequency": lambda rate, n_fft: LogFrequency(rate, 2 * n_fft, n_fft // 2, per_octave=24),
    "mel": lambda rate, n_fft: MelSpectrogram(rate, n_fft, n_fft // 4, bands=128),
    "mel-htk": lambda rate, n_fft: MelSpectrogram(rate, n_fft, n_fft // 4, bands=80, scale="htk", norm="none"),
    "complex": lambda rate, n_fft: ComplexSpectrum(rate, n_fft, n_fft // 4),
    "if": lambda rate, n_fft: InstantaneousFrequency(rate, n_fft, n_fft // 4),
}
NAMES = tuple(READY)


def named(name: str, sample_rate: int) -> Representation:
    """The representation of that name, sized for a sample rate in Hz.

    Raises:
        ValueError: no such name (the nearest is given), or "mfcc".
    """
    if name == "mfcc":
        mfcc.refuse()
    if name not in READY:
        raise ValueError(f"no representation {name!r}; {nearest(name, READY)}")
    n_fft = max(512, 2 ** round(math.log2(max(1, sample_rate) * FRAME_SECONDS)))
    return READY[name](sample_rate, n_fft)
