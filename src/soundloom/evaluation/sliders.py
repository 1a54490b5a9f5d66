"""Do the sliders of a model do what they say? Feature coherence, and the diversity that is left once all are set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soundloom.conditions.schema import Scalar, Schema
from soundloom.data.labels import known
from soundloom.evaluation.candidates.model import ModelCandidate
from soundloom.evaluation.candidates.protocol import Conditions
from soundloom.evaluation.embedded_sounds import EmbeddedSounds, Embedder
from soundloom.evaluation.results import Figure, Results
from soundloom.evaluation.terms import Terms
from soundloom.metrics.coherence import FEWEST, at_levels, coherence, mean_coherence
from soundloom.metrics.conditional_diversity import LabelSpace, conditional_diversity
from soundloom.metrics.conditioning_accuracy import measure
from soundloom.metrics.estimate import TooFew
from soundloom.runtime.generators import generator

NEAREST = "nearest training sound"
REQUESTS = 64  # whose sliders are moved
NEIGHBOURS = 5  # training sounds whose labels are nearest to those of another one


@dataclass(frozen=True)
class SliderTest:
    """The sliders of one model, moved one at a time from the labels of held-out sounds."""

    candidate: ModelCandidate
    requests: Sequence[Conditions]  # labels of held-out sounds; missing values are drawn once and then fixed
    terms: Terms

    @property
    def schema(self) -> Schema:
        return self.candidate.model.system.schema

    @property
    def sliders(self) -> list[Scalar]:
        """Conditions that are descriptors, measured in the sound."""
        return [each for each in self.schema.conditions if isinstance(each, Scalar) and each.measured]

    @cached_property
    def rows(self) -> list[Conditions]:
        """Complete requests.

        Raises:
            TooFew: fewer than coherence needs.
        """
        count = min(REQUESTS, self.terms.count, len(self.requests))
        if count < FEWEST:
            raise TooFew("coherence of sliders", count, FEWEST, "requests")
        distribution, seed = self.candidate.model.system.joint_distribution, self.terms.seed
        return [
            distribution.complete(row, generator(seed, "sliders", place))
            for place, row in enumerate(self.requests[:count])
        ]

    def coherence(self) -> list[np.ndarray]:
        """Each slider's descriptor, measured in the sounds at low, middle and high: (3, row), NaN in broken sounds.

        A row has one seed at all levels.
        """
        return [self._at_levels(slider) for slider in self.sliders]

    def _at_levels(self, slider: Scalar) -> np.ndarray:
        requests = at_levels(slider.name, self.rows)
        seeds = [self.terms.seed + place % len(self.rows) for place in range(len(requests))]
        audio = self.candidate.generate(requests, self.terms, seeds)
        values, finite = np.full(len(audio), np.nan), np.isfinite(audio).all(axis=1)
        measured = measure(Schema((slider,)), audio[finite], self.terms.sample_rate, {})
        values[finite] = measured.values[slider.name]
        return values.reshape(-1, len(self.rows))

    def nearest_training(self, labels: Sequence[dict[str, str]]) -> list[np.ndarray]:
        """The same of the training sounds nearest to the same requests: what retrieval would give.

        Raises:
            TooFew: no training sound has all sliders among its labels.
        """
        space = LabelSpace([known(self.schema, row) for row in labels], self.schema)
        return [
            space.nearest_values(each.name, at_levels(each.name, self.rows)).reshape(-1, len(self.rows))
            for each in self.sliders
        ]

    def diversity(self, training: EmbeddedSounds, embedder: Embedder, results: Results) -> Iterator[Figure]:
        """Distances between two sounds from each request, relative to training sounds with nearly the same labels.

        Raises:
            TooFew: no training sound has all sliders among its labels.
        """
        first, count = self.terms.seed + len(self.rows), len(self.rows)  # other seeds than those of `coherence`
        draws = [
            self.candidate.generate(self.rows, self.terms, range(start, start + count))
            for start in (first, first + count)
        ]
        finite = np.isfinite(np.stack(draws)).all(axis=(0, 2))
        labels = [{name: str(value) for name, value in row.items()} for row in training.conditions]
        pairs = LabelSpace([known(self.schema, row) for row in labels], self.schema).neighbours(NEIGHBOURS)
        one, other = np.array(pairs, np.int64).reshape(-1, 2).T
        for embedding in embedder.embeddings:
            generated = [embedder.vectors(embedding, audio[finite]) for audio in draws]
            real = training.vectors[embedding.name]
            with results.explaining(self.candidate.name):
                ratio = conditional_diversity((generated[0], generated[1]), (real[one], real[other]))
                yield Figure(
                    self.candidate.name, "conditional diversity", ratio, "one", int(finite.sum()), embedding.name
                )


def add_coherence(results: Results, subject: str, sliders: Sequence[Scalar], measured: Sequence[np.ndarray]) -> None:
    """E1, E2 and E3 of each slider, and their means."""
    results.coherence[subject] = {slider.name: coherence(each) for slider, each in zip(sliders, measured, strict=True)}
    results.figures += [
        Figure(subject, f"coherence {name}", estimate, "higher", measured[0].shape[1])
        for name, estimate in mean_coherence(measured).items()
    ]
