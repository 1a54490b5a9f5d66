"""Descriptors of the clips of a store: measured once for each sound, kept by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from soundloom.data.scan import Progress
from soundloom.data.scan_cache import cache_folder
from soundloom.data.vectors import VectorTable
from soundloom.descriptors import BATCH, VERSION, measure, named
from soundloom.runtime.processors import available_processors, in_order

if TYPE_CHECKING:
    from soundloom.data.clips import ClipStore

KEPT_BATCH = 512  # clips


def measured(
    clips: ClipStore,
    names: Sequence[str],
    *,
    cache: Path | str | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Descriptors of all clips, of the mean of their channels.

    Args:
        clips: of any rate and length.
        names: of `soundloom.descriptors`, "timbre" for seven of them.
        cache: where caches live; None takes $SOUNDLOOM_CACHE, else ~/.cache/soundloom. A cache that cannot be written
            costs time and nothing else.
        progress: called with (clips done, clips in all).

    Returns:
        float64 (clip,) by name, finite.

    Raises:
        ValueError: no such descriptor.
    """
    asked = named(names)
    values = np.zeros((len(clips), len(asked)))
    with VectorTable.open(cache_folder(cache) / f"descriptors-{VERSION}.sqlite", np.float64) as table:
        for at in range(0, len(clips), KEPT_BATCH):
            rows = np.arange(at, min(at + KEPT_BATCH, len(clips)))
            values[rows] = _some(clips, rows, asked, table)
            if progress:
                progress(int(rows[-1]) + 1, len(clips))
    return {name: values[:, column] for column, name in enumerate(asked)}


def _some(clips: ClipStore, rows: np.ndarray, names: Sequence[str], table: VectorTable) -> np.ndarray:
    """Descriptors (clip, name) of some clips, as far as they are known from the table."""
    audio = clips.audio(rows).mean(axis=1)
    keys = [[_key(sound, clips.sample_rate, name) for name in names] for sound in audio]
    known = table.recall([key for of_one in keys for key in of_one])
    unknown = np.array([row for row, of_one in enumerate(keys) if any(key not in known for key in of_one)], np.int64)
    parts = [unknown[at : at + BATCH] for at in range(0, len(unknown), BATCH)]
    found = in_order(lambda part: measure(audio[part], clips.sample_rate, names), parts, available_processors())
    for part, of_all in zip(parts, found, strict=True):
        fresh = {keys[row][column]: of_all[name][[place]] for place, row in enumerate(part)
                 for column, name in enumerate(names)}  # fmt: skip
        table.keep(fresh)
        known |= fresh
    return np.array([[known[key][0] for key in of_one] for of_one in keys])


def _key(sound: np.ndarray, rate: int, name: str) -> bytes:
    content = hashlib.blake2b(np.ascontiguousarray(sound, np.float32).data, digest_size=16)
    content.update(f"{rate} Hz {name}".encode())
    return content.digest()
