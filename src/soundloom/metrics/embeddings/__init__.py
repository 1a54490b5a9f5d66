"""Embeddings: what turns a sound into numbers whose distances mean something. A plug-in is a module in this folder.

Each module has `load() -> Embedding`, or raises `Missing` where its weights are not at hand.
"""

from __future__ import annotations

import importlib
from typing import Protocol

import numpy as np

from soundloom.runtime.plugins import modules_in
from soundloom.runtime.settings import nearest

HELPERS = ("reference_network",)


class Missing(ValueError):
    """An embedding that is not there: says what it needs."""


class Embedding(Protocol):
    """Sounds to vectors; what is compared must come from one embedding."""

    @property
    def name(self) -> str: ...

    @property
    def sample_rate(self) -> int:
        """Of the sounds that it takes, in Hz."""
        ...

    @property
    def digest(self) -> str:
        """Changes with its weights and settings: vectors of different digests do not compare."""
        ...

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Sounds (sound, sample), each at the same loudness, to float32 vectors (sound, dimension)."""
        ...


def known() -> tuple[str, ...]:
    """Names of all embeddings, whether or not their weights are at hand."""
    return tuple(name.replace("_", "-") for name in modules_in("metrics.embeddings") if name not in HELPERS)


def load(name: str) -> Embedding:
    """An embedding by its name.

    Raises:
        Missing: its weights are not at hand; says what to do.
        ValueError: no such embedding; the nearest is named.
    """
    if name not in known():
        raise ValueError(f"no embedding {name!r}; {nearest(name, known())}")
    found: Embedding = importlib.import_module(f"soundloom.metrics.embeddings.{name.replace('-', '_')}").load()
    return found
