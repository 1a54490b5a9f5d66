"""The two objectives: a critic that tells real images from generated ones, a generator that it cannot tell.

Wasserstein loss with gradient penalty: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028; drift: Karras et al.
2018, https://arxiv.org/abs/1710.10196; attributes: Odena et al. 2017, https://arxiv.org/abs/1610.09585, with scalars as
in Nistal et al. 2020, https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from soundloom.contract import Batch, Loss, Objective
from soundloom.systems.drumgan.changes import changed
from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import coarser, finer

if TYPE_CHECKING:
    from soundloom.systems.drumgan.drumgan import DrumGAN

BETAS = (0.0, 0.99)
EPSILON = 1e-5  # with no first moment a step is a gradient over its own size, so that of a tiny one would be noise
SPAN = 10.0  # what the critic may tell two images apart by, for each root mean square that they differ by


class Criticism(Objective):
    """E D(G) - E D(x) + gradient penalty + drift + how badly the critic reads the controls of real sounds."""

    name = "critic"
    unused_parameters = adversarial = True

    def __init__(self, gan: DrumGAN) -> None:
        super().__init__()
        self.critic = gan.critic
        self._gan = (gan,)  # in a tuple, so that the generator's parameters are not this objective's

    def moves(self) -> Iterable[nn.Parameter]:
        return self.critic.parameters()

    def statistics(self) -> Iterable[Tensor]:
        return (self._gan[0].running_growth,)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(list(self.moves()), lr=self._gan[0].config.learning_rate, betas=BETAS, eps=EPSILON)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        (gan,) = self._gan
        config, growth = gan.config, gan.grown(fraction)
        told = gan.controls(batch.conditions)
        with torch.no_grad():
            real = at_level(gan.image_of(batch.x), growth, gan.levels)
            fake = gan.draw(batch, growth, "critic")
            real = changed(real, config.change, config.power, batch, "change real")
            fake = changed(fake, config.change, config.power, batch, "change fake")
        opinion = self.critic(torch.cat((real, fake)), growth)
        on_real, on_fake = opinion.score.chunk(2)
        penalty, weight = real.new_zeros(()), config.penalty * config.penalty_every
        if batch.step % config.penalty_every == 0:
            between = torch.lerp(fake, real, batch.uniform(1, 1, 1, name="between"))
            unit = between[0].numel() ** 0.5 / SPAN  # the same for images of all levels
            penalty = gradient_penalty(lambda image: self.critic(image, growth).score, between, unit)
        drift = on_real.square().mean()
        categories, scalars = gan.controls.misread(opinion.read[: len(real)], told)
        distance = on_real.mean() - on_fake.mean()
        total = weight * penalty - distance + config.drift * drift
        total = total + config.category_weight * categories + config.scalar_weight * scalars
        parts = {"distance": distance, "penalty": penalty, "categories": categories, "scalars": scalars}
        return Loss(total, parts)


class Generation(Objective):
    """-E D(G) + how badly the critic reads the controls off generated sounds."""

    name = "generator"
    unused_parameters = adversarial = True

    def __init__(self, gan: DrumGAN) -> None:
        super().__init__()
        self.generator = gan.generator
        self._gan = (gan,)

    def moves(self) -> Iterable[nn.Parameter]:
        return self.generator.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(list(self.moves()), lr=self._gan[0].config.learning_rate, betas=BETAS, eps=EPSILON)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        (gan,) = self._gan
        config, growth = gan.config, gan.grown(fraction)
        told = gan.asked(batch, "generator")
        fake = gan.generator(gan.codes(batch, "generator"), told, growth)
        with still(gan.critic):
            opinion = gan.critic(changed(fake, config.change, config.power, batch, "change made"), growth)
        categories, scalars = gan.controls.misread(opinion.read, told)
        total = -opinion.score.mean() + config.category_weight * categories + config.scalar_weight * scalars
        return Loss(total, {"score": opinion.score.mean(), "categories": categories, "scalars": scalars})


def gradient_penalty(score: Callable[[Tensor], Tensor], image: Tensor, unit: float = 1.0) -> Tensor:
    """(unit ||d score / d image|| - 1)^2, the norm over all of an image, the mean over the batch; differentiable again.

    Args:
        score: of images (batch, ...), each scored by itself or with its neighbours, (batch,).
        image: where the slope is taken, (batch, ...).
        unit: distance between images over which the score may change by 1.
    """
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        at = image.detach().requires_grad_()
        (slope,) = torch.autograd.grad(score(at).sum(), at, create_graph=recorded)
    lengths: Tensor = torch.linalg.vector_norm(slope.float().flatten(1), dim=1)
    return (unit * lengths - 1).square().mean()


def at_level(image: Tensor, growth: Growth, levels: int) -> Tensor:
    """Full images as the generator would make them at a level: averaged, and while it comes in, mixed with the last."""
    for _ in range(levels - 1 - growth.level):
        image = coarser(image)
    return image if growth.share == 1.0 else torch.lerp(finer(coarser(image)), image, growth.share)


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """What is computed within leads no gradient to the network's parameters, only through them."""
    moving = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in moving:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in moving:
            parameter.requires_grad_(True)
