"""Random generators: one for each (seed, index), so that a clip depends on nothing but its own numbers."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, *index: int | str) -> torch.Generator:
    """A generator of its own for each (seed, index...): the same numbers give the same draws on any worker.

    Nearby seeds or indices give unrelated draws, because the start is a hash of them.
    """
    text = "/".join(str(part) for part in (seed, *index))
    start = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    return torch.Generator().manual_seed(start)


def child(parent: torch.Generator) -> torch.Generator:
    """A new generator whose start is one draw from another."""
    return torch.Generator().manual_seed(int(torch.randint(2**63 - 1, (), generator=parent)))
