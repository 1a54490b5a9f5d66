"""A trained model as a candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from soundloom.checkpoints.checkpoint import WEIGHTS
from soundloom.data.provenance import Provenance
from soundloom.evaluation.candidates.protocol import Block, Conditions, in_blocks
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.results import Role
from soundloom.evaluation.terms import Native, Terms, to_terms
from soundloom.generation import Model, Request


@dataclass(frozen=True)
class ModelCandidate:
    """A trained model."""

    name: str
    model: Model
    role: Role = "model"
    options: Mapping[str, Any] = field(default_factory=dict)  # of sampling
    monitor: Monitor = field(default_factory=Monitor)
    remarks: tuple[str, ...] = ()

    def blocks(self, terms: Terms) -> Iterator[Block]:
        request = Request(count=terms.count, seed=terms.seed, options=dict(self.options))
        for some in in_blocks(self.model.stream(request, stop=self.monitor.stop)):
            self.monitor.check()
            sounds = [sound.audio.samples[0] for sound in some]
            yield Block(to_terms(sounds, self.model.sample_rate, terms), [sound.conditions for sound in some])

    def generate(
        self, conditions: Sequence[Conditions], terms: Terms, seeds: Sequence[int] | None = None
    ) -> np.ndarray:
        """One sound for each row of conditions, (sound, sample), on common terms; each with its own seed."""
        numbers = seeds if seeds is not None else range(terms.seed, terms.seed + len(conditions))
        requests = [
            Request(count=1, conditions=dict(row), seed=seed, options=dict(self.options))
            for row, seed in zip(conditions, numbers, strict=True)
        ]
        sounds = [sound.audio.samples[0] for sound in self.model.stream(requests, stop=self.monitor.stop)]
        self.monitor.check()
        return to_terms(sounds, self.model.sample_rate, terms)

    def facts(self) -> dict[str, Any]:
        weights = self.model.checkpoint.path / WEIGHTS
        return {
            "parameters": sum(parameter.numel() for parameter in self.model.system.parameters()),
            "megabytes": round(weights.stat().st_size / 1e6, 2),
            "digest": self.model.digest,
        }

    @property
    def native(self) -> Native:
        return Native(self.model.sample_rate, self.model.seconds)

    @property
    def provenance(self) -> Provenance | None:
        """What the model was trained on, if that is known."""
        return Provenance.read(self.model.checkpoint.path)


def with_options(models: Mapping[str, ModelCandidate], options: Mapping[str, Any]) -> dict[str, ModelCandidate]:
    """Give each model the sampling settings that it has.

    Raises:
        ValueError: no model has one of the settings, or a value is not possible.
    """
    chosen: dict[str, ModelCandidate] = {}
    for name, candidate in models.items():
        own = {key: value for key, value in options.items() if len(models) == 1 or key in candidate.model.options}
        candidate.model.system.check_options(own)
        chosen[name] = replace(candidate, options=own)
    unused = [key for key in options if not any(key in candidate.options for candidate in chosen.values())]
    if unused:
        raise ValueError(f"option {unused[0]}: none of {', '.join(models) or 'the candidates'} has it; leave it out")
    return chosen
