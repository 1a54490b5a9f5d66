"""Settings of the training loop: those that no system needs to know."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

FEWEST_MEASURED = 20  # sounds of either side: with fewer, the interval of a distance hides any progress


@dataclass(frozen=True)
class TrainSettings:
    """How long to train, how often to save and to preview. Give `steps` or `minutes`, not both."""

    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    held_out: float = 0.1  # share of the clips, by whole groups, that training never sees
    average: float = 0.998  # decay of the exponential moving average of the weights, which is what is kept
    clip_norm: float = 1.0  # longest gradient
    warmup: float = 0.02  # share of the training over which the learning rate comes in
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    save_seconds: float = 30.0  # 0 saves after each step
    preview_seconds: float = 120.0  # after one at the start and one early; 0 makes none
    preview_count: int = 8
    validation_count: int = 192  # sounds of each preview that are measured against held-out ones; 0 measures none
    tensorboard: bool = False  # log for TensorBoard too
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes: --minutes 10 is a good start on a laptop")
        if self.steps is not None and self.steps < 0:
            raise ValueError(f"steps is {self.steps} but must be at least 0")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise ValueError(f"minutes is {self.minutes:g} but must be above 0 and finite; 10 is a good start")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed} but must be a whole number from 0 to 2^63 - 1")
        usual = {each.name: each.default for each in fields(self)}
        for name in ("save_seconds", "preview_seconds", "preview_count", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name):g} but must be at least 0 and finite; {usual[name]:g} is usual"
                )
        for name in ("average", "warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g} but must be 0 to 1; {usual[name]:g} is usual")
        if not 0 <= self.held_out <= 0.9:
            raise ValueError(f"held_out is {self.held_out:g} but must be a share from 0 to 0.9; 0.1 is usual")
        if self.validation_count and self.validation_count < FEWEST_MEASURED:
            raise ValueError(
                f"validation_count is {self.validation_count} but must be at least {FEWEST_MEASURED}, or 0 for none"
            )
