"""The settings of an evaluation, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_SOUNDS = 1_000_000
BASELINE_MINUTES = 10.0


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done; `compare` describes the fields.

    Raises:
        ValueError: a value is out of range.
    """

    count: int = 500
    seed: int = 0
    where: Mapping[str, str] | None = None
    embeddings: Sequence[str] | None = None
    seconds: float | None = None
    baseline_minutes: float = BASELINE_MINUTES
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MOST_SOUNDS:
            raise ValueError(f"count is {self.count} but must be 2 to {MOST_SOUNDS}; 500 is usual")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed} but must be 0 or more; 0 is usual")
        if not self.baseline_minutes > 0:
            raise ValueError(f"baseline_minutes is {self.baseline_minutes:g} but must be above 0; 10 is usual")
