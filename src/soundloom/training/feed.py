"""Clips as tensors: the training set in a fixed order for statistics, and the batch of each step."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from soundloom.conditions.schema import Schema
from soundloom.contract.system import Augmentation
from soundloom.data.clips import ClipStore, evenly, order
from soundloom.training.augment import augment
from soundloom.training.distributed import Team

STUDIED = 4096  # clips that statistics look at, at most, evenly spread


class Feed:
    """Clips of a store with their condition rows."""

    def __init__(self, store: ClipStore, schema: Schema) -> None:
        self.store = store
        self.codes = torch.from_numpy(store.codes(schema))

    def __len__(self) -> int:
        return len(self.store)

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Audio (batch, channel, time) and condition rows, in order; of a very large set an even sample."""
        chosen = evenly(len(self), STUDIED)
        for start in range(0, len(chosen), size):
            audio, codes = self.take(chosen[start : start + size])
            if change is not None:
                rows = slice(0, len(audio))
                audio = augment(audio, change, self.store.sample_rate, draw, start, rows, len(audio))
            yield audio, codes

    def some(self, most: int) -> Feed:
        """At most so many of the clips, evenly spread."""
        if len(self) <= most:
            return self
        fewer = copy.copy(self)
        chosen = evenly(len(self), most)
        fewer.store, fewer.codes = self.store.subset(chosen), self.codes[torch.from_numpy(chosen)]
        return fewer

    def take(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """The clips at these places."""
        return torch.from_numpy(self.store.audio(indices)), self.codes[torch.from_numpy(indices)]

    def at(self, step: int, batch_size: int, seed: int, team: Team, change: Augmentation) -> tuple[Tensor, Tensor]:
        """This process's rows of the batch of a step, augmented: a function of (seed, step) alone."""
        rows = team.rows(batch_size)
        audio, codes = self.take(order(len(self), batch_size, step, seed)[rows])
        return augment(audio, change, self.store.sample_rate, seed, step, rows, batch_size), codes
