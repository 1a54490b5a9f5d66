"""Layers of both networks: equalised learning rate, pixel norm, resizing, minibatch standard deviation.

Karras et al. 2018, https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

LEAK = 0.2
RECTIFIED = math.sqrt(2.0)  # gain before a rectifier, which halves the power (He et al. 2015)
AVERAGED_LEVEL = 1 / 1.8  # of the root mean square of images of drums is left by 2 x 2 averaging


class EqualConv(nn.Module):
    """A convolution whose weights are stored as N(0, 1) and scaled when used, so that all layers learn at one rate.

    Only the weights are scaled, not the bias.
    """

    def __init__(self, narrow: int, wide: int, kernel: int = 3, gain: float = RECTIFIED) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(wide, narrow, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(wide))
        self.scale = gain / math.sqrt(narrow * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class EqualLinear(nn.Module):
    """A linear layer, scaled as in `EqualConv`."""

    def __init__(self, narrow: int, wide: int, gain: float = RECTIFIED) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(wide, narrow))
        self.bias = nn.Parameter(torch.zeros(wide))
        self.scale = gain / math.sqrt(narrow)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def rectified(x: Tensor) -> Tensor:
    """Leaky ReLU."""
    return F.leaky_relu(x, LEAK)


def channels_last(x: Tensor) -> Tensor:
    """The same values in channels-last memory format, in which convolutions and `pixel_norm` are fastest."""
    return x.contiguous(memory_format=torch.channels_last)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale each position of (batch, channel, ...) to a root mean square of 1 over its channels."""
    power = torch.linalg.vector_norm(x, dim=1, keepdim=True).square() / x.shape[1]
    return x * torch.rsqrt(power + 1e-8)


def upsampled(x: Tensor) -> Tensor:
    """Repeat each value of (batch, channel, frequency, frame) in a 2 x 2 square."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def downsampled(x: Tensor) -> Tensor:
    """Average 2 x 2 squares; the average limits aliasing."""
    return F.avg_pool2d(x, 2)


def coarser(image: Tensor) -> Tensor:
    """An image of the level below at the same loudness: averages of differing phases cancel, which is compensated."""
    return downsampled(image) / AVERAGED_LEVEL


def finer(image: Tensor) -> Tensor:
    """An image of the level above; `coarser` inverts it."""
    return upsampled(image) * AVERAGED_LEVEL


def with_deviation(x: Tensor, group: int) -> Tensor:
    """Append a channel with the minibatch standard deviation: one number for each group of items.

    Groups are neighbours in the batch, so two processes with half of the batch each form the same groups. If the batch
    size is no multiple of `group`, the largest group size that divides both is used.
    """
    size = math.gcd(len(x), group)
    grouped = rearrange(x.float(), "(group item) channel row column -> group item channel row column", item=size)
    apart = (grouped.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    deviation = repeat(apart, "group -> (group item) 1 row column", item=size, row=x.shape[2], column=x.shape[3])
    return torch.cat((x, deviation.to(x.dtype)), dim=1)
