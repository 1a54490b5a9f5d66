"""Listening to a set of sounds once, block by block: what is kept of each is small, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from soundloom.evaluation.candidates import Block, Conditions
from soundloom.metrics.embedding_store import EmbeddingStore
from soundloom.metrics.embeddings import Embedding

KEPT = 2000  # sounds of a set whose samples are kept, for obedience, copies and examples
SILENT = 1e-5  # peak
Row = TypeVar("Row")


@dataclass
class Heard:
    """What is known of a set of sounds once it was heard."""

    sounds: int = 0
    vectors: dict[str, np.ndarray] = field(default_factory=dict)  # by embedding, (sound, dimension)
    audio: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # of the first KEPT
    conditions: list[Conditions] = field(default_factory=list)  # of the same
    files: list[str] = field(default_factory=list)  # of the same, where they come from files
    silent: int = 0
    broken: int = 0  # sounds with samples that are no numbers: left out

    def remarks(self, name: str) -> list[str]:
        """What a reader should know of the sounds."""
        said = []
        if self.silent:
            said.append(f"{name}: {self.silent} of {self.sounds} sounds are silent; they count as they are")
        if self.broken:
            made = self.broken + self.sounds
            said.append(f"{name}: {self.broken} of {made} sounds hold samples that are no numbers; they are left out")
        if not self.sounds:
            said.append(f"{name}: no sound is left to judge, so it has no figures")
        return said


def hear(blocks: Iterable[Block], embeddings: Sequence[Embedding], store: EmbeddingStore, sample_rate: int) -> Heard:
    """Embed all sounds, and keep the samples of the first."""
    heard = Heard()
    vectors: dict[str, list[np.ndarray]] = {embedding.name: [] for embedding in embeddings}
    kept: list[np.ndarray] = []
    for block in blocks:
        whole = np.isfinite(block.audio).all(axis=1)
        heard.broken += int((~whole).sum())
        audio = block.audio[whole]
        if not len(audio):
            continue
        heard.silent += int((np.abs(audio).max(axis=1) < SILENT).sum())
        for embedding in embeddings:
            vectors[embedding.name].append(store.embed(embedding, audio, sample_rate))
        room = max(0, KEPT - heard.sounds)
        if room:
            kept.append(audio[:room].copy())  # a mere view would keep the whole block
            heard.conditions += _of(block.conditions, whole)[:room]
            heard.files += _of(block.files, whole)[:room]
        heard.sounds += len(audio)
    heard.vectors = {name: np.concatenate(parts) for name, parts in vectors.items() if parts}
    if kept:
        heard.audio = np.concatenate(kept)
    return heard


def blocks_of(audio: np.ndarray, size: int = 256) -> Iterable[Block]:
    """Sounds that are already in memory, in blocks."""
    for at in range(0, len(audio), size):
        yield Block(audio[at : at + size])


def _of(rows: Sequence[Row], whole: np.ndarray) -> list[Row]:
    """Those of the whole sounds; none where nothing was said of any."""
    return [row for row, good in zip(rows, whole, strict=True) if good] if rows else []
