"""What every representation promises: a frozen value, or a trained module such as a codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import torch
from torch import Generator, Tensor

if TYPE_CHECKING:
    from soundloom.runtime.progress import Progress


@runtime_checkable
class Representation(Protocol):
    """How a system sees a clip; `Untrained` has the last four as most representations need them."""

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

    def decode_each(self, x: Tensor, rngs: Sequence[Generator], progress: Progress | None = None) -> Tensor:
        """As `decode`, but clip i of the batch draws from rngs[i]; `progress`, as for systems, may end it early."""
        ...

    def fitted(self, batches: Iterable[Tensor]) -> Self:
        """The same with its range set by a training set, given as audio (batch, channel, time), each clip once."""
        ...

    @property
    def remark(self) -> str | None:
        """What a person should know about sounds that it decodes, or None."""
        ...

    @property
    def sampling_batch_size(self) -> int:
        """Clips that it decodes most quickly in one call."""
        ...


class Untrained(ABC):
    """A representation without a range to fit, which decodes clip by clip and has nothing to remark."""

    @abstractmethod
    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        """See `Representation`."""

    def decode_each(self, x: Tensor, rngs: Sequence[Generator], progress: Progress | None = None) -> Tensor:
        return torch.cat([self.decode(clip[None], rng) for clip, rng in zip(x, rngs, strict=True)])

    def fitted(self, batches: Iterable[Tensor]) -> Self:
        return self

    @property
    def remark(self) -> str | None:
        return None

    @property
    def sampling_batch_size(self) -> int:
        return 1
