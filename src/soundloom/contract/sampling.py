"""What one call of `System.sample` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Generator, Tensor

from soundloom.conditions.schema import Value


@dataclass(frozen=True)
class Sampling:
    """One call of `System.sample`: a batch of clips of one length.

    Args:
        length: samples of each clip, at most `System.longest`.
        conditions: for each clip, all of them; with `prompt` or `like` only those that were asked for, since the given
            sound decides the rest.
        generators: clip i draws from generators[i] alone, so that it does not depend on its neighbours.
        prompt: (channel, time) samples that every clip starts with, or None.
        like: no sound; one, (channel, time), to vary; or two, for a point between them.
        distance: how far variations go: 0 is the sound itself, 1 as far as training sounds lie apart; on a path
            between two, the share of the way (0 is the first, 1 the second).
        temperature: 1 samples the model's own distribution, less is safer, 0 is its mode or mean.
        options: settings of sampling that only this system has (`System.sampling_options` names them).
        report: takes a sentence about these clips for the caller.
    """

    length: int
    conditions: Sequence[Mapping[str, Value]]
    generators: Sequence[Generator]
    prompt: Tensor | None = None
    like: tuple[Tensor, ...] = ()
    distance: float = 0.5
    temperature: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    report: Callable[[str], None] = lambda sentence: None

    @property
    def count(self) -> int:
        """Clips to make."""
        return len(self.generators)

    @property
    def given(self) -> int:
        """Samples of each clip that the prompt has already."""
        return 0 if self.prompt is None else int(self.prompt.shape[1])
