"""training.json: what a run folder records of its training, beside the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from soundloom.training.settings import TrainSettings

TRAINING = "training.json"


@dataclass(frozen=True)
class Recipe:
    """The contents of training.json: all that resuming cannot take from the checkpoint."""

    system: str
    where: dict[str, str]
    training: TrainSettings
    start_from: dict[str, str] = field(default_factory=dict)  # name and digest of the model whose weights it began with
