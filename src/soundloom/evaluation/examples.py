"""The sounds that a report lets one hear: generated beside their nearest training sound, reconstructed, real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soundloom.audio import Audio
from soundloom.data.clips import evenly
from soundloom.evaluation.embedded import Heard
from soundloom.evaluation.memorisation import CopySearch
from soundloom.evaluation.results import Example
from soundloom.metrics.memorisation import NearestClips

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict

COPIES = 8  # suspected copies shown of each contender, at most


def generated(verdict: Verdict, name: str, search: CopySearch | None, copies: NearestClips | None, count: int) -> None:
    """The first sounds of a contender, and those that are suspected copies, each beside its nearest training sound."""
    heard = verdict.heard[name]
    rows = {"generated": list(range(min(count, len(heard.audio))))}
    if copies is not None:
        rows["copy"] = [int(row) for row in np.flatnonzero(copies.memorised)[:COPIES]]
    for section, chosen in rows.items():
        for row in chosen:
            number = _next_row(verdict, section)
            _add(verdict, section, number, f"made by {name}", heard.audio[row], _detail(heard, row))
            if search is not None and copies is not None and copies.nearest[row] >= 0:
                near = int(copies.nearest[row])
                detail = f"{search.training_file(near)}, {copies.distance_db[row]:.1f} dB away"
                _add(verdict, section, number, "nearest training sound", search.training_sound(near), detail)


def real(verdict: Verdict, count: int) -> None:
    """Held-out sounds, evenly spread."""
    store = verdict.material.held_out
    for row in evenly(len(store), count):
        audio = store.audio([int(row)])[0, 0]
        _add(verdict, "real", _next_row(verdict, "real"), "held out", audio, store.files[row])


def reconstructed(verdict: Verdict, name: str, pair: tuple[np.ndarray, np.ndarray], rate: int, count: int) -> None:
    """Held-out sounds beside what a model makes of them, at the model's own rate."""
    before, back = pair
    for row in evenly(len(before), count):
        number = _next_row(verdict, "reconstructed")
        _add(verdict, "reconstructed", number, "held out", before[row], rate=rate)
        _add(verdict, "reconstructed", number, f"through {name}", back[row], rate=rate)


def _add(
    verdict: Verdict, section: str, row: int, caption: str, sound: np.ndarray, detail: str = "", rate: int | None = None
) -> None:
    audio = Audio(np.ascontiguousarray(sound, np.float32)[None], rate or verdict.terms.sample_rate)
    verdict.findings.examples.append(Example(section, row, caption, audio, detail))  # type: ignore[arg-type]


def _next_row(verdict: Verdict, section: str) -> int:
    return 1 + max((each.row for each in verdict.findings.examples if each.section == section), default=-1)


def _detail(heard: Heard, row: int) -> str:
    """The file that a sound comes from, or else what it was asked to be."""
    if row < len(heard.files):
        return heard.files[row]
    asked = heard.conditions[row] if row < len(heard.conditions) else {}
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in asked.items()
    )
