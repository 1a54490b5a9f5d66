"""An objective: one loss, and the parameters that it alone moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from soundloom.contract.batch import Batch


class Loss(NamedTuple):
    """What an objective returns for a batch."""

    total: Tensor  # the scalar to descend
    parts: dict[str, Tensor]  # scalars for the log
    sums: dict[str, Tensor] | None = None  # over these rows; `update_statistics` gets those of all processes together


class Objective(nn.Module, ABC):
    """One loss and the parameters that it alone moves.

    Some state moves without gradients, such as a code book that follows moving averages. An objective declares it in
    `statistics`, returns what a batch adds to it as `Loss.sums`, and changes it in `update_statistics`; the loop adds
    the sums of all processes before, so that the statistics stay equal everywhere.
    """

    name: str
    unused_parameters: bool = False  # may some of its parameters take no part in a step?
    adversarial: bool = False  # does another objective of the stage work against it, so that it need not fall?

    def optimizer(self) -> torch.optim.Optimizer:
        """Moves `moves()`; the loop scales each group's learning rate by its schedule."""
        return torch.optim.Adam(list(self.moves()), lr=1e-3)

    @abstractmethod
    def moves(self) -> Iterable[nn.Parameter]:
        """The parameters that this loss moves, and no other objective of the stage does."""

    @abstractmethod
    def forward(self, batch: Batch, fraction: float) -> Loss:
        """The loss of a batch; `fraction` (0 to 1) is how much of the stage is done, for schedules."""

    def statistics(self) -> Iterable[Tensor]:
        """Buffers of the system that move while this objective trains; the averaged weights take them as they are."""
        return ()

    def update_statistics(self, sums: Mapping[str, Tensor], batch: Batch) -> None:
        """Change the statistics after a step, given `Loss.sums` added up over all processes."""
