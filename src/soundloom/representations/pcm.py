"""PCM: samples as evenly spaced integers, as in sound files. A WaveNet with a continuous density predicts them.

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

    Samples outside become the outermost level. Silence lies between the two middle levels and becomes the upper one.

    Raises:
        ValueError: `bits` is not 1 to 16; single precision cannot represent more.
    """

    kind: ClassVar[str] = "pcm"

    sample_rate: int
    bits: int = 16

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz but must be at least 1; pass the rate of the audio")
        if not 1 <= self.bits <= 16:
            raise ValueError(f"bits is {self.bits} but must be 1 to 16; 16 is the resolution of a compact disc")

    @property
    def levels(self) -> int:
        """The number of levels."""
        return int(2**self.bits)

    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time) to levels 0 to levels - 1, int64, (batch, channel, time)."""
        place = (at_least_single(audio).clamp(-1, 1) + 1) / 2 * (self.levels - 1)
        return torch.floor(place + 0.5).long()

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Levels (batch, channel, time) to audio, float32; deterministic."""
        return 2 * x.float() / (self.levels - 1) - 1

    def length(self, samples: int) -> int:
        """Number of levels of `samples` samples: the same number."""
        return samples

    def samples(self, frames: int) -> int:
        """Number of samples of `frames` levels: the same number."""
        return frames
