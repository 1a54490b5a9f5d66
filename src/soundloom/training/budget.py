"""How much of a stage is done, as one number from 0 to 1: by steps, or by the clock."""

from __future__ import annotations

import math
import time

from soundloom.training.settings import TrainSettings


class Budget:
    """Steps or minutes, shared out to the stages.

    Counts time over interruptions. Given steps, it depends on the step alone, so that resuming is exact. Each stage
    gets its share of what is left when it begins, so that time spent outside the steps of earlier stages is shared.
    """

    def __init__(self, settings: TrainSettings, started_at: float | None = None) -> None:
        self.settings = settings
        self.before = 0.0  # seconds spent by earlier runs of this training
        self.reserve = 0.0  # seconds kept back for what follows the last step
        self.started_at = time.monotonic() if started_at is None else started_at
        self.begun_step, self.begun_seconds = 0, 0.0  # of the stage
        self.part = 1.0  # of what was left when the stage began

    @property
    def seconds(self) -> float:
        """Seconds spent on this training, all runs together."""
        return self.before + time.monotonic() - self.started_at

    def begin_stage(self, shares: tuple[float, ...], step: int, seconds: float) -> None:
        """Note where a stage begins.

        Args:
            shares: of this stage and of those that follow it.
            step: of the training, at which the stage begins.
            seconds: spent on the training before the stage.
        """
        self.begun_step, self.begun_seconds, self.part = step, seconds, shares[0] / sum(shares)

    def fraction(self, step: int) -> float:
        """Of the stage: 0 at its start, 1 when it is over."""
        if self.settings.steps is not None:
            left = max(0, self.settings.steps - self.begun_step)
            steps = min(left, max(1, round(self.part * left)))
            return min(1.0, (step - self.begun_step) / steps) if steps else 1.0
        assert self.settings.minutes is not None
        allotted = self.part * (60 * self.settings.minutes - self.begun_seconds)
        return max(0.0, min(1.0, (self.seconds - self.begun_seconds) / max(1.0, allotted - self.reserve)))


def learning_rate_factor(fraction: float, warmup: float) -> float:
    """A short linear rise, then half a cosine down to nothing (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    if fraction < warmup:
        return (fraction + 1e-3) / (warmup + 1e-3)
    return 0.5 + 0.5 * math.cos(math.pi * (fraction - warmup) / (1 - warmup))
