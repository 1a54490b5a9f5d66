"""The sets of clips that a memorisation detector searches: on disk, or in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


class Clips(Protocol):
    """Sounds of one rate and length; `ClipStore` and `Sounds` are two."""

    def __len__(self) -> int: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def files(self) -> Sequence[str]:
        """The file that each clip was cut from."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """What belongs together, such as a kit: sounds of one group are not expected to differ."""
        ...

    def audio(self, indices: np.ndarray) -> np.ndarray:
        """Float samples (sound, channel, time)."""
        ...


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds in memory, (sound, sample), each a file and a group of its own."""

    samples: np.ndarray
    sample_rate: int

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def files(self) -> list[str]:
        return [str(number) for number in range(len(self))]

    @property
    def groups(self) -> list[str]:
        return self.files

    def audio(self, indices: np.ndarray) -> np.ndarray:
        return np.asarray(self.samples[indices][:, None])


def mono(audio: np.ndarray) -> np.ndarray:
    """(sound, channel, time) mixed to one channel, (sound, time)."""
    return np.asarray(audio[:, 0] if audio.shape[1] == 1 else audio.mean(axis=1))
