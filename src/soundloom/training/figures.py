"""How far generated sounds are from held-out clips, and how many of them are memorised training clips.

One number decides, the kernel inception distance (KID) in the reference embedding. It is unbiased, so that previews of
few and of many sounds compare. The same distance of log-mel statistics, which need no training, is logged beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from soundloom.metrics.estimate import Estimate
from soundloom.training.feed import Feed
from soundloom.training.measurement import DECIDES, HELD_OUT, MEMORISED, SOUNDS, TRAINED
from soundloom.training.settings import FEWEST_MEASURED

if TYPE_CHECKING:
    from soundloom.metrics.memorisation import MemorisationDetector

EMBEDDINGS = (DECIDES, "log-mel")
MOST = 256  # clips of a side
SEARCHED = 4096  # training clips among which memorised ones are searched
BLOCK = 64


class Figures:
    """Measures generated sounds against the clips of a training.

    Args:
        clips: those to train on.
        held_out: those that training never sees.
        count: generated sounds that a preview usually has; as many training clips are measured for comparison.
        message: takes a sentence for the person who watches.
    """

    def __init__(self, clips: Feed, held_out: Feed, count: int, message: Callable[[str], None]) -> None:
        self.clips, self.held_out, self.count, self.message = clips, held_out, count, message

    def measure(self, audio: np.ndarray, brief: bool) -> tuple[dict[str, float], float]:
        """Figures by their keys of the log, and the seconds that they take each time.

        Args:
            audio: generated sounds, (sound, sample), at the rate of the clips.
            brief: leave out training clips and memorisation, whose preparation takes a while.
        """
        from soundloom.metrics.kernels import kid, kid_between

        held_out, training = self._held_out, {} if brief else self._training
        if not brief:
            _ = self._detector  # prepared now: the clock below is for what is done each time
        begun = time.monotonic()
        embedded = self._embedded(audio[at : at + BLOCK] for at in range(0, len(audio), BLOCK))
        figures = {SOUNDS: float(len(audio))}
        for name, vectors in embedded.items():
            figures |= _named(f"{HELD_OUT}.{name}", kid(held_out[name], vectors))
            repeated = kid_between(held_out[name], vectors, vectors)  # two previews that are as noisy as this one
            figures[f"{HELD_OUT}.{name}.noise"] = repeated.high
        if not brief:
            figures |= self._memorised(audio)
        return figures | training, time.monotonic() - begun

    @cached_property
    def _held_out(self) -> dict[str, np.ndarray]:
        return self._embedded(_mono(self.held_out, MOST))

    @cached_property
    def _training(self) -> dict[str, float]:
        """Distances from held-out clips to training clips, as many as there are sounds: a model can get no closer."""
        from soundloom.metrics.kernels import kid

        if len(self.clips) < FEWEST_MEASURED:
            return {}
        embedded = self._embedded(_mono(self.clips, min(MOST, self.count)))
        return {
            key: value
            for name, vectors in embedded.items()
            for key, value in _named(f"{TRAINED}.{name}", kid(self._held_out[name], vectors)).items()
        }

    @cached_property
    def _detector(self) -> MemorisationDetector | None:
        """Finds memorised training clips; None, with a message, where it cannot be fitted."""
        from soundloom.metrics.memorisation import MemorisationDetector

        clips = self.clips.some(SEARCHED)
        if len(clips) < len(self.clips):
            self.message(f"memorisation is checked against {len(clips)} of the {len(self.clips)} training clips")
        try:
            return MemorisationDetector.fit(clips.store, self.held_out.store)
        except ValueError as error:
            self.message(f"memorisation is not checked: {error}")
            return None

    def _memorised(self, audio: np.ndarray) -> dict[str, float]:
        if self._detector is None:
            return {}
        memorised = self._detector.search(audio, self.held_out.store.sample_rate).memorised
        return {MEMORISED: float(memorised.sum()), f"{MEMORISED}.of": float(len(memorised))}

    def _embedded(self, blocks: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
        """Sounds (sound, sample) at one loudness and rate, in each embedding, (sound, feature)."""
        from soundloom.metrics.embeddings import load
        from soundloom.metrics.level_matching import match_level_and_rate

        embeddings = [load(name) for name in EMBEDDINGS]
        rates = {embedding.sample_rate for embedding in embeddings}
        parts: dict[str, list[np.ndarray]] = {embedding.name: [] for embedding in embeddings}
        for block in blocks:
            at = {rate: match_level_and_rate(block, self.held_out.store.sample_rate, rate) for rate in rates}
            for embedding in embeddings:
                parts[embedding.name].append(embedding(at[embedding.sample_rate]))
        return {name: np.concatenate(part) for name, part in parts.items()}


def _mono(clips: Feed, most: int) -> Iterator[np.ndarray]:
    """Clips, evenly spread, mixed to one channel, (clip, sample)."""
    return (batch.audio.mean(dim=1).numpy() for batch in clips.some(most).batches(BLOCK))


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
