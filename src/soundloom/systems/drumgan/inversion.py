"""Inversion of the generator: find the code and controls of a given sound by gradient descent.

A GAN has no encoder. The result is the nearest point in the generator's range, not the sound itself; the difference is
kept with it (`Found.residual`), so that a variation at distance 0 is the sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator as RandomGenerator
from torch import Tensor

from soundloom.systems.drumgan.generator import on_sphere

STARTS = 16  # codes drawn; the nearest is refined
STEPS = 60
RATE = 0.1
Draw = Callable[[Tensor, Tensor], Tensor]  # codes and controls to images


class Found(NamedTuple):
    """A point of the generator, (1, latent) and (1, control), and the difference of the target to its image."""

    code: Tensor
    controls: Tensor
    residual: Tensor


def search(
    draw: Draw, image: Tensor, known: int, starts: Sequence[Tensor], free: Tensor, latent: int, rng: RandomGenerator
) -> Found:
    """Find the code and the controls whose image fits the first `known` frames of another best.

    Args:
        draw: the generator.
        image: the target, (1, 2, frequency, frame).
        known: frames that must fit.
        starts: controls to start from, each (1, control).
        free: (control,), 1 for controls that may change, within -1 to 1.
        latent: dimensions of a code.
        rng: draws the codes to start from.
    """
    codes = on_sphere(torch.randn(len(starts), latent, generator=rng))
    misfits = [float(misfit(draw(code[None], each), image, known)) for code, each in zip(codes, starts, strict=True)]
    best = min(range(len(starts)), key=misfits.__getitem__)
    point = [codes[best : best + 1].clone(), starts[best].clone()]
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
    """Squared distance of the first frames of two images, plus that of their magnitudes, as phases of noise differ."""
    ours, theirs = made[..., :known], image[..., :known]
    levels = [(parts.square().sum(dim=1) + 1e-6).sqrt() for parts in (ours, theirs)]
    return (ours - theirs).square().mean() + (levels[0] - levels[1]).square().mean()


def turned_towards(code: Tensor, other: Tensor, share: float) -> Tensor:
    """Spherical interpolation of two codes, (1, latent), at a share of 0 to 1 (Shoemake 1985)."""
    cosine = float((code * other).mean().clamp(-1, 1))
    angle = math.acos(cosine)
    if math.sin(angle) < 2e-3:  # the same or opposite codes: no unique great circle
        return torch.lerp(code, other, share)
    near, far = math.sin((1 - share) * angle), math.sin(share * angle)
    return (near * code + far * other) / math.sin(angle)
