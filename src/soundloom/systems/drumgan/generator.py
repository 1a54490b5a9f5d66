"""The generator: a code and what was asked become an image, level by level.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073; Karras et al. 2018, https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import EqualConv, EqualLinear, doubled, finer, laid_out, pixel_norm, rectified


class Generator(nn.Module):
    """Codes (batch, latent) on their sphere and controls (batch, told) to images (batch, 2, frequency, frame).

    Args:
        latent: dimensions of a code.
        told: numbers that say what was asked.
        coarsest: (frequency, frame) of level 0.
        widths: channels of each level, coarse to fine.
        patch: values of an image, along each axis, that one place of the networks holds.
        gated: images have a gate at each place, as `as_image` takes it.
    """

    def __init__(
        self, latent: int, told: int, coarsest: tuple[int, int], widths: Sequence[int], patch: int, gated: bool
    ) -> None:
        super().__init__()
        self.coarsest, self.patch = coarsest, patch
        self.begin = EqualLinear(latent + told, widths[0] * coarsest[0] * coarsest[1])
        self.first = EqualConv(widths[0], widths[0])
        self.grow = nn.ModuleList(EqualConv(wide, narrow) for wide, narrow in pairwise(widths))
        self.refine = nn.ModuleList(EqualConv(width, width) for width in widths[1:])
        outs = (3 if gated else 2) * patch**2
        self.to_image = nn.ModuleList(EqualConv(width, outs, kernel=1, gain=1.0) for width in widths)

    def forward(self, code: Tensor, told: Tensor, growth: Growth) -> Tensor:
        """Images of the level that the networks have grown to."""
        hidden = self.begin(torch.cat((code, told), dim=1)).unflatten(1, (-1, *self.coarsest))
        hidden = laid_out(pixel_norm(rectified(hidden)))
        hidden = before = pixel_norm(rectified(self.first(hidden)))
        for level in range(growth.level):
            before = hidden
            hidden = pixel_norm(rectified(self.grow[level](doubled(hidden))))
            hidden = pixel_norm(rectified(self.refine[level](hidden)))
        image = as_image(self.to_image[growth.level](hidden), self.patch)
        if growth.share == 1.0:
            return image
        below = finer(as_image(self.to_image[growth.level - 1](before), self.patch))
        return torch.lerp(below, image, growth.share)


def as_image(out: Tensor, patch: int) -> Tensor:
    """What a network says of each place, as an image (batch, 2, frequency, frame).

    Args:
        out: (batch, channel x patch x patch, row, column) with two channels, or with a third: a gate, which passes
            all, 2 sigmoid(0), at 0. Silence after a sound is then one number far below 0, not two that cancel.
        patch: values along each axis that a place holds.
    """
    out = F.pixel_shuffle(out.float(), patch)
    return out if out.shape[1] == 2 else out[:, :2] * (2 * torch.sigmoid(out[:, 2:]))


def on_sphere(code: Tensor) -> Tensor:
    """Codes (batch, latent) with a root mean square of 1; conditions join them after this, and keep their size."""
    return pixel_norm(code)
