"""Common terms: sounds are compared at one sample rate, one length, one count and one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soundloom.evaluation.settings import Settings
from soundloom.metrics.level_matching import resampled

SHORTEST_SECONDS = 0.05
WITHOUT_MODELS = (22050, 1.0)  # Hz, seconds


class Native(NamedTuple):
    """What a model generates by itself."""

    sample_rate: int
    seconds: float


@dataclass(frozen=True)
class Terms:
    """What all sounds that are compared have in common."""

    sample_rate: int
    seconds: float
    count: int
    seed: int

    @property
    def samples(self) -> int:
        return round(self.sample_rate * self.seconds)


def common_terms(models: Sequence[Native], settings: Settings) -> tuple[Terms, list[str]]:
    """The lowest rate and the shortest length of some models, and remarks on what that changes for the others.

    Raises:
        ValueError: the settings ask for a length that one of the models cannot generate.
    """
    rates = [each.sample_rate for each in models] or [WITHOUT_MODELS[0]]
    lengths = [each.seconds for each in models] or [WITHOUT_MODELS[1]]
    seconds = settings.seconds
    if seconds is not None and not SHORTEST_SECONDS <= seconds <= min(lengths) + 1e-9:
        raise ValueError(
            f"seconds is {seconds:g} but must be {SHORTEST_SECONDS:g} to {min(lengths):g}, what every model can make"
        )
    terms = Terms(min(rates), min(lengths) if seconds is None else seconds, settings.count, settings.seed)
    remarks = []
    if len(set(rates)) > 1:
        several = ", ".join(f"{rate}" for rate in sorted(set(rates)))
        remarks.append(
            f"the models generate at {several} Hz; all are compared at the lowest rate, {terms.sample_rate} Hz"
        )
    if models and terms.seconds < max(lengths):
        several = ", ".join(f"{length:g}" for length in sorted(set(lengths)))
        remarks.append(
            f"the models generate sounds of {several} s; the first {terms.seconds:g} s of each sound are compared"
        )
    return terms, remarks


def to_terms(sounds: Sequence[np.ndarray], sample_rate: int, terms: Terms) -> np.ndarray:
    """Sounds of any length at one rate as (sound, sample) on common terms: cut, or padded with silence."""
    longest = max(len(sound) for sound in sounds)
    audio = np.zeros((len(sounds), longest), np.float32)
    for row, sound in zip(audio, sounds, strict=True):
        row[: len(sound)] = sound
    if sample_rate != terms.sample_rate:
        audio = resampled(audio, sample_rate, terms.sample_rate)
    short = terms.samples - audio.shape[1]
    return np.pad(audio, ((0, 0), (0, short))) if short > 0 else audio[:, : terms.samples]
