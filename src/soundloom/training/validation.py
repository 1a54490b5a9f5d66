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
from soundloom.contract.system import System
from soundloom.data.provenance import FILE as PROVENANCE
from soundloom.generation.generate import Made, Request, stream_of
from soundloom.metrics.estimate import Estimate
from soundloom.runtime.files import write_atomically
from soundloom.training.feed import Feed
from soundloom.training.settings import FEWEST_JUDGED as FEWEST
from soundloom.training.settings import TrainSettings

if TYPE_CHECKING:
    from soundloom.metrics.memorisation import MemorisationDetector

BEST = "best"
DECIDES = "reference"
EMBEDDINGS = (DECIDES, "log-mel")
UNHEARD, TRAINED, COPIES, SOUNDS = "held_out.kid", "training.kid", "copies", "sounds"  # names in the journal
MOST = 256  # clips that a side is measured by
SEARCHED = 4096  # training clips that copies are looked for among
FIRST = 64  # sounds at the first preview, which must not be waited for
SHARE = 0.04  # of the time between previews that making sounds may take; measuring takes half as long again
PATIENCE = 3  # previews
AT_ONCE = 64


class Judgement(NamedTuple):
    """The figures of one preview, as the journal has them."""

    step: int
    figures: dict[str, float]

    @property
    def distance(self) -> Estimate:
        """The one that decides, from held-out clips to generated sounds."""
        name = f"{UNHEARD}.{DECIDES}"
        return Estimate(self.figures[name], self.figures[f"{name}.low"], self.figures[f"{name}.high"])

    @property
    def noise(self) -> float:
        """What two distances may differ by, by chance, the held-out clips being the same."""
        return self.figures[f"{UNHEARD}.{DECIDES}.noise"]

    def __str__(self) -> str:
        value, low, high = self.distance
        said = f"distance (KID, {DECIDES}) {value:.0f} ± {(high - low) / 2:.0f}"
        if f"{TRAINED}.{DECIDES}" in self.figures:
            said += f", training sounds {self.figures[f'{TRAINED}.{DECIDES}']:.0f}"
        if COPIES in self.figures:
            said += f"; copies {self.figures[COPIES]:.0f} of {self.figures[f'{COPIES}.of']:.0f}"
        return said


def last_progress(history: Sequence[Judgement]) -> int:
    """The place of the last improvement: nearer than the improvement before it by more than chance brings about."""
    place = 0
    for number, judgement in enumerate(history):
        if judgement.distance.value < history[place].distance.value - judgement.noise:
            place = number
    return place


def stops_here(history: Sequence[Judgement]) -> bool:
    """Whether the last judgement exhausts the patience: true once for each stretch without progress."""
    return bool(history) and len(history) - 1 - last_progress(history) == PATIENCE


class Judge:
    """Measures what the averaged weights make against clips that training never sees, and keeps the nearest weights."""

    def __init__(
        self, run: Path, clips: Feed, held_out: Feed, settings: TrainSettings, say: Callable[[str], None]
    ) -> None:
        self.folder, self.clips, self.held_out = run / BEST, clips, held_out
        self.settings, self.say = settings, say
        self.history: list[Judgement] = []
        self.spent = 0.0  # seconds that the last judgement took, with what is done once
        self.needs = 0.0  # seconds that the next one will take

    @property
    def best(self) -> Judgement | None:
        """The nearest so far; of equals the first."""
        return min(self.history, key=lambda judgement: judgement.distance.value, default=None)

    @cached_property
    def able(self) -> bool:
        """Whether there is enough to judge by; if there is not, that is said, once."""
        if self.settings.judge_count and len(self.held_out) < FEWEST:
            self.say(
                f"no distance will be measured: {len(self.held_out)} clips are held out and {FEWEST} are the fewest; "
                f"raise held_out or add sounds to see when training stops helping"
            )
        return bool(self.settings.judge_count) and len(self.held_out) >= FEWEST

    def due(self, step: int) -> bool:
        """Whether a step is to be judged: once, if at all."""
        return self.able and not (self.history and self.history[-1].step == step)

    def sounds(self, step: int, system: System) -> list[Made]:
        """Those of the preview first, then more to measure by: the same seed each time, so that previews compare.

        Fewer are made where making them takes long, but enough for a figure.
        """
        shown = self.settings.preview_count if self.settings.preview_seconds else 0
        wanted = max(shown, self._count) if self.due(step) else shown
        limit = SHARE * self.settings.preview_seconds or math.inf
        begun, made = time.monotonic(), list[Made]()
        for sound in stream_of(system, Request(count=wanted, seed=self.settings.seed)) if wanted else ():
            made.append(sound)
            if len(made) >= max(shown, FEWEST) and time.monotonic() - begun > limit:
                break
        self.spent = self.needs = 0.0
        if wanted > shown:
            self.spent = time.monotonic() - begun
            self.needs = min(self.spent * self.settings.judge_count / wanted, max(self.spent, limit))
        return made

    def judge(self, step: int, sounds: Sequence[Made]) -> Judgement | None:
        """Add the figures of these sounds to the history; None where they cannot be had, or were had before."""
        if not self.due(step):
            return None
        begun = time.monotonic()
        try:
            judgement = Judgement(step, self._figures(sounds))
        except ValueError as error:  # sounds that are no numbers: the training may yet recover
            self.say(f"step {step} could not be measured: {error}")
            return None
        finally:
            self.spent += time.monotonic() - begun
        self.history.append(judgement)
        return judgement

    @property
    def advice(self) -> str:
        """What to tell about the last judgement: that training stopped helping, or nothing."""
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

    def remember(self, judged: Iterable[Any]) -> None:
        """Take up the history that `plain` gave."""
        self.history = [Judgement(int(step), dict(figures)) for step, figures in judged]

    def plain(self) -> list[Any]:
        """The history as JSON values."""
        return [list(judgement) for judgement in self.history]

    @property
    def _first(self) -> bool:
        return bool(self.settings.preview_seconds) and not self.history

    @property
    def _count(self) -> int:
        return min(FIRST, self.settings.judge_count) if self._first else self.settings.judge_count

    def _figures(self, sounds: Sequence[Made]) -> dict[str, float]:
        from soundloom.metrics.kernels import kid, kid_between

        reference, floor = self._reference, {} if self._first else self._floor
        if not self._first:
            _ = self._detector  # now, since the clock that follows is for what is done each time
        begun = time.monotonic()
        audio = np.stack([_fitted(sound.audio.samples, self.held_out.store.samples) for sound in sounds])
        found = self._embedded(audio[at : at + AT_ONCE] for at in range(0, len(audio), AT_ONCE))
        figures = {SOUNDS: float(len(audio))}
        for name, vectors in found.items():
            figures |= _named(f"{UNHEARD}.{name}", kid(reference[name], vectors))
            as_good = kid_between(reference[name], vectors, vectors)  # of two previews that are as noisy as this one
            figures[f"{UNHEARD}.{name}.noise"] = as_good.high
        if not self._first:
            figures |= self._copies(audio)
        self.needs += (time.monotonic() - begun) * self.settings.judge_count / len(audio)
        return figures | floor

    @cached_property
    def _reference(self) -> dict[str, np.ndarray]:
        return self._embedded(_heard(self.held_out, MOST))

    @cached_property
    def _floor(self) -> dict[str, float]:
        """How far training clips, as many as sounds, are from the held-out ones: no model need come nearer."""
        from soundloom.metrics.kernels import kid

        if len(self.clips) < FEWEST:
            return {}
        found = self._embedded(_heard(self.clips, min(MOST, self.settings.judge_count)))
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


def _heard(clips: Feed, most: int) -> Iterator[np.ndarray]:
    """Clips, evenly spread, mixed to one channel, (clip, sample)."""
    return (audio.mean(dim=1).numpy() for audio, _ in clips.some(most).batches(AT_ONCE))


def _fitted(audio: np.ndarray, samples: int) -> np.ndarray:
    """(channel, time) as (samples,)."""
    mono = audio.mean(axis=0)[:samples]
    return np.pad(mono, (0, samples - len(mono)))


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
