"""Whether the sliders of a model do what they say: feature coherence, beside that of the nearest training sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from soundloom.conditions.schema import Scalar, Schema
from soundloom.data.labels import known
from soundloom.evaluation.candidates import Conditions, ModelContender
from soundloom.evaluation.results import Subject
from soundloom.metrics.coherence import FEWEST, at_levels, coherence, mean_coherence
from soundloom.metrics.conditional_diversity import LabelSpace, conditional_diversity
from soundloom.metrics.conditioning_accuracy import measure
from soundloom.metrics.estimate import TooFew
from soundloom.runtime.generators import generator

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict

NEAREST = "nearest training sound"
CODES = 64  # sounds whose sliders are moved
ALIKE = 5  # training sounds that would answer to the request of another one


def move_sliders(verdict: Verdict, contender: ModelContender, asked: Sequence[Conditions]) -> None:
    """Move one slider of each of some requests at a time, and measure what comes of it.

    Args:
        verdict: takes the figures.
        contender: the model.
        asked: what held-out sounds are; what a row leaves out is drawn once, and held.
    """
    schema, joint = contender.model.system.schema, contender.model.system.joint_distribution
    sliders = [each for each in schema.conditions if isinstance(each, Scalar) and each.measured]
    count = min(CODES, verdict.terms.count, len(asked))
    if not sliders:
        return
    if count < FEWEST:
        verdict.say(f"{contender.name}: coherence of its sliders needs {FEWEST} sounds or more, {count} are there")
        return
    verdict.progress(f"moving the sliders of {contender.name}")
    seed = verdict.terms.seed
    rows = [joint.complete(row, generator(seed, "sliders", place)) for place, row in enumerate(asked[:count])]
    _note(verdict, contender.name, sliders, [_made(verdict, contender, slider, rows) for slider in sliders])
    if not len(verdict.material.training):
        return
    try:
        _retrieve(verdict, schema, sliders, rows)
        _vary(verdict, contender, rows)
    except TooFew as few:
        verdict.missing(contender.name, few)


def _retrieve(verdict: Verdict, schema: Schema, sliders: Sequence[Scalar], rows: Sequence[Conditions]) -> None:
    """The same of the training sounds nearest to the same requests; once for all models."""
    if NEAREST in verdict.findings.coherence:
        return
    places = LabelSpace([known(schema, row) for row in verdict.material.training.labels], schema)
    found = [places.nearest_values(each.name, at_levels(each.name, rows)).reshape(-1, len(rows)) for each in sliders]
    verdict.findings.subjects.append(Subject(NEAREST, "baseline"))
    _note(verdict, NEAREST, sliders, found)


def _vary(verdict: Verdict, contender: ModelContender, rows: Sequence[Conditions]) -> None:
    """How far two draws of one request lie apart, against training sounds that would answer to the same request."""
    from soundloom.evaluation.session import FLOOR

    real, terms, schema = verdict.heard[FLOOR], verdict.terms, contender.model.system.schema
    verdict.progress(f"asking {contender.name} for the same twice")
    first = terms.seed + len(rows)  # other draws than before
    draws = [contender.obeying(rows, terms, range(start, start + len(rows))) for start in (first, first + len(rows))]
    labels = [known(schema, {name: str(value) for name, value in row.items()}) for row in real.conditions]
    pairs = LabelSpace(labels, schema).neighbours(ALIKE)
    near, nearer = np.array(pairs, np.int64).reshape(-1, 2).T
    whole = np.isfinite(np.stack(draws)).all(axis=(0, 2))
    for embedding in verdict.embeddings:
        one, other = (verdict.store.embed(embedding, audio[whole], terms.sample_rate) for audio in draws)
        vectors = real.vectors[embedding.name]
        try:
            found = conditional_diversity((one, other), (vectors[near], vectors[nearer]))
        except (TooFew, ValueError) as error:
            verdict.missing(contender.name, error)
            continue
        verdict.note(contender.name, "diversity, all asked for", found, "one", int(whole.sum()), embedding.name)


def _made(verdict: Verdict, contender: ModelContender, slider: Scalar, rows: Sequence[Conditions]) -> np.ndarray:
    """What is measured of one slider at each level of each row, (3, row): NaN in sounds that hold no numbers.

    A row has one seed at all levels.
    """
    requests = at_levels(slider.name, rows)
    seeds = [verdict.terms.seed + place % len(rows) for place in range(len(requests))]
    audio = contender.obeying(requests, verdict.terms, seeds)
    values, whole = np.full(len(audio), np.nan), np.isfinite(audio).all(axis=1)
    values[whole] = measure(Schema((slider,)), audio[whole], verdict.terms.sample_rate, {}).values[slider.name]
    return values.reshape(-1, len(rows))


def _note(verdict: Verdict, subject: str, sliders: Sequence[Scalar], measured: Sequence[np.ndarray]) -> None:
    of_each = {slider.name: coherence(each) for slider, each in zip(sliders, measured, strict=True)}
    verdict.findings.coherence[subject] = of_each
    for name, estimate in mean_coherence(measured).items():
        verdict.note(subject, f"coherence {name}", estimate, "higher", measured[0].shape[1])
