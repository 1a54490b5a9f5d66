"""Base classes of representations that consist of STFT frames: sizes, and the logarithmic scale."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import torch
from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import clip_by_clip
from soundloom.representations.phase import BEST, Method, reconstruct_phase
from soundloom.representations.protocol import Untrained
from soundloom.representations.stft import STFT, at_least_single

Output = Literal["unit", "decibels", "ln"]
DECIBELS_PER_NEPER = 20 / math.log(10)


@dataclass(frozen=True)
class Spectral(Untrained):
    """A representation made of frames: (batch, channel, time) to (batch, channel, frequency, frame) and back."""

    kind: ClassVar[str]

    sample_rate: int
    n_fft: int = 1024
    hop: int = 256

    def __post_init__(self) -> None:
        STFT(self.sample_rate, self.n_fft, self.hop)  # raises for sizes without an inverse

    @property
    def stft(self) -> STFT:
        """The transform that the frames come from."""
        return STFT(self.sample_rate, self.n_fft, self.hop)

    def length(self, samples: int) -> int:
        """Number of frames of a clip of `samples` samples."""
        return self.stft.length(samples)

    def samples(self, frames: int) -> int:
        """Length of the longest clip with `frames` frames; `decode` returns clips of this length."""
        return self.stft.samples(frames)

    @abstractmethod
    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time) to (batch, channel, frequency, frame)."""

    @abstractmethod
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Back to audio (batch, channel, time), `samples(frames)` long."""


@dataclass(frozen=True)
class Levelled(Spectral):
    """A representation with levels on a logarithmic scale, the same scale for every clip.

    Attributes:
        floor_db: level below which amplitudes count as silence and are decoded to silence, 20 log10 of the amplitude.
        peak_db: level of the loudest amplitude to expect; louder ones are not clipped.
        output: unit of the encoded levels: "unit" maps the floor to 0 and the peak to 1; "decibels" or "ln" (natural
            logarithm of the amplitude).
    """

    floor_db: float = -60.0
    peak_db: float = 40.0
    output: Output = "unit"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.floor_db < self.peak_db:
            raise ValueError(
                f"floor_db is {self.floor_db:g} but must be below peak_db, {self.peak_db:g}; 80 below is usual"
            )

    @abstractmethod
    def amplitude(self, audio: Tensor) -> Tensor:
        """The linear amplitudes whose logarithm is encoded, (batch, channel, frequency, frame)."""

    def to_level(self, amplitude: Tensor) -> Tensor:
        """Convert linear amplitudes, at least 0, any shape, to encoded levels. The gradient is 0 below the floor."""
        floor = 10 ** (self.floor_db / 20)
        clamped = 20 * torch.log10(amplitude.clamp(min=floor))
        decibels = torch.where(amplitude > floor, clamped, torch.full_like(clamped, self.floor_db))
        if self.output == "unit":
            return (decibels - self.floor_db) / (self.peak_db - self.floor_db)
        return decibels if self.output == "decibels" else decibels / DECIBELS_PER_NEPER

    def from_level(self, level: Tensor) -> Tensor:
        """Convert encoded levels, any shape, to linear amplitudes. Levels at the floor or below become 0, silence."""
        level = at_least_single(level)
        if self.output == "unit":
            decibels, floor = self.floor_db + level * (self.peak_db - self.floor_db), self.floor_db
        elif self.output == "decibels":
            decibels, floor = level, self.floor_db
        else:
            decibels, floor = level * DECIBELS_PER_NEPER, self.floor_db
        return torch.where(decibels > floor + 1e-4, 10 ** (decibels / 20), torch.zeros_like(decibels))

    def fitted(self, batches: Iterable[Tensor]) -> Self:
        """The same representation with its peak at the loudest amplitude of a training set, its range kept.

        Args:
            batches: audio (batch, channel, time), each clip once. Nothing but silence changes nothing.
        """
        loudest = max((float(self.amplitude(audio).max()) for audio in batches if audio.numel()), default=0.0)
        if loudest <= 0:
            return self
        peak = round(20 * math.log10(loudest), 2)  # short numbers in files that people read
        return replace(self, peak_db=peak, floor_db=round(peak - (self.peak_db - self.floor_db), 2))


@dataclass(frozen=True)
class Logarithmic(Levelled):
    """A representation of levels alone; `phase` names the method that reconstructs the phase (see `phase/`)."""

    phase: str = BEST

    def __post_init__(self) -> None:
        super().__post_init__()
        Method.parse(self.phase)

    @abstractmethod
    def magnitude(self, amplitude: Tensor) -> Tensor:
        """Magnitudes of the transform, (batch, channel, frequency, frame), from decoded amplitudes."""

    def encode(self, audio: Tensor) -> Tensor:
        return self.to_level(self.amplitude(audio))

    @clip_by_clip
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        return reconstruct_phase(self.magnitude(self.from_level(x)), self.stft, self.phase, rng)
