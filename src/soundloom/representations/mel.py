"""Mel spectrogram: the logarithm of magnitudes summed over bands whose widths follow those of the ear.

Scales: HTK (one logarithm) and Slaney (linear to 1 kHz, then logarithmic). Slaney's norm gives each band the same area.
Stevens, Volkmann & Newman 1937, https://doi.org/10.1121/1.1915893; Slaney 1998, Auditory Toolbox, TR 1998-010
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from soundloom.representations.bands import Bands, bank_of, triangles
from soundloom.representations.mel_inverse import Inverse
from soundloom.representations.spectral import Logarithmic
from soundloom.representations.stft import magnitude_of

Scale = Literal["slaney", "htk"]
Norm = Literal["slaney", "none"]

LINEAR_BELOW_HZ = 1000.0
HZ_PER_LINEAR_MEL = 200 / 3
MELS_AT_1_KHZ = LINEAR_BELOW_HZ / HZ_PER_LINEAR_MEL
LOG_STEP = np.log(6.4) / 27  # Slaney: 27 mels from 1 kHz to 6.4 kHz


@dataclass(frozen=True)
class MelSpectrogram(Logarithmic):
    """Log-amplitude in `bands` mel bands from `low_hz` to `high_hz` (None: half the sample rate).

    `inverse` names the method that recovers magnitudes from bands: see `mel_inverse.py`.

    Raises:
        ValueError: the range is empty or too wide, or some bands are so narrow that they contain no frequency of the
            transform.
    """

    kind: ClassVar[str] = "mel"

    floor_db: float = -80.0
    peak_db: float = 20.0
    bands: int = 128
    scale: Scale = "slaney"
    norm: Norm = "slaney"
    low_hz: float = 0.0
    high_hz: float | None = None
    inverse: Inverse = "em"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bands < 1:
            raise ValueError(f"bands is {self.bands} but must be at least 1; 80 or 128 are usual")
        if not 0 <= self.low_hz < self.top_hz <= self.sample_rate / 2:
            raise ValueError(
                f"bands from {self.low_hz:g} to {self.top_hz:g} Hz do not lie between 0 and {self.sample_rate / 2:g} "
                f"Hz, half the sample rate; change low_hz or high_hz"
            )
        _ = self.bank  # raises for empty bands

    @property
    def top_hz(self) -> float:
        """The upper edge of the highest band."""
        return self.sample_rate / 2 if self.high_hz is None else self.high_hz

    @property
    def bank(self) -> Bands:
        """The bands as weights over the frequencies of the transform."""
        return _bank(
            self.sample_rate, self.n_fft, self.bands, self.scale, self.norm, float(self.low_hz), float(self.top_hz)
        )

    def amplitude(self, audio: Tensor) -> Tensor:
        return self.bank.apply(magnitude_of(self.stft.encode(audio)))

    def magnitude(self, amplitude: Tensor) -> Tensor:
        return self.bank.invert(amplitude, self.inverse)


def mel_from_hz(hz: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Convert Hz to mel."""
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = MELS_AT_1_KHZ + np.log(np.maximum(hz, LINEAR_BELOW_HZ) / LINEAR_BELOW_HZ) / LOG_STEP
    return np.where(hz < LINEAR_BELOW_HZ, hz / HZ_PER_LINEAR_MEL, above)


def hz_from_mel(mel: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Convert mel to Hz."""
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = LINEAR_BELOW_HZ * np.exp(LOG_STEP * (mel - MELS_AT_1_KHZ))
    return np.where(mel < MELS_AT_1_KHZ, mel * HZ_PER_LINEAR_MEL, above)


@lru_cache(maxsize=32)
def _bank(sample_rate: int, n_fft: int, bands: int, scale: Scale, norm: Norm, low_hz: float, high_hz: float) -> Bands:
    low, high = mel_from_hz(np.array([low_hz, high_hz]), scale)
    corners = hz_from_mel(np.linspace(low, high, bands + 2), scale)
    weights = triangles(corners, sample_rate, n_fft)
    if norm == "slaney":
        weights *= (2 / (corners[2:] - corners[:-2]))[:, None]
    return bank_of(weights, corners, sample_rate, n_fft)
