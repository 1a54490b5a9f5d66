"""What a representation, or a whole model, keeps of held-out sounds: each sound compared with its reconstruction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from soundloom.contract import ClipBatch, System
from soundloom.data.clips import ClipStore
from soundloom.evaluation.results import Figure
from soundloom.metrics.reconstruction import compare_pairs
from soundloom.representations.protocol import Representation
from soundloom.runtime.generators import generator
from soundloom.runtime.processors import available_processors, in_order

RECONSTRUCTED = 200  # held-out sounds that a model reconstructs, at most
BATCH_SIZE = 32


class Pairs(NamedTuple):
    """Sounds and their reconstructions, both (sound, sample)."""

    real: np.ndarray
    reconstructed: np.ndarray


def through_model(system: System, held_out: ClipStore) -> Pairs | None:
    """Held-out clips, at the rate and length of a system, and its reconstructions; None if it has no code of a clip."""
    clips = held_out.some(RECONSTRUCTED)
    parts = []
    for at in range(0, len(clips), BATCH_SIZE):
        found = system.reconstruct(ClipBatch.of(clips.subset(slice(at, at + BATCH_SIZE)), system.schema))
        if found is None:
            return None
        parts.append(found[:, 0].numpy())
    return Pairs(clips.audio(slice(None))[:, 0], np.concatenate(parts))


def through_representation(representation: Representation, clips: ClipStore) -> Pairs:
    """Clips at the rate of a representation, encoded and decoded one by one."""
    audio = clips.audio(slice(None))

    def one(number: int) -> np.ndarray:
        clip = torch.from_numpy(audio[number : number + 1])
        decoded: np.ndarray = representation.decode(representation.encode(clip), generator(0, number))[0, 0].numpy()
        return np.pad(decoded, (0, max(0, audio.shape[2] - len(decoded))))[: audio.shape[2]]

    reconstructed = np.stack(list(in_order(one, range(len(audio)), available_processors())))
    return Pairs(audio[:, 0], reconstructed)


def reconstruction_figures(subject: str, pairs: Pairs, sample_rate: int) -> list[Figure]:
    """The reconstruction errors of a subject.

    Raises:
        ValueError: too few pairs, or shapes that differ.
    """
    audible = int((np.abs(pairs.real).max(axis=1, initial=0) > 0).sum())  # the others have nothing to reconstruct
    errors = compare_pairs(*pairs, sample_rate)
    return [
        Figure(subject, "spectral convergence", errors.spectral_convergence, "lower", audible, unit="dB"),
        Figure(subject, "log-spectral distance", errors.log_spectral_distance, "lower", audible, unit="dB"),
        Figure(subject, "multi-resolution STFT distance", errors.multi_resolution, "lower", audible),
        Figure(subject, "mel error", errors.mel_error, "lower", audible, unit="dB"),
    ]
