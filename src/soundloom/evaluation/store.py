"""Embeddings kept on disk by the content of the sound, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np

from soundloom.data.memory import cache_folder
from soundloom.evaluation.embeddings import Embedding
from soundloom.evaluation.fair import LOUDNESS_LUFS, fair

AT_ONCE = 256  # sounds
ASKED_AT_ONCE = 500  # keys in one question to the database


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
        with self._table(embedding) as table:
            known = _recall(table, keys) if table else {}
            wanted = {key: row for row, key in enumerate(keys) if key not in known}  # copies of a sound count once
            if wanted:
                sounds = fair(audio[list(wanted.values())], sample_rate, embedding.sample_rate)
                fresh = dict(zip(wanted, embedding(sounds).astype(np.float32), strict=True))
                known |= fresh
                if table:
                    _keep(table, fresh)
        return np.stack([known[key] for key in keys])

    @contextmanager
    def _table(self, embedding: Embedding) -> Iterator[sqlite3.Connection | None]:
        with ExitStack() as opened:
            table: sqlite3.Connection | None
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                table = opened.enter_context(
                    closing(sqlite3.connect(self.folder / f"{embedding.digest}.sqlite", timeout=30))
                )
                table.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            except (OSError, sqlite3.Error):
                table = None
            yield table


def _key(sound: np.ndarray, sample_rate: int) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(sound, np.float32).data, digest_size=16)
    content.update(f"{sample_rate} Hz {LOUDNESS_LUFS} LUFS".encode())  # all that decides what is embedded
    return content.digest()


def _recall(table: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    for at in range(0, len(keys), ASKED_AT_ONCE):
        some = keys[at : at + ASKED_AT_ONCE]
        marks = ",".join("?" * len(some))
        try:
            rows = table.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some).fetchall()
        except sqlite3.Error:
            return {}
        found |= {key: np.frombuffer(vector, np.float32) for key, vector in rows}
    return found


def _keep(table: sqlite3.Connection, fresh: dict[bytes, np.ndarray]) -> None:
    try:
        with table:
            table.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(key, vector.tobytes()) for key, vector in fresh.items()],
            )
    except sqlite3.Error:
        return
