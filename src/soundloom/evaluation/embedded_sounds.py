"""Sets of sounds as the figures need them: embedded block by block, samples kept of the first only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from soundloom.data.clips import ClipStore
from soundloom.evaluation.candidates.protocol import Block, Conditions
from soundloom.evaluation.monitor import Monitor
from soundloom.metrics.embedding_store import EmbeddingStore
from soundloom.metrics.embeddings import Embedding

KEPT = 2000  # sounds of a set whose samples are kept: for conditioning accuracy, memorisation and examples
SILENT = 1e-5  # peak
BLOCK = 256
Row = TypeVar("Row")


@dataclass
class EmbeddedSounds:
    """A set of sounds: the vectors of all, the samples of the first `KEPT`."""

    sounds: int = 0
    vectors: dict[str, np.ndarray] = field(default_factory=dict)  # by embedding, (sound, dimension)
    audio: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # of the first KEPT
    conditions: list[Conditions] = field(default_factory=list)  # of the same
    files: list[str] = field(default_factory=list)  # of the same, if they come from files
    silent: int = 0
    broken: int = 0  # sounds with NaN or infinite samples: left out

    def remarks(self, name: str) -> list[str]:
        """What a reader should know of the sounds."""
        remarks = []
        if self.silent:
            remarks.append(f"{name}: {self.silent} of {self.sounds} sounds are silent; they count as they are")
        if self.broken:
            total = self.broken + self.sounds
            remarks.append(f"{name}: {self.broken} of {total} sounds hold NaN or infinite samples; they are left out")
        if not self.sounds:
            remarks.append(f"{name}: no sound is left to evaluate, so it has no figures")
        return remarks


@dataclass(frozen=True)
class Embedder:
    """Embeds sounds of one rate, each sound once."""

    embeddings: Sequence[Embedding]
    sample_rate: int
    store: EmbeddingStore = field(default_factory=EmbeddingStore)
    monitor: Monitor = field(default_factory=Monitor)

    def vectors(self, embedding: Embedding, audio: np.ndarray) -> np.ndarray:
        """(sound, sample) to (sound, dimension)."""
        self.monitor.check()
        return self.store.embed(embedding, audio, self.sample_rate)

    def embed(self, blocks: Iterable[Block]) -> EmbeddedSounds:
        """Embed all sounds, and keep the samples of the first."""
        found = EmbeddedSounds()
        vectors: dict[str, list[np.ndarray]] = {embedding.name: [] for embedding in self.embeddings}
        kept: list[np.ndarray] = []
        for block in blocks:
            finite = np.isfinite(block.audio).all(axis=1)
            found.broken += int((~finite).sum())
            audio = block.audio[finite]
            if not len(audio):
                continue
            found.silent += int((np.abs(audio).max(axis=1) < SILENT).sum())
            for embedding in self.embeddings:
                vectors[embedding.name].append(self.vectors(embedding, audio))
            room = max(0, KEPT - found.sounds)
            if room:
                kept.append(audio[:room].copy())  # a view would keep the whole block
                found.conditions += _where(finite, block.conditions)[:room]
                found.files += _where(finite, block.files)[:room]
            found.sounds += len(audio)
        found.vectors = {name: np.concatenate(parts) for name, parts in vectors.items() if parts}
        if kept:
            found.audio = np.concatenate(kept)
        return found


def blocks_of(audio: np.ndarray) -> Iterator[Block]:
    """Sounds in memory, (sound, sample), in blocks."""
    for at in range(0, len(audio), BLOCK):
        yield Block(audio[at : at + BLOCK])


def blocks_of_clips(store: ClipStore) -> Iterator[Block]:
    """Clips in blocks, with the labels of their files."""
    for at in range(0, len(store), BLOCK):
        some = store.subset(slice(at, at + BLOCK))
        yield Block(some.audio(slice(None))[:, 0], some.labels, some.files)


def _where(finite: np.ndarray, rows: Sequence[Row]) -> list[Row]:
    """The rows of the finite sounds; none if there are no rows."""
    return [row for row, good in zip(rows, finite, strict=True) if good] if rows else []
