"""Mu-law: samples as classes, fine near zero and coarse at full scale. WaveNet predicts these classes.

ITU-T Recommendation G.711 1988; van den Oord et al. 2016, https://arxiv.org/abs/1609.03499
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import clip_by_clip
from soundloom.representations.protocol import Untrained
from soundloom.representations.stft import at_least_single


@dataclass(frozen=True)
class MuLaw(Untrained):
    """Each sample as one of `levels` classes; 256 classes have a signal-to-noise ratio of about 38 dB.

    Samples outside -1 to 1 become the outermost class.

    Raises:
        ValueError: fewer than 2 levels.
    """

    kind: ClassVar[str] = "mulaw"

    sample_rate: int
    levels: int = 256

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz but must be at least 1; pass the rate of the audio")
        if self.levels < 2:
            raise ValueError(f"levels is {self.levels} but must be at least 2; 256 is usual")

    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time) to classes 0 to levels - 1, int64, (batch, channel, time)."""
        mu = self.levels - 1
        clipped = at_least_single(audio).clamp(-1, 1)
        compressed = clipped.sign() * torch.log1p(mu * clipped.abs()) / math.log1p(mu)
        return torch.floor((compressed + 1) / 2 * mu + 0.5).long()

    @clip_by_clip
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Classes (batch, channel, time) to audio, float32; deterministic."""
        mu = self.levels - 1
        compressed = 2 * x.float() / mu - 1
        return compressed.sign() * torch.expm1(compressed.abs() * math.log1p(mu)) / mu

    def length(self, samples: int) -> int:
        """Number of classes of `samples` samples: the same number."""
        return samples

    def samples(self, frames: int) -> int:
        """Number of samples of `frames` classes: the same number."""
        return frames
