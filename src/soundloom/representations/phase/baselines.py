"""Phases that do not depend on the magnitudes: starting points, and baselines for comparison."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from soundloom.representations.phase.pghi import polar
from soundloom.representations.stft import STFT


def zero(magnitude: NDArray[np.float32], stft: STFT, rng: Generator) -> NDArray[np.complex64]:
    """Phase 0: each frame becomes a pulse at its edges, which the window suppresses. Faint and buzzing."""
    return magnitude.astype(np.complex64)


def random(magnitude: NDArray[np.float32], stft: STFT, rng: Generator) -> NDArray[np.complex64]:
    """Phase drawn uniformly over the circle: at the right level, noisy and smeared."""
    return polar(magnitude, torch.rand(magnitude.shape, generator=rng, device=rng.device).cpu().numpy())
