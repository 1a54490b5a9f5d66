"""Whoever makes sounds to be judged: a model, a baseline, or a folder of sounds that anything has made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from soundloom.conditions import Value
from soundloom.data.account import Account
from soundloom.evaluation.fair import resampled
from soundloom.verdict.findings import Role

if TYPE_CHECKING:
    from soundloom.generate import Model
    from soundloom.verdict.material import Material

BLOCK = 128
Conditions = Mapping[str, Value]


@dataclass(frozen=True)
class Terms:
    """What all sounds that are compared have in common."""

    sample_rate: int
    seconds: float
    count: int
    seed: int

    @property
    def samples(self) -> int:
        return round(self.sample_rate * self.seconds)


class Block(NamedTuple):
    """Some sounds on common terms, (sound, sample), and what each was asked to be, where anything was."""

    audio: np.ndarray
    conditions: list[Conditions]


class Contender(Protocol):
    """Makes sounds on common terms, few of them in memory at a time."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> Role: ...

    def blocks(self, terms: Terms) -> Iterator[Block]: ...

    def facts(self) -> dict[str, Any]:
        """Parameters and the like, for the table."""
        ...


@dataclass(frozen=True)
class ModelContender:
    """A trained model."""

    name: str
    model: Model
    role: Role = "model"

    def blocks(self, terms: Terms) -> Iterator[Block]:
        from soundloom.generate import Request

        sounds: list[np.ndarray] = []
        asked: list[Conditions] = []
        for made in self.model.stream(Request(count=terms.count, seed=terms.seed)):
            sounds.append(made.audio.samples[0])
            asked.append(made.conditions)
            if len(sounds) == BLOCK:
                yield Block(on_terms(sounds, self.model.sample_rate, terms), asked)
                sounds, asked = [], []
        if sounds:
            yield Block(on_terms(sounds, self.model.sample_rate, terms), asked)

    def obeying(self, requests: Sequence[Conditions], terms: Terms) -> np.ndarray:
        """One sound for each request, (sound, sample), on common terms."""
        from soundloom.generate import Request
        from soundloom.processors import available_processors, in_order

        def make(index: int) -> np.ndarray:
            request = Request(count=1, conditions=dict(requests[index]), seed=terms.seed + index)
            made: np.ndarray = next(self.model.stream(request, 1)).audio.samples[0]
            return made

        sounds = list(in_order(make, range(len(requests)), available_processors(), ahead=4))
        return on_terms(sounds, self.model.sample_rate, terms)

    def facts(self) -> dict[str, Any]:
        from soundloom.checkpoint import WEIGHTS

        weights = self.model.checkpoint.path / WEIGHTS
        return {
            "parameters": sum(parameter.numel() for parameter in self.model.system.parameters()),
            "megabytes": round(weights.stat().st_size / 1e6, 2),
            "digest": self.model.digest,
        }

    @property
    def account(self) -> Account | None:
        return Account.read(self.model.checkpoint.path)


@dataclass(frozen=True)
class BaselineContender:
    """A baseline, fitted to the training set when its first sound is asked for."""

    name: str  # with the prefix
    material: Material
    representation: Any
    role: Role = "baseline"
    fitted: list[Any] = field(default_factory=list)

    def blocks(self, terms: Terms) -> Iterator[Block]:
        from soundloom.verdict import baselines

        rate = self.representation.sample_rate
        if not self.fitted:
            training = self.material.at(rate, terms.seconds).training
            self.fitted.append(baselines.fit(self.name.removeprefix(baselines.PREFIX), training, self.representation))
        sounds: list[np.ndarray] = []
        for sound in self.fitted[0].sounds(terms.count, terms.seed):
            sounds.append(sound)
            if len(sounds) == BLOCK:
                yield Block(on_terms(sounds, rate, terms), [])
                sounds = []
        if sounds:
            yield Block(on_terms(sounds, rate, terms), [])

    def facts(self) -> dict[str, Any]:
        return {"parameters": self.fitted[0].parameters} if self.fitted else {}


@dataclass(frozen=True)
class FolderContender:
    """Sounds that lie in a folder, made by whatever made them."""

    name: str
    folder: Path
    remarks: list[str] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    role: Role = "model"

    def blocks(self, terms: Terms) -> Iterator[Block]:
        from soundloom.data.account import short
        from soundloom.data.clips import ClipSettings, open_clips

        store = open_clips(self.folder, ClipSettings(terms.sample_rate, terms.seconds, trim=False))
        skipped = store.index.reasons()
        if skipped:
            said = ", ".join(f"{number} {reason}" for reason, number in skipped.most_common(4))
            self.remarks.append(f"{self.name}: files that are left out: {said}")
        self.digests.update(short(entry.digest) for entry in store.entries)
        if len(store) < terms.count:
            self.remarks.append(f"{self.name}: holds {len(store)} sounds, fewer than the {terms.count} of the others")
        labels = store.labels
        for at in range(0, min(terms.count, len(store)), BLOCK):
            rows = slice(at, min(at + BLOCK, terms.count))
            yield Block(store.audio(rows)[:, 0], [dict(row) for row in labels[rows]])

    def facts(self) -> dict[str, Any]:
        return {}


def on_terms(sounds: Sequence[np.ndarray], sample_rate: int, terms: Terms) -> np.ndarray:
    """Sounds of any length at one rate as (sound, sample) on common terms: cut, or padded with silence."""
    longest = max(len(sound) for sound in sounds)
    audio = np.zeros((len(sounds), longest), np.float32)
    for row, sound in zip(audio, sounds, strict=True):
        row[: len(sound)] = sound
    if sample_rate != terms.sample_rate:
        audio = resampled(audio, sample_rate, terms.sample_rate)
    short = terms.samples - audio.shape[1]
    return np.pad(audio, ((0, 0), (0, short))) if short > 0 else audio[:, : terms.samples]
