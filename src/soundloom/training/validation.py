"""When to stop: how near the sounds made so far come to sounds never heard, which weights came nearest, and for how
long nothing has come nearer.

One number decides, the kernel inception distance (KID) in the reference embedding: it is unbiased, so that previews
of few and of many sounds compare. Log-mel statistics, of which nothing is learnt, stand beside it in the journal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from soundloom.checkpoints import checkpoint
from soundloom.contract import System
from soundloom.data.provenance import FILE as PROVENANCE
from soundloom.generation import Generated, Request, generate_from
from soundloom.metrics.estimate import Estimate
from soundloom.runtime.files import write_atomically
from soundloom.training.feed import Feed
from soundloom.training.settings import FEWEST_MEASURED as FEWEST
from soundloom.training.settings import TrainSettings

if TYPE_CHECKING:
    from soundloom.metrics.memorisation import MemorisationDetector

BEST = "best"
DECIDES = "reference"
EMBEDDINGS = (DECIDES, "log-mel")
HELD_OUT, TRAINED, COPIES, SOUNDS = "held_out.kid", "training.kid", "copies", "sounds"  # names in the journal
MOST = 256  # clips that a side is measured by
SEARCHED = 4096  # training clips that copies are looked for among
FIRST = 64  # sounds at the first preview, which must not be waited for
SHARE = 0.04  # of the time between previews that making sounds may take; measuring takes half as long again
PATIENCE = 3  # previews
BLOCK = 64


class Measurement(NamedTuple):
    """The figures of one preview, as the journal has them."""

    step: int
    figures: dict[str, float]

    @property
    def distance(self) -> Estimate:
        """The one that decides, from held-out clips to generated sounds."""
        name = f"{HELD_OUT}.{DECIDES}"
        return Estimate(self.figures[name], self.figures[f"{name}.low"], self.figures[f"{name}.high"])

    @property
    def noise(self) -> float:
        """What two distances may differ by, by chance, the held-out clips being the same."""
        return self.figures[f"{HELD_OUT}.{DECIDES}.noise"]

    def __str__(self) -> str:
        value, low, high = self.distance
        said = f"distance (KID, {DECIDES}) {value:.0f} ± {(high - low) / 2:.0f}"
        if f"{TRAINED}.{DECIDES}" in self.figures:
            said += f", training sounds {self.figures[f'{TRAINED}.{DECIDES}']:.0f}"
        if COPIES in self.figures:
            said += f"; copies {self.figures[COPIES]:.0f} of {self.figures[f'{COPIES}.of']:.0f}"
        return said


def last_progress(history: Sequence[Measurement]) -> int:
    """The place of the last improvement: nearer than the improvement before it by more than chance brings about."""
    place = 0
    for number, found in enumerate(history):
        if found.distance.value < history[place].distance.value - found.noise:
            place = number
    return place


def stops_here(history: Sequence[Measurement]) -> bool:
    """Whether the last found exhausts the patience: true once for each stretch without progress."""
    return bool(history) and len(history) - 1 - last_progress(history) == PATIENCE


class Validation:
    """Measures what the averaged weights make against clips that training never sees, and keeps the nearest weights."""

    def __init__(
        self, run: Path, clips: Feed, held_out: Feed, settings: TrainSettings, say: Callable[[str], None]
    ) -> None:
        self.folder, self.clips, self.held_out = run / BEST, clips, held_out
        self.settings, self.say = settings, say
        self.history: list[Measurement] = []
        self.spent = 0.0  # seconds that the last found took, with what is done once
        self.needs = 0.0  # seconds that the next one will take

    @property
    def best(self) -> Measurement | None:
        """The nearest so far; of equals the first."""
        return min(self.history, key=lambda found: found.distance.value, default=None)

    @cached_property
    def able(self) -> bool:
        """Whether there is enough to judge by; if there is not, that is said, once."""
        if self.settings.validation_count and len(self.held_out) < FEWEST:
            self.say(
                f"no distance will be measured: {len(self.held_out)} clips are held out and {FEWEST} are the fewest; "
                f"raise held_out or add sounds to see when training stops helping"
            )
        return bool(self.settings.validation_count) and len(self.held_out) >= FEWEST

    def due(self, step: int) -> bool:
        """Whether a step is to be judged: once, if at all."""
        return self.able and not (self.history and self.history[-1].step == step)

    def sounds(self, step: int, system: System) -> list[Generated]:
        """Those of the preview first, then more to measure by: the same seed each time, so that previews compare.

        Fewer are made where making them takes long, but enough for a figure.
        """
        shown = self.settings.preview_count if self.settings.preview_seconds else 0
        wanted = max(shown, self._count) if self.due(step) else shown
        limit = SHARE * self.settings.preview_seconds or math.inf
        begun, made = time.monotonic(), list[Generated]()
        for sound in generate_from(system, Request(count=wanted, seed=self.settings.seed)) if wanted else ():
            made.append(sound)
            if len(made) >= max(shown, FEWEST) and time.monotonic() - begun > limit:
                break
        self.spent = self.needs = 0.0
        if wanted > shown:
            self.spent = time.monotonic() - begun
            self.needs = min(self.spent * self.settings.validation_count / wanted, max(self.spent, limit))
        return made

    def measure(self, step: int, sounds: Sequence[Generated]) -> Measurement | None:
        """Add the figures of these sounds to the history; None where they cannot be had, or were had before."""
        if not self.due(step):
            return None
        begun = time.monotonic()
        try:
            found = Measurement(step, self._figures(sounds))
        except ValueError as error:  # sounds that are no numbers: the training may yet recover
            self.say(f"step {step} could not be measured: {error}")
            return None
        finally:
            self.spent += time.monotonic() - begun
        self.history.append(found)
        return found

    @property
    def advice(self) -> str:
        """What to tell about the last found: that training stopped helping, or nothing."""
        if self.best is None or not stops_here(self.history):
            return ""
        since = self.history[last_progress(self.history)].step
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

    def remember(self, history: Iterable[Any]) -> None:
        """Take up the history that `plain` gave."""
        self.history = [Measurement(int(step), dict(figures)) for step, figures in history]

    def to_list(self) -> list[Any]:
        """The history as JSON values."""
        return [list(found) for found in self.history]

    @property
    def _first(self) -> bool:
        return bool(self.settings.preview_seconds) and not self.history

    @property
    def _count(self) -> int:
        return min(FIRST, self.settings.validation_count) if self._first else self.settings.validation_count

    def _figures(self, sounds: Sequence[Generated]) -> dict[str, float]:
        from soundloom.metrics.kernels import kid, kid_between

        reference, floor = self._reference, {} if self._first else self._floor
        if not self._first:
            _ = self._detector  # now, since the clock that follows is for what is done each time
        begun = time.monotonic()
        audio = np.stack([_cut_or_padded(sound.audio.samples, self.held_out.store.samples) for sound in sounds])
        found = self._embedded(audio[at : at + BLOCK] for at in range(0, len(audio), BLOCK))
        figures = {SOUNDS: float(len(audio))}
        for name, vectors in found.items():
            figures |= _named(f"{HELD_OUT}.{name}", kid(reference[name], vectors))
            as_good = kid_between(reference[name], vectors, vectors)  # of two previews that are as noisy as this one
            figures[f"{HELD_OUT}.{name}.noise"] = as_good.high
        if not self._first:
            figures |= self._copies(audio)
        self.needs += (time.monotonic() - begun) * self.settings.validation_count / len(audio)
        return figures | floor

    @cached_property
    def _reference(self) -> dict[str, np.ndarray]:
        return self._embedded(_mono(self.held_out, MOST))

    @cached_property
    def _floor(self) -> dict[str, float]:
        """How far training clips, as many as sounds, are from the held-out ones: no model need come nearer."""
        from soundloom.metrics.kernels import kid

        if len(self.clips) < FEWEST:
            return {}
        found = self._embedded(_mono(self.clips, min(MOST, self.settings.validation_count)))
        return {
            key: value
            for name, vectors in found.items()
            for key, value in _named(f"{TRAINED}.{name}", kid(self._reference[name], vectors)).items()
        }

    @cached_property
    def _detector(self) -> MemorisationDetector | None:
        """Finds copies of training clips; None where it cannot, which is said, once."""
        from soundloom.metrics.memorisation import MemorisationDetector

        clips = self.clips.some(SEARCHED)
        if len(clips) < len(self.clips):
            self.say(f"copies are looked for among {len(clips)} of the {len(self.clips)} training clips, evenly spread")
        try:
            return MemorisationDetector.fit(clips.store, self.held_out.store)
        except ValueError as error:
            self.say(f"copies are not looked for: {error}")
            return None

    def _copies(self, audio: np.ndarray) -> dict[str, float]:
        if self._detector is None:
            return {}
        found = self._detector.search(audio, self.held_out.store.sample_rate).memorised
        return {COPIES: float(found.sum()), f"{COPIES}.of": float(len(found))}

    def _embedded(self, blocks: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
        """Sounds (sound, sample), on equal terms, in each embedding, (sound, feature)."""
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


def _cut_or_padded(audio: np.ndarray, samples: int) -> np.ndarray:
    """(channel, time) as (samples,)."""
    mono = audio.mean(axis=0)[:samples]
    return np.pad(mono, (0, samples - len(mono)))


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
