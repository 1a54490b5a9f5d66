"""The sounds in a report: generated beside their nearest training sound, reconstructed, real."""

from __future__ import annotations

import numpy as np

from soundloom.audio import Audio
from soundloom.data.clips import ClipStore, evenly
from soundloom.evaluation.embedded_sounds import EmbeddedSounds
from soundloom.evaluation.memorisation import MemorisationSearch
from soundloom.evaluation.reconstruction import Pairs
from soundloom.evaluation.results import Results, Section
from soundloom.metrics.memorisation import NearestClips

MEMORISED = 8  # suspected ones that are shown of each candidate, at most


def add_generated(
    results: Results, name: str, sounds: EmbeddedSounds, sample_rate: int, count: int,
    search: MemorisationSearch | None, matches: NearestClips | None,
) -> None:  # fmt: skip
    """The first sounds of a candidate, and those that seem memorised, each beside its nearest training sound."""
    rows: dict[Section, list[int]] = {"generated": list(range(min(count, len(sounds.audio))))}
    if matches is not None:
        rows["memorised"] = [int(row) for row in np.flatnonzero(matches.memorised)[:MEMORISED]]
    for section, chosen in rows.items():
        for row in chosen:
            shown = [(f"made by {name}", as_audio(sounds.audio[row], sample_rate), _detail(sounds, row))]
            if search is not None and matches is not None and matches.nearest[row] >= 0:
                near = int(matches.nearest[row])
                detail = f"{search.training_file(near)}, {matches.distance_db[row]:.1f} dB away"
                shown.append(("nearest training sound", as_audio(search.training_sound(near), sample_rate), detail))
            results.add_example(section, shown)


def add_real(results: Results, held_out: ClipStore, count: int) -> None:
    """Held-out sounds, evenly spread."""
    for row in evenly(len(held_out), count):
        audio = as_audio(held_out.audio([int(row)])[0, 0], held_out.sample_rate)
        results.add_example("real", [("held out", audio, held_out.files[row])])


def add_reconstructed(results: Results, name: str, pairs: Pairs, sample_rate: int, count: int) -> None:
    """Held-out sounds beside their reconstructions by a model, at its own rate."""
    for row in evenly(len(pairs.real), count):
        before, after = (as_audio(side[row], sample_rate) for side in pairs)
        results.add_example("reconstructed", [("held out", before, ""), (f"through {name}", after, "")])


def as_audio(sound: np.ndarray, sample_rate: int) -> Audio:
    """A sound (sample,) as one channel."""
    return Audio(np.ascontiguousarray(sound, np.float32)[None], sample_rate)


def _detail(sounds: EmbeddedSounds, row: int) -> str:
    """The file of a sound, or else its conditions."""
    if row < len(sounds.files):
        return sounds.files[row]
    conditions = sounds.conditions[row] if row < len(sounds.conditions) else {}
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in conditions.items()
    )
