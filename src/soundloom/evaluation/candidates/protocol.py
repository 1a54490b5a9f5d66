"""What every candidate has: a name, a role, and sounds in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from soundloom.conditions.schema import Value
from soundloom.evaluation.results import Role
from soundloom.evaluation.terms import Terms

BLOCK = 128
Conditions = Mapping[str, Value]
Sound = TypeVar("Sound")


class Block(NamedTuple):
    """Some sounds on common terms, (sound, sample), with their conditions and files where they have any."""

    audio: np.ndarray
    conditions: Sequence[Conditions] = ()  # requested of a model, or the labels of files
    files: Sequence[str] = ()


class Candidate(Protocol):
    """A source of sounds on common terms, few of them in memory at a time."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> Role: ...

    @property
    def remarks(self) -> Sequence[str]:
        """What a reader of the report should know of its sounds."""
        ...

    def blocks(self, terms: Terms) -> Iterator[Block]: ...

    def facts(self) -> dict[str, Any]:
        """Parameters and the like, for the table."""
        ...


def in_blocks(sounds: Iterable[Sound]) -> Iterator[list[Sound]]:
    """Sounds as they come, up to `BLOCK` at a time."""
    coming = iter(sounds)
    while some := list(islice(coming, BLOCK)):
        yield some
