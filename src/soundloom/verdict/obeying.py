"""Obedience of every model, beside what the measures say of real sounds and of shuffled labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soundloom.conditions import Category, Schema, Value
from soundloom.data.labels import known
from soundloom.evaluation.classifier import LARGEST, TaskClassifier
from soundloom.evaluation.estimate import TooFew
from soundloom.evaluation.inception import inception_score
from soundloom.evaluation.leakage import leakage
from soundloom.evaluation.obedience import Obeyed, measure, obedience
from soundloom.evaluation.requests import independent_requests, shuffled
from soundloom.verdict.contenders import ModelContender
from soundloom.verdict.findings import Condition

if TYPE_CHECKING:
    from soundloom.verdict.judging import Verdict

REAL, SHUFFLED = "held-out sounds", "held-out sounds, labels shuffled"
LEAK_REQUESTS = 300
BETTER = {"median error": "lower", "median cents": "lower"}


@dataclass(frozen=True)
class Judge:
    """Task classifiers, learnt from the real training sounds."""

    verdict: Verdict
    schema: Schema
    classifiers: Mapping[str, TaskClassifier]

    @classmethod
    def of(cls, verdict: Verdict, schema: Schema) -> Judge:
        """A judge of these conditions; those that cannot be judged are said."""
        from soundloom.verdict.judging import evenly

        training = evenly(verdict.material.training, LARGEST)
        rows = [known(schema, labels) for labels in training.labels]
        classifiers = {}
        for condition in schema.conditions:
            if isinstance(condition, Category) and len(training):
                verdict.progress(f"learning to tell {condition.name}")
                values = [None if (value := row.get(condition.name)) is None else str(value) for row in rows]
                try:
                    classifiers[condition.name] = TaskClassifier.fit(
                        training.audio(slice(None))[:, 0], training.sample_rate, values, groups=training.groups
                    )
                except ValueError as error:
                    verdict.say(f"{condition.name}: no classifier ({error})")
        return cls(verdict, schema, classifiers)

    def real_sounds(self) -> None:
        """The ceiling and the bad reference: held-out sounds with their own labels, and with others'."""
        from soundloom.verdict.findings import Subject

        if not self.schema.conditions:
            return
        store = self.verdict.material.held_out
        audio = self.verdict.reference.audio
        labels = [self.labels(row) for row in store.labels[: len(audio)]]
        measured = measure(self.schema, audio, self.verdict.terms.sample_rate, self.classifiers)
        for reason in measured.missing.values():
            self.verdict.say(reason)
        self.verdict.findings.subjects += [Subject(REAL, "ceiling"), Subject(SHUFFLED, "bad")]
        self._note(REAL, obedience(self.schema, labels, measured), details=True)
        drawn = shuffled(labels, np.random.default_rng(self.verdict.terms.seed))
        self._note(SHUFFLED, obedience(self.schema, drawn, measured), details=False)
        self._inception(REAL, audio)

    def model(self, contender: ModelContender) -> None:
        """Ask a model for what held-out sounds are, and measure what it makes; then ask for things independently."""
        schema = contender.model.system.schema
        if not schema.conditions or any(name not in self.schema.names for name in schema.names):
            return
        terms, rate = self.verdict.terms, self.verdict.terms.sample_rate
        asked = [row for labels in self.verdict.material.held_out.labels if (row := self.labels(labels, schema))]
        asked = asked[: terms.count]
        if not asked:
            self.verdict.say(
                f"{contender.name}: no held-out sound has a value of its conditions, so none was asked for"
            )
            return
        self.verdict.progress(f"asking {contender.name} for {', '.join(schema.names)}")
        audio = contender.obeying(asked, terms)
        found = obedience(schema, asked, measure(schema, audio, rate, self.classifiers))
        self._note(contender.name, found, details=True)
        self._inception(contender.name, self.verdict.heard[contender.name].audio)
        if len(schema.conditions) > 1:
            joint = contender.model.system.joint
            rng = np.random.default_rng(terms.seed)
            requests = independent_requests(schema, joint, min(LEAK_REQUESTS, terms.count), rng)
            made = contender.obeying(requests, terms)
            shares = leakage(schema, requests, measure(schema, made, rate, self.classifiers))
            if shares:
                self.verdict.findings.leakage[contender.name] = shares

    def labels(self, row: Mapping[str, str], schema: Schema | None = None) -> dict[str, Value]:
        """What a file says of the conditions, in values that a model knows."""
        told = {name: value for name, value in known(schema or self.schema, row).items() if value is not None}
        good = {}
        for name, value in told.items():
            try:
                good[name] = (schema or self.schema)[name].check(value)
            except ValueError:
                continue
        return good

    def _note(self, subject: str, found: Sequence[Obeyed], details: bool) -> None:
        for obeyed in found:
            for name, estimate in obeyed.figures.items():
                title = f"accuracy of {obeyed.name}" if name == "accuracy" else f"{obeyed.name}: {name}"
                better = "lower" if BETTER.get(name) else "higher"
                self.verdict.note(subject, title, estimate, better, obeyed.sounds)
            for remark in obeyed.remarks:
                self.verdict.say(f"{subject}: {remark}")
            if details:
                self.verdict.findings.conditions.append(
                    Condition(subject, obeyed.name, obeyed.kind, obeyed.values, obeyed.confusion, obeyed.points)
                )

    def _inception(self, subject: str, audio: np.ndarray) -> None:
        for name, classifier in self.classifiers.items():
            try:
                score = inception_score(classifier.probabilities(audio))
            except TooFew as few:
                self.verdict.say(f"{subject}: {few}")
                continue
            self.verdict.note(subject, f"inception score of {name}", score, "higher", len(audio))
