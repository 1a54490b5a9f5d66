"""Obedience of every model, beside what the measures say of real sounds and of shuffled labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from soundloom.conditions.schema import Category, Scalar, Schema, Value
from soundloom.data.labels import known
from soundloom.evaluation.candidates import Conditions, Contender, ModelContender
from soundloom.evaluation.embedded import KEPT
from soundloom.evaluation.results import Condition, Subject
from soundloom.evaluation.sliders import move_sliders
from soundloom.metrics.classifier import TaskClassifier
from soundloom.metrics.conditioning_accuracy import ConditionAccuracy, Measurements, conditioning_accuracy, measure
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.inception import inception_score
from soundloom.metrics.leakage import leakage
from soundloom.metrics.requests import independent_requests, shuffled

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict

REAL, SHUFFLED = "held-out sounds", "held-out sounds, labels shuffled"
LEARNT = 3000  # training clips that classifiers learn from, at most, evenly spread: time goes with the cube
LEAK_REQUESTS = 300
LOWER_IS_BETTER = ("median error", "median cents")


@dataclass(frozen=True)
class Judge:
    """Task classifiers, learnt from the real training sounds of a verdict."""

    verdict: Verdict
    schema: Schema
    classifiers: Mapping[str, TaskClassifier]

    @classmethod
    def of(cls, verdict: Verdict, schemas: Sequence[Schema]) -> Judge:
        """A judge of the conditions of all models; those that cannot be judged are said."""
        schema = joined(schemas)
        training = verdict.material.training.some(LEARNT)
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
        heard = self.verdict.reference
        labels = [self.labels(row) for row in heard.conditions]
        if not any(labels):
            return
        measured = self._measure(self.schema, heard.audio)
        for reason in measured.missing.values():
            self.verdict.say(reason)
        self.verdict.findings.subjects += [Subject(REAL, "ceiling"), Subject(SHUFFLED, "bad")]
        self._note(REAL, conditioning_accuracy(self.schema, labels, measured), details=True)
        drawn = shuffled(labels, np.random.default_rng(self.verdict.terms.seed))
        self._note(SHUFFLED, conditioning_accuracy(self.schema, drawn, measured), details=False)
        self._inception(REAL, heard.audio)

    def contender(self, contender: Contender) -> None:
        """What can be said of anyone's sounds: clear and varied kinds, and whether they are what was asked for."""
        heard = self.verdict.heard[contender.name]
        if len(heard.audio):
            self._inception(contender.name, heard.audio)
        if isinstance(contender, ModelContender):
            self._model(contender)
        elif heard.files:  # labelled by whoever made them
            labels = [self.labels(row) for row in heard.conditions]
            named = [name for name in self.schema.names if any(name in row for row in labels)]
            if named:
                schema = Schema(tuple(self.schema[name] for name in named))
                found = conditioning_accuracy(schema, labels, self._measure(schema, heard.audio))
                self._note(contender.name, found, details=True)

    def _model(self, contender: ModelContender) -> None:
        """Ask a model for what held-out sounds are, and measure what it makes; then ask for things independently."""
        own, say, terms = contender.model.system.schema, self.verdict.say, self.verdict.terms
        schema = Schema(tuple(self._as_judged(each) for each in own.dense if self._judges(each)))
        for name in own.names:
            if name not in schema.names:
                say(f"{contender.name}: {name} is another kind of condition than in the models before it; not judged")
        if not schema.conditions:
            return
        rows = [self.labels(row, own) for row in self.verdict.reference.conditions]
        asked = [row for row in rows if row][: min(terms.count, KEPT)]
        if not asked:
            say(f"{contender.name}: no held-out sound has a value of its conditions, so none was asked for")
            return
        self.verdict.progress(f"asking {contender.name} for {', '.join(own.names)}")
        self._note(contender.name, conditioning_accuracy(schema, *self._ask(contender, schema, asked)), details=True)
        move_sliders(self.verdict, contender, asked)
        if len(schema.conditions) > 1:
            rng = np.random.default_rng(terms.seed)
            together = contender.model.system.joint_distribution
            requests = independent_requests(own, together, min(LEAK_REQUESTS, terms.count), rng)
            shares = leakage(schema, *self._ask(contender, schema, requests))
            if shares:
                self.verdict.findings.leakage[contender.name] = shares

    def _ask(
        self, contender: ModelContender, schema: Schema, requests: Sequence[Conditions]
    ) -> tuple[list[Conditions], Measurements]:
        """Requests and what is heard of them; sounds that hold no numbers are left out."""
        audio = contender.obeying(requests, self.verdict.terms)
        whole = np.isfinite(audio).all(axis=1)
        if not whole.all():
            broken = int((~whole).sum())
            self.verdict.say(
                f"{contender.name}: {broken} of {len(audio)} sounds that were asked for hold samples that are no "
                f"numbers; they are left out"
            )
        return [row for row, good in zip(requests, whole, strict=True) if good], self._measure(schema, audio[whole])

    def _measure(self, schema: Schema, audio: np.ndarray) -> Measurements:
        return measure(schema, audio, self.verdict.terms.sample_rate, self.classifiers)

    def _judges(self, condition: Category | Scalar) -> bool:
        """Whether a condition is what this judge knows by its name."""
        return condition.name in self.schema.names and isinstance(condition, type(self.schema[condition.name]))

    def _as_judged(self, condition: Category | Scalar) -> Category | Scalar:
        """The condition with all values that any model knows; the slider of a descriptor as the model itself has it."""
        own = isinstance(condition, Scalar) and condition.measured is not None
        return condition if own else next(each for each in self.schema.dense if each.name == condition.name)

    def labels(self, row: Mapping[str, Value], schema: Schema | None = None) -> dict[str, Value]:
        """What a file says of the conditions, in values that a model knows."""
        texts = {name: str(value) for name, value in row.items()}
        told = {name: value for name, value in known(schema or self.schema, texts).items() if value is not None}
        good = {}
        for name, value in told.items():
            try:
                good[name] = (schema or self.schema)[name].check(value)
            except ValueError:
                continue
        return good

    def _note(self, subject: str, found: Sequence[ConditionAccuracy], details: bool) -> None:
        for obeyed in found:
            for name, estimate in obeyed.figures.items():
                title = f"accuracy of {obeyed.name}" if name == "accuracy" else f"{obeyed.name}: {name}"
                better = "lower" if name in LOWER_IS_BETTER else "higher"
                self.verdict.note(subject, title, estimate, better, obeyed.sounds)
            for remark in obeyed.remarks:
                of = "" if remark.startswith(f"{obeyed.name}:") else f"{obeyed.name}: "
                self.verdict.say(f"{subject}: {of}{remark}")
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


def joined(schemas: Sequence[Schema]) -> Schema:
    """One schema with the conditions of all: a category has every value that any of them knows.

    Where two mean different things by a name, such as a number and a name, the first has it.
    """
    found: dict[str, Category | Scalar] = {}
    for condition in (condition for schema in schemas for condition in schema.dense):
        before = found.setdefault(condition.name, condition)
        if isinstance(before, Category) and isinstance(condition, Category):
            found[condition.name] = replace(before, values=tuple(dict.fromkeys((*before.values, *condition.values))))
        elif isinstance(before, Scalar) and isinstance(condition, Scalar):
            found[condition.name] = replace(before, knots=tuple(sorted({*before.knots, *condition.knots})))
    return Schema(tuple(found.values()))
