"""The samples themselves: for stages of training that compute their own representation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from soundloom.representations.protocol import Untrained


@dataclass(frozen=True)
class Waveform(Untrained):
    """Samples as float32, unchanged; nothing is clipped."""

    kind: ClassVar[str] = "waveform"

    sample_rate: int

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz but must be at least 1; pass the rate of the audio")

    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time), unchanged, float32."""
        return audio.float()

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Audio (batch, channel, time), unchanged, float32."""
        return x.float()

    def length(self, samples: int) -> int:
        """The same number."""
        return samples

    def samples(self, frames: int) -> int:
        """The same number."""
        return frames
