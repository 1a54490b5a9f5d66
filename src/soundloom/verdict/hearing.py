"""Listening to a set of sounds once, block by block: what is kept of each is small, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from soundloom.evaluation.embeddings import Embedding
from soundloom.evaluation.store import EmbeddingStore
from soundloom.verdict.contenders import Block, Conditions

KEPT = 2000  # sounds of a set whose samples are kept, for obedience, copies and examples
SILENT = 1e-5  # peak


@dataclass
class Heard:
    """What is known of a set of sounds once it was heard."""

    sounds: int = 0
    vectors: dict[str, np.ndarray] = field(default_factory=dict)  # by embedding, (sound, dimension)
    audio: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # of the first KEPT
    conditions: list[Conditions] = field(default_factory=list)  # of the same
    silent: int = 0
    broken: int = 0  # sounds with samples that are no numbers: left out

    def remarks(self, name: str) -> list[str]:
        """What a reader should know of the sounds."""
        said = []
        if self.silent:
            said.append(f"{name}: {self.silent} of {self.sounds} sounds are silent; they count as they are")
        if self.broken:
            said.append(f"{name}: {self.broken} sounds hold samples that are no numbers; they are left out")
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
        asked = [row for row, good in zip(block.conditions, whole, strict=False) if good]
        if not len(audio):
            continue
        heard.silent += int((np.abs(audio).max(axis=1) < SILENT).sum())
        for embedding in embeddings:
            vectors[embedding.name].append(store.embed(embedding, audio, sample_rate))
        room = max(0, KEPT - heard.sounds)
        kept.append(audio[:room])
        heard.conditions += asked[:room]
        heard.sounds += len(audio)
    heard.vectors = {name: np.concatenate(parts) for name, parts in vectors.items() if parts}
    if kept:
        heard.audio = np.concatenate(kept)
    return heard


def blocks_of(
    audio: np.ndarray, conditions: Sequence[Mapping[str, str | float]] = (), size: int = 256
) -> Iterable[Block]:
    """Sounds that are already in memory, in blocks."""
    for at in range(0, len(audio), size):
        yield Block(audio[at : at + size], list(conditions[at : at + size]))
