"""Embeddings kept on disk by the content of the sound, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from soundloom.data.scan_cache import cache_folder
from soundloom.data.vectors import VectorTable
from soundloom.metrics.embeddings import Embedding
from soundloom.metrics.levelling import LOUDNESS_LUFS, fair

AT_ONCE = 256  # sounds


class EmbeddingStore:
    """Vectors of sounds, each computed once for each embedding.

    Args:
        cache: where caches live; None takes $SOUNDLOOM_CACHE, else ~/.cache/soundloom. A cache that cannot be written
            costs time and nothing else.
    """

    def __init__(self, cache: Path | str | None = None) -> None:
        self.folder = cache_folder(cache) / "embeddings"

    def embed(self, embedding: Embedding, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Sounds (sound, sample) at any loudness to vectors float32 (sound, dimension).

        Raises:
            ValueError: what `fair` refuses, or no sounds at all.
        """
        if not len(audio):
            raise ValueError("there are no sounds to embed; give at least one")
        parts = [self._some(embedding, audio[at : at + AT_ONCE], sample_rate) for at in range(0, len(audio), AT_ONCE)]
        return np.concatenate(parts)

    def _some(self, embedding: Embedding, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        keys = [_key(sound, sample_rate) for sound in audio]
        with VectorTable.open(self.folder / f"{embedding.digest}.sqlite") as table:
            known = table.recall(keys)
            wanted = {key: row for row, key in enumerate(keys) if key not in known}  # copies of a sound count once
            if wanted:
                sounds = fair(audio[list(wanted.values())], sample_rate, embedding.sample_rate)
                fresh = dict(zip(wanted, embedding(sounds).astype(np.float32), strict=True))
                known |= fresh
                table.keep(fresh)
        return np.stack([known[key] for key in keys])


def _key(sound: np.ndarray, sample_rate: int) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(sound, np.float32).data, digest_size=16)
    content.update(f"{sample_rate} Hz {LOUDNESS_LUFS} LUFS".encode())  # all that decides what is embedded
    return content.digest()
