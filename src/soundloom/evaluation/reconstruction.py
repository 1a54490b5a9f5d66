"""What a representation, or a whole model, keeps of held-out sounds: pairs of before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soundloom.contract import ClipBatch
from soundloom.evaluation.candidates import ModelContender
from soundloom.metrics.reconstruction import compare_pairs

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict

FEWER = 200  # held-out sounds that a model reconstructs, at most


def measure(verdict: Verdict, subject: str, real: np.ndarray, back: np.ndarray, sample_rate: int) -> None:
    """Note how near `back` is to `real`, both (sound, sample)."""
    heard = int((np.abs(real).max(axis=1, initial=0) > 0).sum())  # silence has nothing to be kept
    try:
        kept = compare_pairs(real, back, sample_rate)
    except ValueError as error:
        verdict.say(f"{subject}: {error}")
        return
    for name, estimate, unit in (
        ("spectral convergence", kept.spectral_convergence, "dB"),
        ("log-spectral distance", kept.log_spectral_distance, "dB"),
        ("multi-resolution STFT distance", kept.multi_resolution, ""),
        ("mel error", kept.mel_error, "dB"),
    ):
        verdict.note(subject, name, estimate, "lower", heard, unit=unit)


def reconstruct(verdict: Verdict, contender: ModelContender) -> tuple[np.ndarray, np.ndarray] | None:
    """Held-out sounds and what the model makes of them, (sound, sample) at its rate; None where it has no codes."""

    system = contender.model.system
    store = verdict.material.at(contender.model.sample_rate, contender.model.seconds).held_out.some(FEWER)
    parts = []
    for at in range(0, len(store), 32):
        found = system.reconstruct(ClipBatch.of(store.subset(slice(at, at + 32)), system.schema))
        if found is None:
            return None
        parts.append(found[:, 0].numpy())
    real = store.audio(slice(None))[:, 0]
    back = np.concatenate(parts)
    measure(verdict, contender.name, real, back, contender.model.sample_rate)
    return real, back
