"""How far the networks have grown: a pure function of how much of the training is done.

Level 0 is the coarsest image; each level doubles both axes, and is faded in before it stands alone (Karras et al. 2018,
https://arxiv.org/abs/1710.10196). Since nothing but the fraction decides, a training that was killed inside a fade goes
on with the same one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Growth(NamedTuple):
    """The finest level in use, and how much of it is heard: the rest is the level below, doubled."""

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


def growth(fraction: float, shares: Sequence[float], fade: float) -> Growth:
    """Where the networks are when `fraction` (0 to 1) of the training is done.

    Args:
        fraction: of the whole training.
        shares: of the training that each level has, coarse to fine; only their proportions count.
        fade: share of a level's own time in which it comes in.
    """
    done = fraction * sum(shares)
    for level, share in enumerate(shares):
        if done < share or level == len(shares) - 1:
            break
        done -= share
    coming = fade * shares[level]
    return Growth(level, min(1.0, done / coming) if level and coming else 1.0)
