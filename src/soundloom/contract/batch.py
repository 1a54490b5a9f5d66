"""One training batch, as an objective sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from soundloom.conditions.text import Tokens
from soundloom.runtime.generators import generator


@dataclass(frozen=True)
class Batch:
    """This process's rows of one training batch.

    Random numbers are drawn for the whole batch and cut to these rows, so that one process and two processes train on
    the same numbers.
    """

    x: Tensor  # (rows, ...), encoded by the stage's representation
    conditions: Tensor  # dense condition rows, (rows, schema.width)
    seed: int
    step: int
    first_row: int = 0  # of the whole batch that this process has
    all_rows: int | None = None  # of the whole batch, over all processes; None: these are all
    texts: Mapping[str, Tokens] = field(default_factory=dict)  # token ids of each Text condition, by its name
    begins: Tensor | None = None  # seconds from the start of its sound to the start of each crop, (rows,)
    durations: Tensor | None = None  # seconds that each crop's sound lasts, (rows,)

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Standard normal draws, (rows, *shape): a function of (seed, step, name) and the row alone."""
        drawn = torch.randn((self._rows_in_all, *shape), generator=generator(self.seed, self.step, name))
        return self._cut(drawn)

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Uniform draws in [0, 1), (rows, *shape); see `normal`."""
        drawn = torch.rand((self._rows_in_all, *shape), generator=generator(self.seed, self.step, name))
        return self._cut(drawn)

    @property
    def _rows_in_all(self) -> int:
        return self.all_rows or len(self.x)

    def _cut(self, drawn: Tensor) -> Tensor:
        return drawn[self.first_row : self.first_row + len(self.x)].to(self.x.device)
