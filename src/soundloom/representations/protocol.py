"""What every representation promises: a frozen value, or a trained module such as a codec."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Generator, Tensor


@runtime_checkable
class Representation(Protocol):
    """How a system sees a clip: a frozen value, or a trained module."""

    @property
    def sample_rate(self) -> int: ...

    def encode(self, audio: Tensor) -> Tensor:
        """Clips (batch, channel, time) to what the system sees, (batch, ...)."""
        ...

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """Back to clips (batch, channel, time); may search for a phase, drawing from `rng`."""
        ...

    def length(self, samples: int) -> int:
        """Steps along time that `samples` samples become."""
        ...
