"""Augmentations of real and generated images alike, before the critic sees them.

A critic often memorises a small training set; augmentation delays this. Since both sides are augmented, the generator
still learns the sounds as they are (Zhao et al. 2020, https://arxiv.org/abs/2006.10738).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from soundloom.contract import Batch


@dataclass(frozen=True)
class Change:
    """Strength of the augmentation of the critic's images."""

    shift: float = 0.0  # in time, by up to this share of a clip in either direction; padded with silence
    gain_db: float = 0.0  # of the sound, up or down by at most this

    def __post_init__(self) -> None:
        if not 0 <= self.shift <= 0.5:
            raise ValueError(f"change.shift is {self.shift:g} but must be 0 to 0.5 of a clip; 0.05 is usual")
        if not 0 <= self.gain_db < math.inf:
            raise ValueError(f"change.gain_db is {self.gain_db:g} but must be at least 0 and finite; 6 is usual")


def changed(image: Tensor, change: Change, power: float, batch: Batch, name: str) -> Tensor:
    """Augment images (batch, 2, frequency, frame) of any level, each by its own draw; differentiable.

    Args:
        image: at the critic's level.
        change: strength of the augmentation.
        power: exponent of the magnitudes, so that a gain is one of the sound.
        batch: draws random numbers for its rows.
        name: of these random numbers.
    """
    if change == Change():
        return image
    drawn = 2 * batch.uniform(2, name=name) - 1
    gain = 10 ** (power * change.gain_db * drawn[:, 0] / 20)
    return shifted(image * gain[:, None, None, None], (drawn[:, 1] * change.shift * image.shape[3]).round().long())


def shifted(image: Tensor, frames: Tensor) -> Tensor:
    """Shift each image by its own number of frames, (batch,), padded with zeros."""
    places = torch.arange(image.shape[3], device=image.device) - frames[:, None]
    inside = (places >= 0) & (places < image.shape[3])
    index = places.clamp(0, image.shape[3] - 1)[:, None, None].expand(image.shape)
    return torch.where(inside[:, None, None], image.gather(3, index), 0.0)
