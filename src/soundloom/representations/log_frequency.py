"""Log-frequency spectrogram: bands spaced evenly over each octave, so that transposing a sound shifts its bands.

Brown 1991, https://doi.org/10.1121/1.400476 (the constant-Q idea; here as triangles over one transform)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from torch import Tensor

from soundloom.representations.bands import Bands, bank_of, triangles
from soundloom.representations.mel_inverse import Inverse
from soundloom.representations.spectral import Logarithmic
from soundloom.representations.stft import magnitude_of


@dataclass(frozen=True)
class LogFrequency(Logarithmic):
    """Log-amplitude in bands at low_hz * 2^(b / per_octave) up to `high_hz`; frequencies outside are lost.

    By default `low_hz` is the lowest frequency at which every band contains a frequency of the transform, and `high_hz`
    is half the sample rate. The weights of a band sum to 1: its amplitude is a mean.

    Raises:
        ValueError: the range contains no band, or some bands are so narrow that they contain no frequency of the
            transform.
    """

    kind: ClassVar[str] = "log-frequency"

    n_fft: int = 2048
    hop: int = 512
    per_octave: int = 12
    low_hz: float | None = None
    high_hz: float | None = None
    inverse: Inverse = "em"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per_octave < 1:
            raise ValueError(f"per_octave is {self.per_octave} but must be at least 1; 12 is a band for each semitone")
        if not 0 < self.bottom_hz < self.top_hz <= self.sample_rate / 2 or self.bands < 1:
            raise ValueError(
                f"bands from {self.bottom_hz:g} to {self.top_hz:g} Hz, {self.per_octave} an octave, do not fit between "
                f"0 and {self.sample_rate / 2:g} Hz, half the sample rate; change low_hz, high_hz or n_fft"
            )
        _ = self.bank  # raises for empty bands

    @property
    def bottom_hz(self) -> float:
        """The centre of the lowest band."""
        if self.low_hz is not None:
            return self.low_hz
        return 1.0001 * self.sample_rate / self.n_fft / (self._step - 1 / self._step)

    @property
    def top_hz(self) -> float:
        """The upper limit of all bands."""
        return self.sample_rate / 2 if self.high_hz is None else self.high_hz

    @property
    def bands(self) -> int:
        """The number of bands that fit."""
        return math.floor(self.per_octave * math.log2(self.top_hz / self.bottom_hz) + 1e-9)

    @property
    def bank(self) -> Bands:
        """The bands as weights over the frequencies of the transform."""
        return _bank(self.sample_rate, self.n_fft, self.bottom_hz, self.bands, self.per_octave)

    @property
    def _step(self) -> float:
        return float(2 ** (1 / self.per_octave))

    def amplitude(self, audio: Tensor) -> Tensor:
        return self.bank.apply(magnitude_of(self.stft.encode(audio)))

    def magnitude(self, amplitude: Tensor) -> Tensor:
        return self.bank.invert(amplitude, self.inverse)


@lru_cache(maxsize=32)
def _bank(sample_rate: int, n_fft: int, bottom_hz: float, bands: int, per_octave: int) -> Bands:
    corners = bottom_hz * 2 ** ((np.arange(bands + 2) - 1) / per_octave)
    weights = triangles(corners, sample_rate, n_fft)
    return bank_of(weights, corners, sample_rate, n_fft, mean=True)
