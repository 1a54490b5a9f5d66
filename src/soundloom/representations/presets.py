"""Representations by name, with sizes that suit a sample rate, as for `--representation mel` on the command line."""

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

FRAME_SECONDS = 0.046  # 1024 samples at 22 050 Hz: resolves partials 43 Hz apart and keeps drum hits sharp

PRESETS: dict[str, Callable[[int, int], Representation]] = {  # (sample rate, n_fft)
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
NAMES = tuple(PRESETS)


def named(name: str, sample_rate: int) -> Representation:
    """Return the representation with a name, sized for a sample rate in Hz.

    Raises:
        ValueError: the name is unknown (the nearest one is named) or "mfcc".
    """
    if name == "mfcc":
        mfcc.refuse()
    if name not in PRESETS:
        raise ValueError(f"no representation {name!r}; {nearest(name, PRESETS)}")
    n_fft = max(512, 2 ** round(math.log2(max(1, sample_rate) * FRAME_SECONDS)))
    return PRESETS[name](sample_rate, n_fft)
