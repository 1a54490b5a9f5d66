"""How far the networks have grown: a pure function of the fraction of the training that is done.

Level 0 is the coarsest image; each level doubles both axes and is faded in (Karras et al. 2018,
https://arxiv.org/abs/1710.10196). Since only the fraction decides, a training that was killed during a fade resumes
in the same state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Growth(NamedTuple):
    """The finest level in use, and its share of the image; the rest is the level below, upsampled."""

    level: int
    share: float = 1.0

    @property
    def number(self) -> float:
        """As one number, for a buffer: level 2 at a share of 0.3 is 1.3."""
        return self.level - 1 + self.share if self.level else 0.0

    @classmethod
    def of(cls, number: float) -> Growth:
        level = math.ceil(number)
        return cls(level, number - (level - 1)) if level else cls(0)


def growth_at(fraction: float, shares: Sequence[float], fade: float) -> Growth:
    """The growth when `fraction` (0 to 1) of the training is done.

    Args:
        fraction: of the whole training.
        shares: relative training time of each level, coarse to fine.
        fade: share of a level's own time in which it is faded in.
    """
    done = fraction * sum(shares)
    for level, share in enumerate(shares):
        if done < share or level == len(shares) - 1:
            break
        done -= share
    fading = fade * shares[level]
    return Growth(level, min(1.0, done / fading) if level and fading else 1.0)


class GrowthState(nn.Module):
    """The growth of the networks: it follows the schedule in training, and is kept for sampling.

    Args:
        shares, fade: the schedule, as `growth_at` takes it.
    """

    number: Tensor  # the growth so far, as `Growth.number`
    at_start: Tensor  # the growth of the model whose weights this training began with, as `Growth.number`

    def __init__(self, shares: Sequence[float], fade: float) -> None:
        super().__init__()
        self.shares, self.fade = tuple(shares), fade
        self.register_buffer("number", torch.zeros(()))
        self.register_buffer("at_start", torch.zeros(()))

    @property
    def now(self) -> Growth:
        return Growth.of(float(self.number))

    def forward(self, fraction: float) -> Growth:
        """In training, move on to `fraction` of the schedule, never below the growth at the start."""
        if not self.training:
            return self.now
        scheduled = growth_at(fraction, self.shares, self.fade)
        growth = max(scheduled, Growth.of(float(self.at_start)), key=lambda each: each.number)
        self.number.fill_(growth.number)
        return growth

    @torch.no_grad()
    def start_from_here(self) -> None:
        """Begin another training with the networks as they are."""
        self.at_start.copy_(self.number)
