"""The critic: a score for how real an image is, and an estimate of its controls.

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
    channels_last,
    coarser,
    downsampled,
    rectified,
    with_deviation,
)


class CriticOutput(NamedTuple):
    """A critic's unbounded score, (batch,), and its estimate of the controls, (batch, estimate)."""

    score: Tensor
    controls: Tensor


class Critic(nn.Module):
    """Images (batch, 2, frequency, frame) of a level to their scores and control estimates; mirrors the generator.

    The magnitude is a third input channel: the phase of noise carries no information, and a convolution needs many
    rectifiers to compute a magnitude.

    Args:
        estimates: dimensions of the estimate of the controls.
        coarsest: (frequency, frame) of level 0.
        widths: channels of each level, coarse to fine.
        group: group size of the minibatch standard deviation.
        patch: each position of the network sees a patch x patch square of the image.
    """

    def __init__(
        self, estimates: int, coarsest: tuple[int, int], widths: Sequence[int], group: int, patch: int
    ) -> None:
        super().__init__()
        self.group, self.patch = group, patch
        self.from_image = nn.ModuleList(EqualConv(3 * patch**2, width, kernel=1) for width in widths)
        self.look = nn.ModuleList(EqualConv(width, width) for width in widths[1:])
        self.shrink = nn.ModuleList(EqualConv(narrow, wide) for wide, narrow in pairwise(widths))
        self.last = EqualConv(widths[0] + 1, widths[0])
        self.whole = EqualLinear(widths[0] * coarsest[0] * coarsest[1], widths[0])
        self.head = EqualLinear(widths[0], estimates + 1, gain=1.0)

    def forward(self, image: Tensor, growth: Growth) -> CriticOutput:
        hidden = self._enter(image, growth.level)
        for level in range(growth.level, 0, -1):
            hidden = downsampled(rectified(self.look[level - 1](hidden)))
            hidden = rectified(self.shrink[level - 1](hidden))
            if level == growth.level and growth.share < 1.0:
                below = self._enter(coarser(image), level - 1)
                hidden = torch.lerp(below.float(), hidden.float(), growth.share)
        hidden = rectified(self.last(with_deviation(hidden, self.group)))
        out = self.head(rectified(self.whole(hidden.flatten(1)))).float()
        return CriticOutput(out[:, -1], out[:, :-1])

    def _enter(self, image: Tensor, level: int) -> Tensor:
        magnitude = (image.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()
        seen = F.pixel_unshuffle(torch.cat((image, magnitude), dim=1), self.patch)
        entered: Tensor = self.from_image[level](channels_last(seen))
        return rectified(entered)
