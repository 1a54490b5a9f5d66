"""The parts that both networks are made of: equalised layers, pixel norm, resizing, minibatch deviation.

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
LEFT = 1 / 1.8  # of the root mean square of an image of drums, when each square of four is averaged


class EqualConv(nn.Module):
    """A convolution whose weights are N(0, 1) and scaled when used, so that all layers learn at one rate.

    The scale belongs to the weights alone; a bias is added as it is.
    """

    def __init__(self, narrow: int, wide: int, kernel: int = 3, gain: float = RECTIFIED) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(wide, narrow, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(wide))
        self.scale = gain / math.sqrt(narrow * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class EqualLinear(nn.Module):
    """A matrix with the same scaling as `EqualConv`."""

    def __init__(self, narrow: int, wide: int, gain: float = RECTIFIED) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(wide, narrow))
        self.bias = nn.Parameter(torch.zeros(wide))
        self.scale = gain / math.sqrt(narrow)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def rectified(x: Tensor) -> Tensor:
    return F.leaky_relu(x, LEAK)


def laid_out(x: Tensor) -> Tensor:
    """The same numbers with the channels of a place side by side, as convolutions and `pixel_norm` are quickest at."""
    return x.contiguous(memory_format=torch.channels_last)


def pixel_norm(x: Tensor) -> Tensor:
    """Each place of (batch, channel, ...) scaled to a root mean square of 1 over its channels."""
    power = torch.linalg.vector_norm(x, dim=1, keepdim=True).square() / x.shape[1]
    return x * torch.rsqrt(power + 1e-8)


def doubled(x: Tensor) -> Tensor:
    """Each value of (batch, channel, frequency, frame) four times, as a square."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def halved(x: Tensor) -> Tensor:
    """The mean of each square of four: what lies between the new points is not folded into them."""
    return F.avg_pool2d(x, 2)


def coarser(image: Tensor) -> Tensor:
    """An image of the level below, as loud: phases that differ cancel in averages, which is made up for."""
    return halved(image) / LEFT


def finer(image: Tensor) -> Tensor:
    """An image of the level above that `coarser` would bring back."""
    return doubled(image) * LEFT


def with_deviation(x: Tensor, group: int) -> Tensor:
    """One channel more: how far the items of a group lie apart, one number for all of a group.

    Groups are neighbours in the batch, so that halves of a batch on two processes find the same groups. A batch that
    cannot be divided by `group` is divided into the largest groups that it can.
    """
    size = math.gcd(len(x), group)
    grouped = rearrange(x.float(), "(group item) channel row column -> group item channel row column", item=size)
    apart = (grouped.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    told = repeat(apart, "group -> (group item) 1 row column", item=size, row=x.shape[2], column=x.shape[3])
    return torch.cat((x, told.to(x.dtype)), dim=1)
