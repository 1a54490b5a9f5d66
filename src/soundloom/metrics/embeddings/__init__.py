"""Embeddings: functions from a sound to a vector, in which distances are meaningful. Each module here is a plug-in.

In: sounds at one loudness. Out: vectors. `load()` of a module returns its `Embedding`, or raises `Missing`.
"""

from __future__ import annotations

import importlib
from typing import Protocol

import numpy as np

from soundloom.runtime.plugins import modules_in
from soundloom.runtime.settings import nearest

HELPERS = ("reference_network",)


class Missing(ValueError):
    """An embedding is not available; the message tells what it needs."""


class Embedding(Protocol):
    """Maps sounds to vectors; only vectors of one embedding can be compared."""

    @property
    def name(self) -> str: ...

    @property
    def sample_rate(self) -> int:
        """Of the sounds that it takes, in Hz."""
        ...

    @property
    def digest(self) -> str:
        """Changes with its weights and settings: vectors of different digests are not comparable."""
        ...

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Sounds (sound, sample), each at the same loudness, to float32 vectors (sound, dimension)."""
        ...


def known() -> tuple[str, ...]:
    """Names of all embeddings, with or without their weights."""
    return tuple(name.replace("_", "-") for name in modules_in("metrics.embeddings") if name not in HELPERS)


def load(name: str) -> Embedding:
    """An embedding by its name.

    Raises:
        Missing: its weights are not available; the message tells what to do.
        ValueError: no such embedding; the message names the nearest.
    """
    if name not in known():
        raise ValueError(f"no embedding {name!r}; {nearest(name, known())}")
    found: Embedding = importlib.import_module(f"soundloom.metrics.embeddings.{name.replace('-', '_')}").load()
    return found
