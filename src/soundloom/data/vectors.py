"""Numbers kept on disk by a key, so that nothing is computed twice; a disk that refuses costs time and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

KEYS_PER_QUERY = 500  # keys in one question to the database


class VectorTable:
    """Vectors by key, in a file of their own; several processes may use it at once."""

    def __init__(self, table: sqlite3.Connection | None, kind: type[np.floating]) -> None:
        self.table = table
        self.kind = kind

    @classmethod
    @contextmanager
    def open(cls, path: Path, kind: type[np.floating] = np.float32) -> Iterator[VectorTable]:
        """The table in a file, made if need be.

        Args:
            kind: of the numbers.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            table = sqlite3.connect(path, timeout=30)
        except (OSError, sqlite3.Error):
            yield cls(None, kind)
            return
        with closing(table):
            try:
                table.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
                made = cls(table, kind)
            except sqlite3.Error:
                made = cls(None, kind)
            yield made

    def recall(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Those of the keys that have a vector."""
        found: dict[bytes, np.ndarray] = {}
        if self.table is None:
            return found
        for at in range(0, len(keys), KEYS_PER_QUERY):
            some = keys[at : at + KEYS_PER_QUERY]
            marks = ",".join("?" * len(some))
            try:
                rows = self.table.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some).fetchall()
            except sqlite3.Error:
                return {}
            found |= {key: np.frombuffer(vector, self.kind) for key, vector in rows}
        return found

    def keep(self, fresh: Mapping[bytes, np.ndarray]) -> None:
        """Put vectors in, or in the place of others."""
        if self.table is None:
            return
        try:
            with self.table:
                self.table.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                    [(key, vector.astype(self.kind).tobytes()) for key, vector in fresh.items()],
                )
        except sqlite3.Error:
            return
