"""Magnitude spectrogram, linear or as a level in decibels. The phase is lost; decoding reconstructs one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import clip_by_clip
from soundloom.representations.phase import BEST, Method, reconstruct_phase
from soundloom.representations.rows import Dropped, drop_row, restore_row
from soundloom.representations.spectral import Logarithmic, Spectral
from soundloom.representations.stft import magnitude_of


@dataclass(frozen=True)
class Magnitude(Spectral):
    """The absolute value of the STFT, linear: a few loud bins hold nearly all of the energy."""

    kind: ClassVar[str] = "magnitude"

    dropped: Dropped = "nothing"
    phase: str = BEST

    def __post_init__(self) -> None:
        super().__post_init__()
        Method.parse(self.phase)

    def encode(self, audio: Tensor) -> Tensor:
        return drop_row(magnitude_of(self.stft.encode(audio)), self.dropped)

    @clip_by_clip
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        return reconstruct_phase(restore_row(x, self.dropped).clamp(min=0), self.stft, self.phase, rng)


@dataclass(frozen=True)
class LogMagnitude(Logarithmic):
    """The level of each bin of the STFT: quiet partials count, and equal differences sound about equally large."""

    kind: ClassVar[str] = "log"

    dropped: Dropped = "nothing"

    def amplitude(self, audio: Tensor) -> Tensor:
        return drop_row(magnitude_of(self.stft.encode(audio)), self.dropped)

    def magnitude(self, amplitude: Tensor) -> Tensor:
        return restore_row(amplitude, self.dropped)
