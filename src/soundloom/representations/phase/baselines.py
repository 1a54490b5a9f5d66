"""Phases that know nothing of the sound, to measure the others against."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from soundloom.representations.phase.pghi import polar
from soundloom.representations.stft import STFT


def zero(magnitude: NDArray[np.float32], stft: STFT, rng: Generator) -> NDArray[np.complex64]:
    """No phase at all: each frame becomes a pulse at its edges, where the window kills it. Faint and buzzing."""
    return magnitude.astype(np.complex64)


def random(magnitude: NDArray[np.float32], stft: STFT, rng: Generator) -> NDArray[np.complex64]:
    """Phase uniform over the circle, drawn from `rng`: as loud as asked, noisy and smeared."""
    return polar(magnitude, torch.rand(magnitude.shape, generator=rng, device=rng.device).cpu().numpy())
