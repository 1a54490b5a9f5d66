"""The exponential moving average of the weights, which is what is kept and sampled (Polyak & Juditsky 1992)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soundloom.contract import Stage, System
from soundloom.training.freezing import moved_by


class WeightAverage:
    """A copy of a system that follows the parameters of a stage; statistics of its objectives are copied unchanged."""

    def __init__(self, average: System, system: System, stage: Stage) -> None:
        self.average, self.system = average, system
        moved = {id(parameter) for parameter in moved_by(stage)}
        self.weights = [name for name, parameter in system.named_parameters() if id(parameter) in moved]
        statistics = {id(buffer) for objective in stage.objectives for buffer in objective.statistics()}
        self.statistics = [name for name, buffer in system.named_buffers() if id(buffer) in statistics]

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the average towards the system: `decay` of it stays."""
        theirs, ours = dict(self.average.named_parameters()), dict(self.system.named_parameters())
        torch._foreach_lerp_(_named(theirs, self.weights), _named(ours, self.weights), 1 - decay)
        if self.statistics:
            kept, moved = dict(self.average.named_buffers()), dict(self.system.named_buffers())
            for name in self.statistics:
                kept[name].copy_(moved[name])


def _named(tensors: dict[str, nn.Parameter], names: list[str]) -> list[Tensor]:
    return [tensors[name] for name in names]
