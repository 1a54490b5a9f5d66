"""Conditioning accuracy of candidates, beside that of real sounds and of shuffled labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from soundloom.conditions.schema import Category, Scalar, Schema, Value
from soundloom.data.clips import ClipStore
from soundloom.data.labels import known
from soundloom.evaluation.candidates.model import ModelCandidate
from soundloom.evaluation.candidates.protocol import Conditions
from soundloom.evaluation.embedded_sounds import KEPT, EmbeddedSounds
from soundloom.evaluation.results import Better, ConditionResult, Figure, Results, Subject
from soundloom.evaluation.terms import Terms
from soundloom.metrics.classifier import TaskClassifier
from soundloom.metrics.conditioning_accuracy import ConditionAccuracy, Measurements, conditioning_accuracy, measure
from soundloom.metrics.inception import inception_score
from soundloom.metrics.leakage import leakage
from soundloom.metrics.requests import independent_requests, shuffled

REAL, SHUFFLED = "held-out sounds", "held-out sounds, labels shuffled"
TRAINING_CLIPS = 3000  # for a classifier, at most, evenly spread: time grows with the cube
LEAKAGE_REQUESTS = 300
LOWER_IS_BETTER = ("median error", "median cents")


@dataclass(frozen=True)
class ConditioningEvaluator:
    """Measures the conditions of sounds with classifiers that are trained on the real training sounds."""

    schema: Schema  # the conditions of all models
    classifiers: Mapping[str, TaskClassifier]  # by category
    terms: Terms
    results: Results

    @classmethod
    def train(cls, schema: Schema, training: ClipStore, terms: Terms, results: Results) -> ConditioningEvaluator:
        """Train a classifier for each category; a remark names each category that cannot have one."""
        clips = training.some(TRAINING_CLIPS)
        rows = [known(schema, labels) for labels in clips.labels]
        classifiers = {}
        for condition in schema.dense:
            if isinstance(condition, Category) and len(clips):
                values = [None if (value := row.get(condition.name)) is None else str(value) for row in rows]
                try:
                    classifiers[condition.name] = TaskClassifier.fit(
                        clips.audio(slice(None))[:, 0], clips.sample_rate, values, groups=clips.groups
                    )
                except ValueError as error:
                    results.remark(f"{condition.name}: no classifier ({error})")
        return cls(schema, classifiers, terms, results)

    def add_real_sounds(self, held_out: EmbeddedSounds) -> None:
        """The ceiling and the chance level: held-out sounds with their own labels, and with shuffled ones."""
        labels = [valid_labels(self.schema, row) for row in held_out.conditions]
        if not any(labels):
            return
        measured = self._measure(self.schema, held_out.audio)
        self.results.remark(*measured.missing.values())
        self.results.subjects += [Subject(REAL, "ceiling"), Subject(SHUFFLED, "bad")]
        self._add(REAL, conditioning_accuracy(self.schema, labels, measured))
        chance = shuffled(labels, np.random.default_rng(self.terms.seed))
        self._add(SHUFFLED, conditioning_accuracy(self.schema, chance, measured), details=False)
        self.add_inception_score(REAL, held_out.audio)

    def add_labelled_sounds(self, subject: str, sounds: EmbeddedSounds) -> None:
        """Accuracy of files against the labels that come with them."""
        labels = [valid_labels(self.schema, row) for row in sounds.conditions]
        named = [name for name in self.schema.names if any(name in row for row in labels)]
        if named:
            schema = Schema(tuple(self.schema[name] for name in named))
            self._add(subject, conditioning_accuracy(schema, labels, self._measure(schema, sounds.audio)))

    def requests_like(self, held_out: EmbeddedSounds, candidate: ModelCandidate) -> list[Conditions]:
        """The labels of held-out sounds as requests to a model; empty if it has no condition that can be evaluated."""
        own = candidate.model.system.schema
        comparable = self.comparable(own).names
        for condition in own.dense:
            if condition.name not in comparable:
                self.results.remark(
                    f"{candidate.name}: {condition.name} is another kind of condition than in the models before it; "
                    f"not evaluated"
                )
        for text in own.texts:
            self.results.remark(f"{candidate.name}: {text.name} is a text, whose accuracy is not measured")
        if not comparable:
            return []
        rows = [valid_labels(own, row) for row in held_out.conditions]
        requests = list[Conditions](row for row in rows if row)[: min(self.terms.count, KEPT)]
        if not requests:
            self.results.remark(
                f"{candidate.name}: no held-out sound has a value of its conditions, so there are no requests"
            )
        return requests

    def add_accuracy(self, candidate: ModelCandidate, requests: Sequence[Conditions]) -> None:
        """Accuracy of a model that is given the labels of held-out sounds."""
        schema = self.comparable(candidate.model.system.schema)
        self._add(candidate.name, conditioning_accuracy(schema, *self._answers(candidate, schema, requests)))

    def add_leakage(self, candidate: ModelCandidate) -> None:
        """Leakage of a model that is given independent requests; needs two conditions."""
        system = candidate.model.system
        schema = self.comparable(system.schema)
        if len(schema.conditions) < 2:
            return
        rng = np.random.default_rng(self.terms.seed)
        count = min(LEAKAGE_REQUESTS, self.terms.count)
        requests = independent_requests(system.schema, system.joint_distribution, count, rng)
        shares = leakage(schema, *self._answers(candidate, schema, requests))
        if shares:
            self.results.leakage[candidate.name] = shares

    def add_inception_score(self, subject: str, audio: np.ndarray) -> None:
        """Of each category that has a classifier."""
        for name, classifier in self.classifiers.items():
            with self.results.explaining(subject):
                score = inception_score(classifier.probabilities(audio))
                figure = Figure(subject, f"inception score of {name}", score, "higher", len(audio))
                self.results.figures.append(figure)

    def comparable(self, own: Schema) -> Schema:
        """The conditions of a model that mean the same here, with all values that any model has."""
        return Schema(
            tuple(
                each if isinstance(each, Scalar) and each.measured is not None else self.schema[each.name]
                for each in own.dense
                if each.name in self.schema.names and isinstance(each, type(self.schema[each.name]))
            )
        )

    def _answers(
        self, candidate: ModelCandidate, schema: Schema, requests: Sequence[Conditions]
    ) -> tuple[list[Conditions], Measurements]:
        """Requests and what is measured in the sounds generated from them; sounds with NaN are left out."""
        audio = candidate.generate(requests, self.terms)
        finite = np.isfinite(audio).all(axis=1)
        if not finite.all():
            self.results.remark(
                f"{candidate.name}: {int((~finite).sum())} of {len(audio)} sounds generated for conditioning accuracy "
                f"hold NaN or infinite samples; they are left out"
            )
        return [row for row, good in zip(requests, finite, strict=True) if good], self._measure(schema, audio[finite])

    def _measure(self, schema: Schema, audio: np.ndarray) -> Measurements:
        return measure(schema, audio, self.terms.sample_rate, self.classifiers)

    def _add(self, subject: str, accuracies: Sequence[ConditionAccuracy], details: bool = True) -> None:
        for found in accuracies:
            for name, estimate in found.figures.items():
                title = f"accuracy of {found.name}" if name == "accuracy" else f"{found.name}: {name}"
                better: Better = "lower" if name in LOWER_IS_BETTER else "higher"
                self.results.figures.append(Figure(subject, title, estimate, better, found.sounds))
            for remark in found.remarks:
                of = "" if remark.startswith(f"{found.name}:") else f"{found.name}: "
                self.results.remark(f"{subject}: {of}{remark}")
            if details:
                self.results.conditions.append(
                    ConditionResult(subject, found.name, found.kind, found.values, found.confusion, found.points)
                )


def valid_labels(schema: Schema, row: Mapping[str, Value]) -> dict[str, Value]:
    """The labels of a file as values of a schema; labels that it does not know, or refuses, are left out."""
    texts = {name: str(value) for name, value in row.items()}
    valid = {}
    for name, value in known(schema, texts).items():
        if value is None:
            continue
        try:
            valid[name] = schema[name].check(value)
        except ValueError:
            continue
    return valid


def joined(schemas: Sequence[Schema]) -> Schema:
    """One schema with the conditions of all: a category has every value of any of them.

    If two use a name for different kinds of conditions, such as a number and a category, the first is taken.
    """
    found: dict[str, Category | Scalar] = {}
    for condition in (condition for schema in schemas for condition in schema.dense):
        before = found.setdefault(condition.name, condition)
        if isinstance(before, Category) and isinstance(condition, Category):
            found[condition.name] = replace(before, values=tuple(dict.fromkeys((*before.values, *condition.values))))
        elif isinstance(before, Scalar) and isinstance(condition, Scalar):
            found[condition.name] = replace(before, knots=tuple(sorted({*before.knots, *condition.knots})))
    return Schema(tuple(found.values()))
