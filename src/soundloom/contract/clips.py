"""What a system may read of its training set before a stage begins and after it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from soundloom.conditions.schema import Schema
from soundloom.conditions.text import Tokens
from soundloom.contract.augmentation import Augmentation
from soundloom.data.clips import ClipStore


@dataclass(frozen=True)
class ClipBatch:
    """Some clips as samples, with their conditions and their place in the sounds that they were cut from."""

    audio: Tensor  # (batch, channel, time)
    conditions: Tensor  # dense condition rows, (batch, schema.width)
    texts: Mapping[str, Tokens] = field(default_factory=dict)  # token ids of each Text condition, by its name
    begins: Tensor | None = None  # seconds from the start of its sound to the start of each clip, (batch,)
    durations: Tensor | None = None  # seconds that each clip's sound lasts, (batch,)

    @classmethod
    def of(cls, store: ClipStore, schema: Schema) -> ClipBatch:
        """All clips of a store, with the conditions that a schema has for them."""
        return cls(
            torch.from_numpy(store.audio(slice(None))),
            torch.from_numpy(store.codes(schema)),
            schema.tokens(store.known(schema)) if schema.texts else {},
            torch.from_numpy(np.asarray(store.begins, np.float64)),
            torch.from_numpy(store.durations),
        )

    def __len__(self) -> int:
        return len(self.audio)


class Clips(Protocol):
    """Clips of one length in a fixed order."""

    def __len__(self) -> int: ...

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterator[ClipBatch]:
        """Every clip once, `size` of them at a time; of a very large set an even sample.

        Args:
            size: clips in a batch; the last may have fewer.
            change: augments each clip.
            draw: another number draws other changes.
        """
        ...
