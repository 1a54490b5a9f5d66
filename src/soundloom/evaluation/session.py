"""One verdict: every contender heard on the same terms, measured by the same figures, between the same references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from soundloom.evaluation import reconstruction as pairs
from soundloom.evaluation.candidates import Block, Contender, ModelContender, Terms, on_terms
from soundloom.evaluation.cost import SOUNDS, cost_of
from soundloom.evaluation.distances import distances
from soundloom.evaluation.embedded import KEPT, Heard, blocks_of, hear
from soundloom.evaluation.reference_data import Material
from soundloom.evaluation.results import Figure, Findings, Subject
from soundloom.metrics.bad_reference import noise_with_envelopes
from soundloom.metrics.bins import Bins, fit_bins
from soundloom.metrics.embedding_store import EmbeddingStore
from soundloom.metrics.embeddings import Embedding
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.kernels import kid_between

if TYPE_CHECKING:
    from soundloom.data.clips import ClipStore

FLOOR = "training sounds"
NOISE = "noise with the same envelopes"
REFERENCE = 5000  # held-out clips that are compared with, at most, evenly spread
BINNED = 2000  # training clips that the bins are fitted to, at most
Progress = Callable[[str], None]


@dataclass
class Verdict:
    """A verdict on its way: what was heard so far, and what was found."""

    material: Material  # on common terms
    terms: Terms
    embeddings: Sequence[Embedding]
    findings: Findings
    progress: Progress
    store: EmbeddingStore = field(default_factory=EmbeddingStore)
    heard: dict[str, Heard] = field(default_factory=dict)
    reference: Heard = field(default_factory=Heard)
    bins: dict[str, Bins] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """A remark for the report, once."""
        if sentence not in self.findings.remarks:
            self.findings.remarks.append(sentence)

    def missing(self, subject: str, error: ValueError) -> None:
        """Say which figure of a subject could not be had, once for all where the references are too few."""
        common = isinstance(error, TooFew) and error.what.startswith(("reference", "training"))
        self.say(str(error) if common else f"{subject}: {error}")

    def listen(self) -> None:
        """Hear the held-out sounds, and what else every verdict compares with them."""
        held_out = mixed(self.material.held_out.some(REFERENCE))
        self.progress(f"hearing {len(held_out)} held-out sounds")
        self.reference = hear(store_blocks(held_out), self.embeddings, self.store, self.terms.sample_rate)
        if len(self.material.training):
            self._listen_to_training()
        noise = noise_with_envelopes(self.reference.audio, self.terms.sample_rate, self.terms.seed)
        self.hear_subject(Subject(NOISE, "bad"), blocks_of(noise))

    def _listen_to_training(self) -> None:
        training = self.material.training.some(BINNED)
        self.progress(f"hearing {len(training)} training sounds")
        everything = hear(store_blocks(training), self.embeddings, self.store, self.terms.sample_rate)
        for embedding in self.embeddings:
            try:
                self.bins[embedding.name] = fit_bins(everything.vectors[embedding.name])
            except TooFew as few:
                self.say(str(few))
        chosen = np.random.default_rng(self.terms.seed).permutation(len(training))[: self.terms.count]
        self.hear_subject(Subject(FLOOR, "floor"), store_blocks(training.subset(chosen)))

    def hear_subject(self, subject: Subject, blocks: Any) -> Heard:
        """Hear one set of sounds and measure its distances from the held-out ones."""
        self.findings.subjects.append(subject)
        self.progress(f"hearing {subject.name}")
        heard = hear(blocks, self.embeddings, self.store, self.terms.sample_rate)
        self.heard[subject.name] = heard
        for remark in heard.remarks(subject.name):
            self.say(remark)
        for name, vectors in heard.vectors.items():
            missing = partial(self.missing, subject.name)
            for found in distances(self.reference.vectors[name], vectors, self.bins.get(name), missing):
                unit = "x 1000" if found.name in ("KID", "KAD") else ""
                self.note(subject.name, found.name, found.estimate, found.better, heard.sounds, name, unit)
        return heard

    def hear_ceiling(self, contender: ModelContender) -> None:
        """Held-out sounds through the representation of a model and back: as near as its system can come."""
        representation = contender.model.system.representation
        label = getattr(representation, "kind", type(representation).__name__)
        name = f"held-out sounds through {label}, {representation.sample_rate} Hz"
        if name in self.heard:
            return
        rate = representation.sample_rate
        held_out = self.material.at(rate, contender.model.seconds).held_out
        real = held_out.some(min(self.terms.count, KEPT)).audio(slice(None))
        back = through(representation, real)
        self.hear_subject(Subject(name, "ceiling"), blocks_of(on_terms(list(back), rate, self.terms)))
        pairs.measure(self, name, real[:, 0], back, rate)

    def hear_contender(self, contender: Contender) -> Heard:
        """A model or baseline: its sounds, its distances, its facts."""
        heard = self.hear_subject(Subject(contender.name, contender.role), contender.blocks(self.terms))
        self.findings.subjects[-1] = Subject(contender.name, contender.role, contender.facts())
        self._above_the_floor(contender.name)
        for remark in getattr(contender, "remarks", ()):
            self.say(remark)
        return heard

    def _above_the_floor(self, subject: str) -> None:
        """KID less that of training sounds: what the held-out sounds have by chance is common to both, and cancels."""
        if FLOOR not in self.heard:
            return
        floor, heard = self.heard[FLOOR], self.heard[subject]
        for name, vectors in heard.vectors.items():
            try:
                above = kid_between(self.reference.vectors[name], vectors, floor.vectors[name])
            except (TooFew, ValueError):
                continue  # the distance itself could not be had, which was said
            self.note(subject, "KID above the floor", above, "lower", heard.sounds, name, "x 1000")

    def cost(self, contender: ModelContender) -> None:
        """Time and memory of a model, in a process of its own."""
        self.progress(f"timing {contender.name}")
        cost = cost_of(str(contender.model.checkpoint.path), contender.options)
        if cost is None:
            self.say(f"{contender.name}: its speed could not be measured")
            return
        factor = Estimate(cost.real_time_factor, cost.quickest, cost.slowest)
        self.note(contender.name, "real-time factor", factor, "lower", SOUNDS)
        unknown = float("nan")
        self.note(
            contender.name, "peak memory", Estimate(cost.peak_megabytes, unknown, unknown), "lower", SOUNDS, unit="MB"
        )

    def note(
        self, subject: str, name: str, estimate: Estimate, better: Any, sounds: int,
        embedding: str | None = None, unit: str = "",
    ) -> None:  # fmt: skip
        self.findings.figures.append(Figure(subject, name, estimate, better, sounds, embedding, unit))


def mixed(store: ClipStore) -> ClipStore:
    """The same clips in an order of chance, always the same one: the first of them stand for all, whatever their names.

    A folder's own order goes by names, so by kinds and kits.
    """
    return store.subset(np.random.default_rng(0).permutation(len(store)))


def store_blocks(store: ClipStore, size: int = 256) -> Iterator[Block]:
    """Clips in blocks, with what their files say of them."""
    for at in range(0, len(store), size):
        some = store.subset(slice(at, at + size))
        yield Block(some.audio(slice(None))[:, 0], some.labels, some.files)


def through(representation: Any, audio: np.ndarray) -> np.ndarray:
    """Clips (clip, 1, sample) encoded and decoded one by one, (clip, sample)."""
    import torch

    from soundloom.runtime.generators import generator
    from soundloom.runtime.processors import available_processors, in_order

    def one(number: int) -> np.ndarray:
        clip = torch.from_numpy(audio[number : number + 1])
        back: np.ndarray = representation.decode(representation.encode(clip), generator(0, number))[0, 0].numpy()
        return np.pad(back, (0, max(0, audio.shape[2] - len(back))))[: audio.shape[2]]

    return np.stack(list(in_order(one, range(len(audio)), available_processors())))
