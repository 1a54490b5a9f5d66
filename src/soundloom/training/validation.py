"""Validation: measures the averaged weights at each preview, keeps the best of them, and notices when training stops
helping.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from soundloom.checkpoints import checkpoint
from soundloom.contract import System
from soundloom.data.provenance import FILE as PROVENANCE
from soundloom.generation import Generated, Request, generate_from
from soundloom.runtime.files import write_atomically
from soundloom.training.feed import Feed
from soundloom.training.figures import Figures
from soundloom.training.measurement import Measurement, last_improvement, patience_ends
from soundloom.training.settings import FEWEST_MEASURED, TrainSettings

BEST = "best"
FIRST_COUNT = 64  # sounds of the first preview, which should come soon
SHARE = 0.04  # of the time between previews that sampling may take; measuring takes half as long again


class Validation:
    """Measures sounds of the averaged weights against held-out clips, and keeps the weights that come closest.

    Args:
        run: the run folder; the best weights are kept in its folder `best`.
        clips: those to train on.
        held_out: those that training never sees.
        settings: of the training.
        message: takes a sentence for the person who watches.
    """

    def __init__(
        self, run: Path, clips: Feed, held_out: Feed, settings: TrainSettings, message: Callable[[str], None]
    ) -> None:
        self.folder, self.held_out, self.settings, self.message = run / BEST, held_out, settings, message
        self.figures = Figures(clips, held_out, settings.validation_count, message)
        self.history: list[Measurement] = []
        self.spent = 0.0  # seconds that the last measurement took, with what is done only once
        self.needs = 0.0  # seconds that the next one will take

    @property
    def best(self) -> Measurement | None:
        """The measurement with the lowest distance; of equals the first."""
        return min(self.history, key=lambda measurement: measurement.distance.value, default=None)

    @cached_property
    def able(self) -> bool:
        """Whether distances can be measured; a message explains why not, once."""
        if self.settings.validation_count and len(self.held_out) < FEWEST_MEASURED:
            self.message(
                f"no distance will be measured: {len(self.held_out)} clips are held out and {FEWEST_MEASURED} are the "
                f"fewest; raise held_out or add sounds to see when training stops helping"
            )
        return bool(self.settings.validation_count) and len(self.held_out) >= FEWEST_MEASURED

    def due(self, step: int) -> bool:
        """Whether a step is to be measured: at most once."""
        return self.able and not (self.history and self.history[-1].step == step)

    def sounds(self, step: int, system: System) -> list[Generated]:
        """Generate the sounds of a preview, then more to measure; the same seed each time, so that previews compare.

        Where sampling is slow there are fewer, but enough to measure.
        """
        shown = self.settings.preview_count if self.settings.preview_seconds else 0
        wanted = max(shown, self._count) if self.due(step) else shown
        limit = SHARE * self.settings.preview_seconds or math.inf
        begun, made = time.monotonic(), list[Generated]()
        for sound in generate_from(system, Request(count=wanted, seed=self.settings.seed)) if wanted else ():
            made.append(sound)
            if len(made) >= max(shown, FEWEST_MEASURED) and time.monotonic() - begun > limit:
                break
        self.spent = self.needs = 0.0
        if wanted > shown:
            self.spent = time.monotonic() - begun
            self.needs = min(self.spent * self.settings.validation_count / wanted, max(self.spent, limit))
        return made

    def measure(self, step: int, sounds: Sequence[Generated]) -> Measurement | None:
        """Measure sounds and add the measurement to the history; None where it is not due or fails."""
        if not self.due(step):
            return None
        begun = time.monotonic()
        try:
            measurement = Measurement(step, self._figures(sounds))
        except ValueError as error:  # NaN in the sounds, for example: the training may recover
            self.message(f"step {step} could not be measured: {error}")
            return None
        finally:
            self.spent += time.monotonic() - begun
        self.history.append(measurement)
        return measurement

    @property
    def advice(self) -> str:
        """That training stopped helping, if the last measurement shows it; else empty."""
        if self.best is None or not patience_ends(self.history):
            return ""
        since = self.history[last_improvement(self.history)].step
        return (
            f"held-out distance stopped improving at step {since} (the best, {self.best.distance.value:.0f} at step "
            f"{self.best.step}, is kept in {self.folder}); more training is unlikely to help"
        )

    def keep(self, system: System, name: str) -> None:
        """Keep these weights as the best: a model of its own, with the record of its training data."""
        self.folder.mkdir(exist_ok=True)
        provenance = self.folder.parent / PROVENANCE
        if provenance.is_file():
            write_atomically(self.folder / PROVENANCE, provenance.read_bytes())
        checkpoint.save(self.folder, system, name)

    def restore(self, history: Iterable[Any]) -> None:
        """Take up the history that `to_list` returned."""
        self.history = [Measurement(int(step), dict(figures)) for step, figures in history]

    def to_list(self) -> list[Any]:
        """The history as JSON values."""
        return [list(measurement) for measurement in self.history]

    @property
    def _first(self) -> bool:
        return bool(self.settings.preview_seconds) and not self.history

    @property
    def _count(self) -> int:
        return min(FIRST_COUNT, self.settings.validation_count) if self._first else self.settings.validation_count

    def _figures(self, sounds: Sequence[Generated]) -> dict[str, float]:
        audio = np.stack([_cut_or_padded(sound.audio.samples, self.held_out.store.samples) for sound in sounds])
        figures, seconds = self.figures.measure(audio, brief=self._first)
        self.needs += seconds * self.settings.validation_count / len(audio)
        return figures


def _cut_or_padded(audio: np.ndarray, samples: int) -> np.ndarray:
    """(channel, time) as (samples,)."""
    mono = audio.mean(axis=0)[:samples]
    return np.pad(mono, (0, samples - len(mono)))
