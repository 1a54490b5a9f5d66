"""Clips as tensors: the training set in a fixed order for statistics, and the batch of each step."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from soundloom.conditions.schema import Schema
from soundloom.conditions.text import Tokens
from soundloom.contract import Augmentation, ClipBatch
from soundloom.data.clips import ClipStore, evenly, order
from soundloom.training.augment import augment
from soundloom.training.distributed import Team

MOST_FOR_STATISTICS = 4096  # clips that `batches` goes through, at most, evenly spread


class Feed:
    """Clips of a store with their conditions."""

    def __init__(self, store: ClipStore, schema: Schema) -> None:
        self.store = store
        known = store.known(schema)
        self.codes = torch.from_numpy(np.stack([schema.encode(row) for row in known]) if known else _nothing(schema))
        self.texts: Mapping[str, Tokens] = schema.tokens(known) if schema.texts else {}
        self.begins = torch.from_numpy(np.asarray(store.begins, np.float64))
        self.durations = torch.from_numpy(store.durations)

    def __len__(self) -> int:
        return len(self.store)

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterator[ClipBatch]:
        """Every clip once, in order; see `contract.Clips`."""
        chosen = evenly(len(self), MOST_FOR_STATISTICS)
        for start in range(0, len(chosen), size):
            batch = self.take(chosen[start : start + size])
            if change is not None:
                rows = slice(0, len(batch))
                audio = augment(batch.audio, change, self.store.sample_rate, draw, start, rows, len(batch))
                batch = replace(batch, audio=audio)
            yield batch

    def some(self, most: int) -> Feed:
        """At most so many of the clips, evenly spread."""
        if len(self) <= most:
            return self
        fewer, chosen = copy.copy(self), evenly(len(self), most)
        fewer.store = self.store.subset(chosen)
        rows = torch.from_numpy(chosen)
        fewer.codes, fewer.texts = self.codes[rows], _rows_of(self.texts, rows)
        fewer.begins, fewer.durations = self.begins[rows], self.durations[rows]
        return fewer

    def take(self, indices: np.ndarray) -> ClipBatch:
        """The clips at these places."""
        rows = torch.from_numpy(indices)
        return ClipBatch(
            torch.from_numpy(self.store.audio(indices)),
            self.codes[rows],
            _rows_of(self.texts, rows),
            self.begins[rows],
            self.durations[rows],
        )

    def at(self, step: int, batch_size: int, seed: int, team: Team, change: Augmentation) -> ClipBatch:
        """This process's rows of the batch of a step, augmented: a function of (seed, step) alone."""
        rows = team.rows(batch_size)
        batch = self.take(order(len(self), batch_size, step, seed)[rows])
        return replace(batch, audio=augment(batch.audio, change, self.store.sample_rate, seed, step, rows, batch_size))


def _rows_of(texts: Mapping[str, Tokens], rows: Tensor) -> dict[str, Tokens]:
    return {name: Tokens(tokens.ids[rows], tokens.lengths[rows]) for name, tokens in texts.items()}


def _nothing(schema: Schema) -> np.ndarray:
    return np.zeros((0, schema.width), np.float32)
