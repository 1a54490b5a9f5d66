"""One evaluation in progress: all subjects embedded alike, and their distances from the same held-out sounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from soundloom.data.clips import ClipStore
from soundloom.evaluation.candidates.protocol import Block, Candidate
from soundloom.evaluation.distances import distances
from soundloom.evaluation.embedded_sounds import EmbeddedSounds, Embedder, blocks_of, blocks_of_clips
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.reference_data import ReferenceData
from soundloom.evaluation.results import FLOOR, Figure, Results, Subject
from soundloom.evaluation.terms import Terms
from soundloom.metrics.bad_reference import noise_with_envelopes
from soundloom.metrics.bins import Bins, fit_bins
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.kernels import kid_between

NOISE = "noise with the same envelopes"
HELD_OUT_SOUNDS = 5000  # that are compared with, at most, evenly spread
BIN_SOUNDS = 2000  # training clips that the bins are fitted to, at most


@dataclass
class Session:
    """Subjects in the order in which they are added, each with its distances from the held-out sounds."""

    data: ReferenceData  # on common terms
    terms: Terms
    embedder: Embedder
    results: Results
    monitor: Monitor = field(default_factory=Monitor)
    held_out: EmbeddedSounds = field(default_factory=EmbeddedSounds)
    sounds: dict[str, EmbeddedSounds] = field(default_factory=dict)  # by subject
    bins: dict[str, Bins] = field(default_factory=dict)  # by embedding

    def prepare(self) -> None:
        """Embed the held-out sounds, and add the subjects that every evaluation has: the floor, and noise."""
        held_out = shuffled_clips(self.data.held_out.some(HELD_OUT_SOUNDS))
        self.monitor.report(f"embedding {len(held_out)} held-out sounds")
        self.held_out = self.embedder.embed(blocks_of_clips(held_out))
        if len(self.data.training):
            self._add_floor()
        noise = noise_with_envelopes(self.held_out.audio, self.terms.sample_rate, self.terms.seed)
        self.add(Subject(NOISE, "bad"), blocks_of(noise))

    def _add_floor(self) -> None:
        training = self.data.training.some(BIN_SOUNDS)
        self.monitor.report(f"embedding {len(training)} training sounds")
        everything = self.embedder.embed(blocks_of_clips(training))
        for embedding in self.embedder.embeddings:
            try:
                self.bins[embedding.name] = fit_bins(everything.vectors[embedding.name])
            except TooFew as few:
                self.results.remark(str(few))
        chosen = np.random.default_rng(self.terms.seed).permutation(len(training))[: self.terms.count]
        self.add(Subject(FLOOR, "floor"), blocks_of_clips(training.subset(chosen)))

    def add(self, subject: Subject, blocks: Iterable[Block]) -> EmbeddedSounds:
        """Embed the sounds of a subject and compute their distances from the held-out ones."""
        self.results.subjects.append(subject)
        self.monitor.report(f"embedding {subject.name}")
        sounds = self.embedder.embed(blocks)
        self.sounds[subject.name] = sounds
        self.results.remark(*sounds.remarks(subject.name))
        unavailable = partial(self.results.unavailable, subject.name)
        for name, vectors in sounds.vectors.items():
            self.results.figures += [
                Figure(subject.name, found.name, found.estimate, found.better, sounds.sounds, name, found.unit)
                for found in distances(self.held_out.vectors[name], vectors, self.bins.get(name), unavailable)
            ]
        return sounds

    def add_candidate(self, candidate: Candidate) -> EmbeddedSounds:
        """Add a candidate with its facts and remarks, and its distance above the floor."""
        sounds = self.add(Subject(candidate.name, candidate.role), candidate.blocks(self.terms))
        self.results.subjects[-1] = Subject(candidate.name, candidate.role, candidate.facts())
        self._above_the_floor(candidate.name)
        self.results.remark(*candidate.remarks)
        return sounds

    def difference(self, one: str, two: str, embedding: str) -> Estimate | None:
        """KID of one subject minus that of another; None if it cannot be computed.

        The sampling error of the held-out sounds is common to both and cancels, so this separates more than two
        intervals do.
        """
        sides = [self.sounds[name].vectors.get(embedding, np.zeros((0, 1))) for name in (one, two)]
        try:
            return kid_between(self.held_out.vectors[embedding], *sides)
        except ValueError:
            return None

    def _above_the_floor(self, subject: str) -> None:
        if FLOOR not in self.sounds:
            return
        sounds = self.sounds[subject]
        for name in sounds.vectors:
            above = self.difference(subject, FLOOR, name)
            if above is not None:
                figure = Figure(subject, "KID above the floor", above, "lower", sounds.sounds, name, "x 1000")
                self.results.figures.append(figure)


def shuffled_clips(store: ClipStore) -> ClipStore:
    """The same clips in a fixed random order, so that the first of them represent all.

    A folder's own order follows file names, and so kinds and kits.
    """
    return store.subset(np.random.default_rng(0).permutation(len(store)))
