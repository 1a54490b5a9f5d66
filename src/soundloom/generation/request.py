"""What a person asks of a model, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundloom.audio import Audio
from soundloom.conditions.schema import Value
from soundloom.conditions.sweep import Sweep

Sound = Audio | Path | str  # a sound that is given: in memory, or a file


@dataclass(frozen=True)
class Request:
    """What a person asks of a model.

    Args:
        count: sounds to make.
        seconds: length of each; None is the model's own.
        conditions: what to ask for; what is left out is drawn from the training set's joint distribution.
        prompt: a sound to carry on from; its samples stay as they are.
        like: one sound to vary, or two to go between in `count` steps; a single one may be given without a tuple.
        distance: how far variations go: 0 is the sound itself, 1 as far as training sounds lie apart.
        temperature: 1 is the model's own variety, less is safer, 0 gives the most typical.
        seed: the same seed makes the same sounds.
        options: settings that only one system has, see `Model.options`.
        phase: how a model that makes spectrograms finds their phase, such as "pghi" or "wavenet:runs/voice", a vocoder
            of yours; None is the model's own way.
        sweep: each of the `count` sounds is made once for every step of it, with the same draws and all other
            conditions the same.
    """

    count: int = 8
    seconds: float | None = None
    conditions: dict[str, Value] = field(default_factory=dict)
    prompt: Sound | None = None
    like: tuple[Sound, ...] = ()
    distance: float = 0.5
    temperature: float = 1.0
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    phase: str | None = None
    sweep: Sweep | None = None

    @property
    def sounds(self) -> int:
        """Sounds in all: `count`, times the steps of a sweep."""
        return self.count * self.steps

    @property
    def steps(self) -> int:
        """Steps of the sweep; 1 without one."""
        return 1 if self.sweep is None else self.sweep.steps

    def __post_init__(self) -> None:
        if isinstance(self.like, Audio | Path | str):
            object.__setattr__(self, "like", (self.like,))
        elif isinstance(self.like, list):
            object.__setattr__(self, "like", tuple(self.like))
