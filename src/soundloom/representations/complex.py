"""The complex STFT, real and imaginary parts as channels. It keeps the phase, so decoding needs no reconstruction.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073 (DrumGAN's choice)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from einops import rearrange
from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import clip_by_clip
from soundloom.representations.rows import Dropped, drop_row, restore_row
from soundloom.representations.spectral import Spectral
from soundloom.representations.stft import at_least_single


@dataclass(frozen=True)
class ComplexSpectrum(Spectral):
    """Real and imaginary part of each bin: (batch, 2 * channel, frequency, frame), the parts of a channel adjacent.

    `dropped` names the row that is left out to make the number of frequencies even; decoding fills it with zeros.
    """

    kind: ClassVar[str] = "complex"

    dropped: Dropped = "dc"

    def encode(self, audio: Tensor) -> Tensor:
        parts = torch.view_as_real(drop_row(self.stft.encode(audio), self.dropped))
        return rearrange(parts, "batch channel bin frame part -> batch (channel part) bin frame")

    @clip_by_clip
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        parts = rearrange(at_least_single(x), "batch (channel part) bin frame -> batch channel bin frame part", part=2)
        return self.stft.decode(restore_row(torch.view_as_complex(parts.contiguous()), self.dropped))
