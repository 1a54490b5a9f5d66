"""Which code and sliders the generator makes a given sound of: found by descent through the generator.

A GAN has no encoder. What is found is the nearest that the generator can do, not the sound itself; what it misses is
kept beside it (`Found.missed`), so that a variation at distance 0 is the sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator as Stream
from torch import Tensor

from soundloom.systems.drumgan.generator import on_sphere

STARTS = 16  # codes drawn, of which the nearest is refined
STEPS = 60
RATE = 0.1
Draw = Callable[[Tensor, Tensor], Tensor]  # codes and controls to images


class Found(NamedTuple):
    """A point of the generator, (1, latent) and (1, told), and what its image lacks of the one that was sought."""

    code: Tensor
    told: Tensor
    missed: Tensor


def search(
    draw: Draw, image: Tensor, known: int, told: Sequence[Tensor], free: Tensor, latent: int, rng: Stream
) -> Found:
    """The code and the controls whose image fits the first `known` frames of another best.

    Args:
        draw: the generator.
        image: (1, 2, frequency, frame).
        known: frames that must fit.
        told: controls to start from, each (1, told).
        free: (told,), which of them may be changed, within -1 to 1.
        latent: dimensions of a code.
        rng: draws where to start.
    """
    codes = on_sphere(torch.randn(len(told), latent, generator=rng))
    misfits = [float(misfit(draw(code[None], each), image, known)) for code, each in zip(codes, told, strict=True)]
    best = min(range(len(told)), key=misfits.__getitem__)
    point = [codes[best : best + 1].clone(), told[best].clone()]
    with torch.enable_grad():
        for leaf in point:
            leaf.requires_grad_()
        optimizer = torch.optim.Adam(point, lr=RATE, betas=(0.9, 0.99))
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = RATE * (0.5 + 0.5 * math.cos(math.pi * step / STEPS))
            code, controls = on_sphere(point[0]), point[1]
            slopes = torch.autograd.grad(misfit(draw(code, controls), image, known), point, allow_unused=True)
            point[0].grad = slopes[0]
            point[1].grad = None if slopes[1] is None else slopes[1] * free
            optimizer.step()
            with torch.no_grad():
                point[1].clamp_(-1, 1)
    code, controls = on_sphere(point[0].detach()), point[1].detach()
    return Found(code, controls, image - draw(code, controls))


def misfit(made: Tensor, image: Tensor, known: int) -> Tensor:
    """Squared distance of the first frames of two images, half of it of magnitudes: noise never has the same phase."""
    ours, theirs = made[..., :known], image[..., :known]
    levels = [(parts.square().sum(dim=1) + 1e-6).sqrt() for parts in (ours, theirs)]
    return (ours - theirs).square().mean() + (levels[0] - levels[1]).square().mean()


def turned_towards(code: Tensor, other: Tensor, share: float) -> Tensor:
    """The point at a share (0 to 1) of the great circle between two codes, (1, latent) (Shoemake 1985)."""
    cosine = float((code * other).mean().clamp(-1, 1))
    angle = math.acos(cosine)
    if math.sin(angle) < 2e-3:  # the same code, or its opposite: there is no one circle, and cosines of 32 bits end
        return torch.lerp(code, other, share)
    near, far = math.sin((1 - share) * angle), math.sin(share * angle)
    return (near * code + far * other) / math.sin(angle)
