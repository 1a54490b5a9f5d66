"""Negative log-likelihoods with their unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

MODEL = "model"  # the system itself, among the predictors of a sound
Unit = Literal["sample", "element", "token"]


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """How badly a system and simple baselines predict sounds.

    Two of them compare only where unit and representation are the same.
    """

    bits: Mapping[str, Tensor]  # mean bits per unit of each sound, (batch,): of `MODEL` and of each baseline by name
    unit: Unit  # a sample of audio, an element of a spectrogram (a density: may be below 0), a token of a code
