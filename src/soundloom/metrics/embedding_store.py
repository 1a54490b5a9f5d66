"""A cache of embeddings on disk, keyed by the content of the sound, so that no sound is embedded twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from soundloom.data.scan_cache import cache_folder
from soundloom.data.vectors import VectorTable
from soundloom.metrics.embeddings import Embedding
from soundloom.metrics.level_matching import LOUDNESS_LUFS, match_level_and_rate

BATCH_SIZE = 256  # sounds


class EmbeddingStore:
    """Vectors of sounds, computed once for each sound and embedding.

    Args:
        cache: the cache folder; None takes $SOUNDLOOM_CACHE, else ~/.cache/soundloom. If it cannot be written,
            embedding takes longer and nothing else changes.
    """

    def __init__(self, cache: Path | str | None = None) -> None:
        self.folder = cache_folder(cache) / "embeddings"

    def embed(self, embedding: Embedding, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Sounds (sound, sample) at any loudness to vectors float32 (sound, dimension).

        Raises:
            ValueError: no sounds, or see `match_level_and_rate`.
        """
        if not len(audio):
            raise ValueError("there are no sounds to embed; give at least one")
        parts = [
            self._some(embedding, audio[at : at + BATCH_SIZE], sample_rate) for at in range(0, len(audio), BATCH_SIZE)
        ]
        return np.concatenate(parts)

    def _some(self, embedding: Embedding, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        keys = [_key(sound, sample_rate) for sound in audio]
        with VectorTable.open(self.folder / f"{embedding.digest}.sqlite") as table:
            known = table.recall(keys)
            wanted = {key: row for row, key in enumerate(keys) if key not in known}  # equal sounds are embedded once
            if wanted:
                sounds = match_level_and_rate(audio[list(wanted.values())], sample_rate, embedding.sample_rate)
                fresh = dict(zip(wanted, embedding(sounds).astype(np.float32), strict=True))
                known |= fresh
                table.keep(fresh)
        return np.stack([known[key] for key in keys])


def _key(sound: np.ndarray, sample_rate: int) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(sound, np.float32).data, digest_size=16)
    content.update(f"{sample_rate} Hz {LOUDNESS_LUFS} LUFS".encode())  # everything that the vectors depend on
    return content.digest()
