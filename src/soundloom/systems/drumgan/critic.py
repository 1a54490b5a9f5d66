"""The critic: how real an image is, and what was asked for to make it.

Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028; attributes: Odena et al. 2017,
https://arxiv.org/abs/1610.09585
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import (
    EqualConv,
    EqualLinear,
    coarser,
    halved,
    laid_out,
    rectified,
    with_deviation,
)


class Opinion(NamedTuple):
    """What a critic says: a score without bounds, (batch,), and its reading of the controls, (batch, read)."""

    score: Tensor
    read: Tensor


class Critic(nn.Module):
    """Images (batch, 2, frequency, frame) of a level to an opinion; mirrors the generator.

    It is shown the magnitude too, a third channel: the phase of noise says nothing, and a convolution finds a magnitude
    only by many rectifiers.

    Args:
        read: numbers that its reading of the controls takes.
        coarsest: (frequency, frame) of level 0.
        widths: channels of each level, coarse to fine.
        group: items whose deviation from each other it is told.
        patch: values of an image, along each axis, that one place of the network sees.
    """

    def __init__(self, read: int, coarsest: tuple[int, int], widths: Sequence[int], group: int, patch: int) -> None:
        super().__init__()
        self.group, self.patch = group, patch
        self.from_image = nn.ModuleList(EqualConv(3 * patch**2, width, kernel=1) for width in widths)
        self.look = nn.ModuleList(EqualConv(width, width) for width in widths[1:])
        self.shrink = nn.ModuleList(EqualConv(narrow, wide) for wide, narrow in pairwise(widths))
        self.last = EqualConv(widths[0] + 1, widths[0])
        self.whole = EqualLinear(widths[0] * coarsest[0] * coarsest[1], widths[0])
        self.head = EqualLinear(widths[0], read + 1, gain=1.0)

    def forward(self, image: Tensor, growth: Growth) -> Opinion:
        hidden = self._enter(image, growth.level)
        for level in range(growth.level, 0, -1):
            hidden = halved(rectified(self.look[level - 1](hidden)))
            hidden = rectified(self.shrink[level - 1](hidden))
            if level == growth.level and growth.share < 1.0:
                below = self._enter(coarser(image), level - 1)
                hidden = torch.lerp(below.float(), hidden.float(), growth.share)
        hidden = rectified(self.last(with_deviation(hidden, self.group)))
        out = self.head(rectified(self.whole(hidden.flatten(1)))).float()
        return Opinion(out[:, -1], out[:, :-1])

    def _enter(self, image: Tensor, level: int) -> Tensor:
        magnitude = (image.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()
        seen = F.pixel_unshuffle(torch.cat((image, magnitude), dim=1), self.patch)
        entered: Tensor = self.from_image[level](laid_out(seen))
        return rectified(entered)
