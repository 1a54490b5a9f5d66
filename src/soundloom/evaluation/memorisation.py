"""Sounds of a subject that repeat training sounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soundloom.evaluation.reference_data import ReferenceData
from soundloom.evaluation.results import MEMORISED, Figure
from soundloom.metrics.intervals import share
from soundloom.metrics.memorisation import MemorisationDetector, NearestClips


class Search(NamedTuple):
    """What a search found among some sounds."""

    figure: Figure
    matches: NearestClips


@dataclass(frozen=True)
class MemorisationSearch:
    """A detector fitted to the training clips of an evaluation."""

    data: ReferenceData
    detector: MemorisationDetector

    @classmethod
    def fit(cls, data: ReferenceData, seed: int) -> MemorisationSearch:
        """Fit the detector.

        Raises:
            ValueError: too few clips, see `MemorisationDetector.fit`.
        """
        return cls(data, MemorisationDetector.fit(data.training, data.held_out, seed))

    def remarks(self) -> Iterator[str]:
        """How reliable the detector is on this data."""
        rates = self.detector.rates
        yield rates.sentence()
        if rates.near_duplicates:
            yield (
                f"{rates.near_duplicates} held-out sounds have a near-duplicate among the training sounds (the same "
                f"recording), so they are not unseen, though every distance counts them"
            )

    def search(self, subject: str, audio: np.ndarray) -> Search:
        """Search for memorised sounds in (sound, sample), at least one, at the rate of the training clips."""
        found = self.detector.search(audio, self.data.training.sample_rate)
        memorised = share(int(found.memorised.sum()), len(audio))
        return Search(Figure(subject, MEMORISED, memorised, "lower", len(audio)), found)

    def training_sound(self, number: int) -> np.ndarray:
        """A training clip, (sample,)."""
        clip: np.ndarray = self.data.training.audio([number])[0, 0]
        return clip

    def training_file(self, number: int) -> str:
        return self.data.training.files[number]
