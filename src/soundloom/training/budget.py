"""How much of the training is done, as one number from 0 to 1: by steps, or by the clock."""

from __future__ import annotations

import math
import time

from soundloom.training.settings import TrainSettings


class Budget:
    """Counts time over interruptions; given steps, it depends on the step alone, so that resuming is exact."""

    def __init__(self, settings: TrainSettings, started_at: float | None = None) -> None:
        self.settings = settings
        self.before = 0.0  # seconds spent by earlier runs of this training
        self.reserve = 0.0  # seconds kept back for what follows the last step
        self.started_at = time.monotonic() if started_at is None else started_at

    @property
    def seconds(self) -> float:
        """Seconds spent on this training, all runs together."""
        return self.before + time.monotonic() - self.started_at

    def fraction(self, step: int) -> float:
        """0 at the start, 1 when the training is over."""
        if self.settings.steps is not None:
            return min(1.0, step / self.settings.steps) if self.settings.steps else 1.0
        assert self.settings.minutes is not None
        return min(1.0, self.seconds / max(1.0, 60 * self.settings.minutes - self.reserve))


def learning_rate_factor(fraction: float, warmup: float) -> float:
    """A short linear rise, then half a cosine down to nothing (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    if fraction < warmup:
        return (fraction + 1e-3) / (warmup + 1e-3)
    return 0.5 + 0.5 * math.cos(math.pi * (fraction - warmup) / (1 - warmup))
