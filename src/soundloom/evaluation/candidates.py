"""Whoever makes sounds to be judged: a model, a baseline, or a folder of sounds that anything has made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from soundloom.audio import SoundFault
from soundloom.conditions.schema import Value
from soundloom.data.provenance import Provenance
from soundloom.data.skips import SkipCode, in_words
from soundloom.evaluation.results import Role
from soundloom.metrics.level_matching import resampled

if TYPE_CHECKING:
    from soundloom.data.clips import ClipSettings, ClipStore
    from soundloom.evaluation.reference_data import Material
    from soundloom.generation import Model, Request

BLOCK = 128
NO_FAULT = (SkipCode.SILENT, SkipCode.DUPLICATE, SkipCode.LABEL_TABLE, SoundFault.NOT_A_SOUND)
Conditions = Mapping[str, Value]
Sound = TypeVar("Sound")


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
    conditions: Sequence[Conditions] = ()
    files: Sequence[str] = ()  # where they come from files


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
    options: Mapping[str, Any] = field(default_factory=dict)  # of sampling

    def blocks(self, terms: Terms) -> Iterator[Block]:
        for some in in_blocks(self.model.stream(self._asked(count=terms.count, seed=terms.seed))):
            sounds = [made.audio.samples[0] for made in some]
            yield Block(on_terms(sounds, self.model.sample_rate, terms), [made.conditions for made in some])

    def obeying(self, requests: Sequence[Conditions], terms: Terms, seeds: Sequence[int] | None = None) -> np.ndarray:
        """One sound for each request, (sound, sample), on common terms; each with a seed of its own, or those given."""
        numbers = seeds if seeds is not None else range(terms.seed, terms.seed + len(requests))
        asked = [
            self._asked(count=1, conditions=dict(each), seed=seed) for each, seed in zip(requests, numbers, strict=True)
        ]
        sounds = [made.audio.samples[0] for made in self.model.stream(asked)]
        return on_terms(sounds, self.model.sample_rate, terms)

    def _asked(self, **wishes: Any) -> Request:
        from soundloom.generation import Request

        return Request(options=dict(self.options), **wishes)

    def facts(self) -> dict[str, Any]:
        from soundloom.checkpoints.checkpoint import WEIGHTS

        weights = self.model.checkpoint.path / WEIGHTS
        return {
            "parameters": sum(parameter.numel() for parameter in self.model.system.parameters()),
            "megabytes": round(weights.stat().st_size / 1e6, 2),
            "digest": self.model.digest,
        }

    @property
    def provenance(self) -> Provenance | None:
        return Provenance.read(self.model.checkpoint.path)


@dataclass(frozen=True)
class BaselineContender:
    """A baseline, fitted to the training set when its first sound is asked for."""

    name: str  # with the prefix
    material: Material
    representation: Any
    role: Role = "baseline"
    fitted: list[Any] = field(default_factory=list)

    def blocks(self, terms: Terms) -> Iterator[Block]:
        from soundloom.evaluation import baselines

        rate = self.representation.sample_rate
        if not self.fitted:
            training = self.material.at(rate, terms.seconds).training
            self.fitted.append(baselines.fit(self.name.removeprefix(baselines.PREFIX), training, self.representation))
        for sounds in in_blocks(self.fitted[0].sounds(terms.count, terms.seed)):
            yield Block(on_terms(sounds, rate, terms))

    def facts(self) -> dict[str, Any]:
        return {"parameters": self.fitted[0].parameters} if self.fitted else {}


@dataclass(frozen=True)
class FolderContender:
    """Sounds that lie in a folder, made by whatever made them, cut and trimmed as the reference is.

    Each file counts: one that is silent as silence, one that is the same as another once more.
    """

    name: str
    store: ClipStore  # on common terms
    remarks: list[str] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)  # of the sounds that were heard
    role: Role = "model"

    @classmethod
    def open(cls, name: str, settings: ClipSettings, terms: Terms) -> FolderContender:
        """Look at every file.

        Raises:
            ValueError: none of them can be used; says why.
        """
        from soundloom.data.clips import open_clips

        made = cls(name, open_clips(Path(name), settings))
        made.remarks.extend(made._remarks(terms))
        return made

    def blocks(self, terms: Terms) -> Iterator[Block]:
        from soundloom.data.provenance import short

        rows = np.array(self._rows())
        chosen = np.random.default_rng([terms.seed, 2]).permutation(len(rows))[: terms.count]
        for at in range(0, len(chosen), BLOCK):
            some = rows[chosen[at : at + BLOCK]]
            heard, audio = some >= 0, np.zeros((len(some), terms.samples), np.float32)
            audio[heard] = self.store.audio(some[heard])[:, 0]
            entries = [self.store.entries[row] if row >= 0 else None for row in some]
            self.digests.update(short(entry.digest) for entry in entries if entry)
            said = [dict(entry.labels) if entry else {} for entry in entries]
            yield Block(audio, said, [entry.path if entry else "a silent file" for entry in entries])

    def facts(self) -> dict[str, Any]:
        return {"sounds there": len(self._rows())}

    def _rows(self) -> list[int]:
        """Rows of the store, some of them twice where files repeat others, and -1 for each silent file."""
        rows = list(range(len(self.store)))
        places: dict[str, list[int]] = {}
        for row, path in enumerate(self.store.files):
            places.setdefault(path, []).append(row)
        for skipped in self.store.index.skipped:
            if skipped.code == SkipCode.SILENT:
                rows.append(-1)
            elif skipped.code == SkipCode.DUPLICATE:
                rows += places.get(skipped.original, [])
        return rows

    def _remarks(self, terms: Terms) -> Iterator[str]:
        reasons = self.store.index.reasons()
        if repeated := reasons[SkipCode.DUPLICATE]:
            yield f"{self.name}: {repeated} files are the same sound as another of it; each counts"
        left = [f"{count} {in_words(code)}" for code, count in reasons.most_common() if code not in NO_FAULT]
        if left:
            yield f"{self.name}: files that are left out: {', '.join(left[:4])}"
        files = len(self._rows())
        if files < terms.count:
            yield f"{self.name}: holds {files} sounds, fewer than the {terms.count} of the others"
        rates = [entry.sample_rate for entry in self.store.entries if entry.sample_rate < terms.sample_rate]
        if rates:
            yield (
                f"{self.name}: {len(rates)} of its sounds have a lower rate ({min(rates)} Hz) than the comparison "
                f"({terms.sample_rate} Hz), so their highest frequencies are missing"
            )


def in_blocks(sounds: Iterable[Sound]) -> Iterator[list[Sound]]:
    """Sounds as they are made, so many at a time."""
    coming = iter(sounds)
    while some := list(islice(coming, BLOCK)):
        yield some


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
