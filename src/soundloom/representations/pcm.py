"""PCM: samples as evenly spaced integers, as sound files have them. What a WaveNet with a continuous density predicts.

van den Oord et al. 2017, https://arxiv.org/abs/1711.10433 (16 bits instead of mu-law)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from soundloom.representations.protocol import Untrained
from soundloom.representations.stft import at_least_single


@dataclass(frozen=True)
class PCM(Untrained):
    """Each sample as one of 2^bits evenly spaced levels, the first at -1 and the last at 1.

    Samples beyond become the outermost level. Silence lies between the two middle levels and becomes the upper one.

    Raises:
        ValueError: a number of bits that single precision cannot tell apart.
    """

    kind: ClassVar[str] = "pcm"

    sample_rate: int
    bits: int = 16

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz but must be at least 1; pass the rate of the audio")
        if not 1 <= self.bits <= 16:
            raise ValueError(f"bits is {self.bits} but must be 1 to 16; 16 is that of a compact disc")

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return int(2**self.bits)

    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time) to levels 0 to levels - 1, int64, (batch, channel, time)."""
        place = (at_least_single(audio).clamp(-1, 1) + 1) / 2 * (self.levels - 1)
        return torch.floor(place + 0.5).long()

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Levels (batch, channel, time) to audio, float32; nothing is drawn."""
        return 2 * x.float() / (self.levels - 1) - 1

    def length(self, samples: int) -> int:
        """Levels that `samples` samples become: as many."""
        return samples

    def samples(self, frames: int) -> int:
        """Samples that `frames` levels become: as many."""
        return frames
