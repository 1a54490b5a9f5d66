"""The generator: a code and controls to an image, level by level.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073; Karras et al. 2018, https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import (
    EqualConv,
    EqualLinear,
    channels_last,
    finer,
    pixel_norm,
    rectified,
    upsampled,
)


class Generator(nn.Module):
    """Normalised codes (batch, latent) and controls (batch, control) to images (batch, 2, frequency, frame).

    Args:
        latent: dimensions of a code.
        controls: dimensions of the controls.
        coarsest: (frequency, frame) of level 0.
        widths: channels of each level, coarse to fine.
        patch: each position of the networks holds a patch x patch square of the image.
        gated: whether the network outputs a gate for each image value; see `as_image`.
    """

    def __init__(
        self, latent: int, controls: int, coarsest: tuple[int, int], widths: Sequence[int], patch: int, gated: bool
    ) -> None:
        super().__init__()
        self.coarsest, self.patch = coarsest, patch
        self.begin = EqualLinear(latent + controls, widths[0] * coarsest[0] * coarsest[1])
        self.first = EqualConv(widths[0], widths[0])
        self.grow = nn.ModuleList(EqualConv(wide, narrow) for wide, narrow in pairwise(widths))
        self.refine = nn.ModuleList(EqualConv(width, width) for width in widths[1:])
        outs = (3 if gated else 2) * patch**2
        self.to_image = nn.ModuleList(EqualConv(width, outs, kernel=1, gain=1.0) for width in widths)

    def forward(self, code: Tensor, controls: Tensor, growth: Growth) -> Tensor:
        """Images of the level that the networks have grown to."""
        hidden = self.begin(torch.cat((code, controls), dim=1)).unflatten(1, (-1, *self.coarsest))
        hidden = channels_last(pixel_norm(rectified(hidden)))
        hidden = before = pixel_norm(rectified(self.first(hidden)))
        for level in range(growth.level):
            before = hidden
            hidden = pixel_norm(rectified(self.grow[level](upsampled(hidden))))
            hidden = pixel_norm(rectified(self.refine[level](hidden)))
        image = as_image(self.to_image[growth.level](hidden), self.patch)
        if growth.share == 1.0:
            return image
        below = finer(as_image(self.to_image[growth.level - 1](before), self.patch))
        return torch.lerp(below, image, growth.share)


def as_image(out: Tensor, patch: int) -> Tensor:
    """Rearrange network outputs to an image (batch, 2, frequency, frame), and apply gates.

    Args:
        out: (batch, channel x patch x patch, row, column) with two channels, or three: the third holds gates g, and
            real and imaginary part are multiplied by 2 sigmoid(g). The silence after a sound is then a single large
            negative gate, where two values would have to be 0 exactly.
        patch: side of the square of image values at each position.
    """
    out = F.pixel_shuffle(out.float(), patch)
    return out if out.shape[1] == 2 else out[:, :2] * (2 * torch.sigmoid(out[:, 2:]))


def on_sphere(code: Tensor) -> Tensor:
    """Scale codes (batch, latent) to a root mean square of 1; controls are appended later and keep their scale."""
    return pixel_norm(code)
