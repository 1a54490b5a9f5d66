"""Suspected copies among the sounds of every contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soundloom.metrics.estimate import TooFew
from soundloom.metrics.intervals import share
from soundloom.metrics.memorisation import MemorisationDetector, NearestClips

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict


@dataclass(frozen=True)
class CopySearch:
    """A detector fitted to the training set of a verdict."""

    verdict: Verdict
    detector: MemorisationDetector

    @classmethod
    def of(cls, verdict: Verdict) -> CopySearch | None:
        """Fit a detector, or say why there is none."""
        if not len(verdict.material.training):
            return None
        verdict.progress("learning what a copy is")
        try:
            detector = MemorisationDetector.fit(
                verdict.material.training, verdict.material.held_out, verdict.terms.seed
            )
        except (TooFew, ValueError) as error:
            verdict.say(f"copies were not looked for: {error}")
            return None
        verdict.say(detector.rates.sentence())
        if detector.rates.near_duplicates:
            verdict.say(
                f"{detector.rates.near_duplicates} held-out sounds have a near-duplicate among training sounds (the "
                f"same recording), so they are not unseen, though every distance counts them"
            )
        return cls(verdict, detector)

    def search(self, subject: str) -> NearestClips | None:
        """Look for copies among the kept sounds of a subject, and note their share."""
        audio = self.verdict.heard[subject].audio
        if not len(audio):
            return None
        found = self.detector.search(audio, self.verdict.terms.sample_rate)
        self.verdict.note(subject, "copies", share(int(found.memorised.sum()), len(audio)), "lower", len(audio))
        return found

    def training_sound(self, number: int) -> np.ndarray:
        """A training clip, (sample,)."""
        clip: np.ndarray = self.verdict.material.training.audio([number])[0, 0]
        return clip

    def training_file(self, number: int) -> str:
        return self.verdict.material.training.files[number]
