"""Log-magnitude and instantaneous frequency: the level of a bin, and how far its phase advances from frame to frame.

A steady partial has a constant instantaneous frequency, although its phase differs in every frame.
Engel, Agrawal, Chen, Gulrajani, Donahue & Roberts 2019, https://arxiv.org/abs/1902.08710 (GANSynth's choice)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from einops import rearrange
from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import clip_by_clip
from soundloom.representations.rows import Dropped, drop_row, restore_row
from soundloom.representations.spectral import Levelled
from soundloom.representations.stft import at_least_single


@dataclass(frozen=True)
class InstantaneousFrequency(Levelled):
    """Level and phase step of each bin: (batch, 2 * channel, frequency, frame), the two of a channel adjacent.

    A phase step is in units of pi, -1 to 1; the first frame holds the phase itself. Only bins below the floor are lost.
    Errors in phase steps accumulate over time.
    """

    kind: ClassVar[str] = "if"

    dropped: Dropped = "nyquist"

    def amplitude(self, audio: Tensor) -> Tensor:
        return drop_row(self.stft.encode(audio), self.dropped).abs()

    def encode(self, audio: Tensor) -> Tensor:
        spectra = drop_row(self.stft.encode(audio), self.dropped)
        turning = torch.diff(spectra.angle() / math.pi, dim=-1, prepend=torch.zeros_like(spectra.real[..., :1]))
        step = torch.remainder(turning + 1, 2) - 1
        return rearrange(
            [self.to_level(spectra.abs()), step], "part batch channel bin frame -> batch (channel part) bin frame"
        )

    @clip_by_clip
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        level, step = rearrange(
            at_least_single(x), "batch (channel part) bin frame -> part batch channel bin frame", part=2
        )
        phase = torch.remainder(step.double().cumsum(-1), 2).to(step.dtype) * math.pi  # single precision drifts
        return self.stft.decode(restore_row(torch.polar(self.from_level(level), phase), self.dropped))
