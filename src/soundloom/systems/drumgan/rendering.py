"""The generator prepared for inference: the same images with fewer operations.

Upsampling by repetition and then a 3 x 3 convolution reads each value up to four times. Each of the four resulting
values depends on only 2 x 2 different neighbours, so four 2 x 2 convolutions, whose weights are sums of the nine, give
the same image up to rounding with 16 products in place of 36.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from soundloom.systems.drumgan.generator import Generator, as_image
from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import EqualConv, finer, pixel_norm, rectified

LEFT, RIGHT = torch.tensor([[1.0, 0, 0], [0, 1, 1]]), torch.tensor([[1.0, 1, 0], [0, 0, 1]])
"""Sums of three weights for the two neighbours of an even position, and of an odd one."""


class Layer(NamedTuple):
    """Scaled weights and a bias."""

    weight: Tensor
    bias: Tensor


class Renderer:
    """Images of codes and controls with a snapshot of a generator; later training steps do not change it.

    Differentiable with respect to codes and controls.
    """

    def __init__(self, generator: Generator, growth: Growth) -> None:
        self.growth, self.coarsest, self.patch = growth, generator.coarsest, generator.patch
        begin = generator.begin
        self.begin = Layer((begin.weight * begin.scale).detach(), begin.bias.detach())
        self.first = scaled(generator.first)
        self.grow = [quartered(layer) for layer in _convolutions(generator.grow)[: growth.level]]
        self.refine = [scaled(layer) for layer in _convolutions(generator.refine)[: growth.level]]
        self.to_image = [scaled(layer) for layer in _convolutions(generator.to_image)]

    def __call__(self, code: Tensor, controls: Tensor) -> Tensor:
        """As the generator: (batch, latent) and (batch, control) to (batch, 2, frequency, frame)."""
        hidden = F.linear(torch.cat((code, controls), dim=1), *self.begin).view(len(code), -1, *self.coarsest)
        hidden = pixel_norm(rectified(hidden)).contiguous(memory_format=torch.channels_last)
        hidden = before = _convolved(hidden, self.first)
        for grow, refine in zip(self.grow, self.refine, strict=True):
            before = hidden
            hidden = _convolved(_grown(hidden, grow), refine)
        image = as_image(F.conv2d(hidden, *self.to_image[self.growth.level]), self.patch)
        if self.growth.share == 1.0:
            return image
        below = as_image(F.conv2d(before, *self.to_image[self.growth.level - 1]), self.patch)
        return torch.lerp(finer(below), image, self.growth.share)


def _convolutions(layers: nn.ModuleList) -> list[EqualConv]:
    return [layer for layer in layers if isinstance(layer, EqualConv)]


def _convolved(x: Tensor, layer: Layer) -> Tensor:
    return pixel_norm(rectified(F.conv2d(x, *layer, padding=1)))


def _grown(x: Tensor, layer: Layer) -> Tensor:
    """(batch, narrow, rows, columns) to (batch, wide, 2 rows, 2 columns)."""
    batch, _, rows, columns = x.shape
    four = F.conv2d(x, *layer, padding=1)
    four = rearrange(four, "batch (row column wide) y x -> batch row column wide y x", row=2, column=2)
    whole = x.new_empty(batch, 2 * rows, 2 * columns, four.shape[3]).permute(0, 3, 1, 2)
    for row, column in product((0, 1), (0, 1)):
        whole[:, :, row::2, column::2] = four[:, row, column, :, row : row + rows, column : column + columns]
    return pixel_norm(rectified(whole))


def scaled(layer: EqualConv) -> Layer:
    """A convolution's weights with its scale applied."""
    weight = (layer.weight * layer.scale).detach()
    return Layer(weight.contiguous(memory_format=torch.channels_last), layer.bias.detach())


def quartered(layer: EqualConv) -> Layer:
    """Upsampling and a 3 x 3 convolution as four 2 x 2 convolutions: weights (4 wide, narrow, 2, 2)."""
    weight = (layer.weight * layer.scale).detach()
    sums = torch.stack((LEFT, RIGHT)).to(weight)  # (parity, neighbour, of three)
    four = torch.einsum("pyr, qxc, oirc -> pqoiyx", sums, sums, weight).flatten(0, 2)
    return Layer(four.contiguous(memory_format=torch.channels_last), layer.bias.detach().repeat(4))
