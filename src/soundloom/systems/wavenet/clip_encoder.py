"""Clips as the network is trained on them: aligned audio, its symbols, and the frames that condition a vocoder."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from soundloom.layers.attack import from_attack
from soundloom.representations import PCM, MuLaw
from soundloom.representations.protocol import Representation


@dataclass(frozen=True)
class ClipEncoder:
    """Encodes clips (batch, 1, time).

    Attributes:
        representation: samples to symbols.
        frames: the mel spectrogram that conditions a vocoder, or None.
        at_attack: whether clips are one-shots, which begin at their attack.
        before: the symbol that precedes every clip endlessly.
    """

    representation: MuLaw | PCM
    frames: Representation | None
    at_attack: bool
    before: int

    @property
    def levels(self) -> int:
        return int(self.representation.levels)

    def aligned(self, audio: Tensor) -> Tensor:
        """One-shots from their attack; other clips unchanged."""
        return from_attack(audio) if self.at_attack else audio

    def symbols(self, audio: Tensor) -> Tensor:
        """(batch, time), int64."""
        return self.representation.encode(audio)[:, 0]

    def spectra(self, audio: Tensor) -> Tensor | None:
        """The frames of a vocoder, (batch, band, frame), else None."""
        return None if self.frames is None else self.frames.encode(audio)[:, 0]
