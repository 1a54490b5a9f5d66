"""Which parts of a system train in a stage: what its objectives move; earlier stages are frozen."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from soundloom.contract import Stage, System


def moved_by(stage: Stage) -> list[nn.Parameter]:
    """The parameters that the objectives of a stage move."""
    return [parameter for objective in stage.objectives for parameter in objective.moves()]


def freeze_all_but(system: System, moved: Sequence[nn.Parameter], earlier: Sequence[nn.Parameter]) -> None:
    """Take gradients from what earlier stages trained, and put every module into training or evaluation mode.

    A module trains if any parameter in it moves; one without parameters, such as dropout or a code book, as the module
    that holds it does.
    """
    moving = {id(parameter) for parameter in moved}
    for parameter in earlier:
        if id(parameter) not in moving:
            parameter.requires_grad_(False)
    _set_mode(system, True, moving)


def _set_mode(module: nn.Module, training: bool, moving: set[int]) -> None:
    module.training = training
    for child in module.children():
        parameters = [id(parameter) for parameter in child.parameters()]
        _set_mode(child, bool(moving & set(parameters)) if parameters else training, moving)
