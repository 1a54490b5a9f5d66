"""Previews: sounds of the averaged weights while training goes on, when they are due, and what they contain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from soundloom.audio import write
from soundloom.contract import Stage, System
from soundloom.generation import Generated
from soundloom.generation.pictures import contact_sheet
from soundloom.training.measurement import Measurement
from soundloom.training.settings import TrainSettings
from soundloom.training.validation import Validation

EARLY_SECONDS = 30.0  # of training, before the second preview


class Preview(NamedTuple):
    """What came of a preview."""

    report: str  # a sentence for the person who watches; empty for none
    measurement: Measurement | None


class Previews:
    """The previews of a training: one at the start, one early, then at even intervals."""

    def __init__(self, run: Path, settings: TrainSettings, validation: Validation) -> None:
        self.folder, self.settings, self.validation = run / "previews", settings, validation
        self.made_at, self.early = -math.inf, True

    def begin_stage(self, first: bool, seconds: float) -> None:
        """Start the clock of a stage.

        Args:
            first: no step is trained yet, so that a preview is due at once.
            seconds: spent on the training so far.
        """
        self.made_at, self.early = (-math.inf if first else seconds), first

    def due(self, seconds: float) -> bool:
        """Whether it is time for a preview after so many seconds of training."""
        interval = self.settings.preview_seconds
        return seconds - self.made_at >= (min(EARLY_SECONDS, interval) if self.early else interval)

    def begin_wait(self, seconds: float) -> None:
        """Note that a preview was finished after so many seconds of training."""
        self.early = self.made_at == -math.inf
        self.made_at = seconds

    def make(self, step: int, system: System, stage: Stage, losses: Mapping[str, float]) -> Preview:
        """Generate, write and measure sounds, if the system can be sampled in this stage."""
        if not stage.playable:
            return Preview("", None)
        parts = [f"step {step}"]
        sounds = self.validation.sounds(step, system)
        if self.settings.preview_seconds:
            folder = self.folder / f"step-{step:06d}"
            write_preview(folder, sounds[: self.settings.preview_count])
            parts[0] += f": {self.settings.preview_count} sounds in {folder}"
        if losses:
            parts.append("held out: " + ", ".join(f"{key} {value:.4g}" for key, value in losses.items()))
        measurement = self.validation.measure(step, sounds)
        if measurement is not None:
            parts.append(str(measurement))
        reports = bool(self.settings.preview_seconds) or measurement is not None
        return Preview("; ".join(parts) if reports else "", measurement)


def write_preview(folder: Path, sounds: Sequence[Generated]) -> None:
    """Write sounds as WAV files, and spectrograms.png, into a folder."""
    for index, sound in enumerate(sounds):
        write(folder / f"{index:02d}.wav", sound.audio)
    titles = [
        ", ".join(f"{value:.4g}" if isinstance(value, float) else value for value in sound.conditions.values())
        or f"{i:02d}"
        for i, sound in enumerate(sounds)
    ]
    contact_sheet(folder / "spectrograms.png", [sound.audio for sound in sounds], titles)
