"""The figures of one preview, and when a series of them shows that training stopped helping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from soundloom.metrics.estimate import Estimate

DECIDES = "reference"  # the embedding whose distance decides
HELD_OUT, TRAINED, MEMORISED, SOUNDS = "held_out.kid", "training.kid", "memorised", "sounds"  # keys of the log
PATIENCE = 3  # previews without an improvement


class Measurement(NamedTuple):
    """The figures of one preview, with their keys of the log."""

    step: int
    figures: dict[str, float]

    @property
    def distance(self) -> Estimate:
        """The distance that decides, from held-out clips to generated sounds."""
        name = f"{HELD_OUT}.{DECIDES}"
        return Estimate(self.figures[name], self.figures[f"{name}.low"], self.figures[f"{name}.high"])

    @property
    def noise(self) -> float:
        """How much two distances may differ by chance, measured on the same held-out clips."""
        return self.figures[f"{HELD_OUT}.{DECIDES}.noise"]

    def __str__(self) -> str:
        value, low, high = self.distance
        text = f"distance (KID, {DECIDES}) {value:.0f} ± {(high - low) / 2:.0f}"
        if f"{TRAINED}.{DECIDES}" in self.figures:
            text += f", training sounds {self.figures[f'{TRAINED}.{DECIDES}']:.0f}"
        if MEMORISED in self.figures:
            text += f"; memorised {self.figures[MEMORISED]:.0f} of {self.figures[f'{MEMORISED}.of']:.0f}"
        return text


def last_improvement(history: Sequence[Measurement]) -> int:
    """Index of the last improvement: a distance below that of the improvement before it by more than the noise."""
    index = 0
    for number, measurement in enumerate(history):
        if measurement.distance.value < history[index].distance.value - measurement.noise:
            index = number
    return index


def patience_ends(history: Sequence[Measurement]) -> bool:
    """Whether the last measurement uses up the patience: true once in each stretch without improvement."""
    return bool(history) and len(history) - 1 - last_improvement(history) == PATIENCE
