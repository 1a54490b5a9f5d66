"""Who watches a training: a progress bar, a program, a test."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class StepReport(NamedTuple):
    """One step of one objective."""

    step: int  # of the whole training, from 0
    fraction: float  # of the whole training that is done, 0 to 1
    loss: float
    clips: int  # in the batch, over all processes
    stage: str
    stage_number: int  # from 1
    stages: int

    @property
    def place(self) -> str:
        """Which stage it is, "stage 2 of 4 (prior)"; nothing where there is one stage."""
        return f"stage {self.stage_number} of {self.stages} ({self.stage})" if self.stages > 1 else ""


class Watcher(Protocol):
    """Called by the process that leads, from the thread that trains."""

    def step(self, report: StepReport) -> None: ...

    def message(self, text: str) -> None: ...


class Silent:
    """Watches nothing."""

    def step(self, report: StepReport) -> None: ...

    def message(self, text: str) -> None: ...
