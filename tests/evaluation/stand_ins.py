"""Folders of real sounds, and candidates and embeddings with known properties."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from soundloom.evaluation.candidates.protocol import BLOCK, Block
from soundloom.evaluation.results import Figure, Results, Role
from soundloom.evaluation.terms import Terms
from sounds import RATE

IN_A_KIT = 20
KINDS = ("hiss", "thump")


def sound(number: int) -> np.ndarray:
    """A hiss (even numbers) or a thump, (time,), unlike all others: no two share partials or colour."""
    rng = np.random.default_rng([number, 77])
    moment = np.arange(round(RATE * rng.uniform(0.25, 0.45))) / RATE
    if number % 2 == 0:
        wave = np.convolve(rng.standard_normal(len(moment)), rng.standard_normal(6), "same") * 0.1
    else:
        partials = rng.uniform(80, 1200, 4)[:, None] * (moment + rng.uniform(0, 0.02) * np.exp(-moment * 30))
        wave = (rng.uniform(0.05, 0.3, 4)[:, None] * np.sin(2 * np.pi * (partials + rng.uniform(size=(4, 1))))).sum(0)
    return np.clip(wave, -1, 1) * np.exp(-moment * rng.uniform(12, 24))


def drawn(folder: Path, numbers: range) -> Path:
    """Sounds of the same source, numbered: other numbers are other sounds. Each kit has both kinds."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file_name", "kind", "kit"))
        for number in numbers:
            name = f"{KINDS[number % 2]}-{number:04d}.wav"
            soundfile.write(folder / name, sound(number), RATE, subtype="PCM_16")
            table.writerow((name, KINDS[number % 2], f"kit{number // IN_A_KIT}"))
    return folder


@dataclass(frozen=True)
class Endless:
    """Generates any number of sounds, each at another level."""

    name: str = "endless"
    role: Role = "model"
    remarks: tuple[str, ...] = ()

    def blocks(self, terms: Terms) -> Iterator[Block]:
        for at in range(0, terms.count, BLOCK):
            levels = np.sin(np.arange(at, min(at + BLOCK, terms.count), dtype=np.float32))
            yield Block(levels[:, None] * np.full((1, terms.samples), 0.1, np.float32))

    def facts(self) -> dict[str, Any]:
        return {}


class Loudness:
    """An embedding of two numbers."""

    name, sample_rate, digest = "loudness", RATE, "loudness-of-the-tests"

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        return np.stack([np.abs(audio).max(axis=1), np.square(audio).mean(axis=1)], axis=1).astype(np.float32)


def value(results: Results, subject: str, name: str, embedding: str | None = None) -> float:
    return figure(results, subject, name, embedding).estimate.value


def figure(results: Results, subject: str, name: str, embedding: str | None = None) -> Figure:
    found = results.find(subject, name, embedding)
    assert found is not None, (subject, name, embedding)
    return found
