"""The two losses: of a critic that scores real images above generated ones, and of a generator that raises its scores.

Wasserstein loss with gradient penalty: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028; drift: Karras et al.
2018, https://arxiv.org/abs/1710.10196; attributes: Odena et al. 2017, https://arxiv.org/abs/1610.09585, with scalars as
in Nistal et al. 2020, https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from soundloom.contract import Batch, Loss, Objective
from soundloom.systems.drumgan.changes import changed
from soundloom.systems.drumgan.clips import normalised
from soundloom.systems.drumgan.controls import Controls
from soundloom.systems.drumgan.critic import Critic
from soundloom.systems.drumgan.generator import Generator, on_sphere
from soundloom.systems.drumgan.growth import Growth, GrowthState
from soundloom.systems.drumgan.layers import coarser, finer
from soundloom.systems.drumgan.plane import Plane
from soundloom.systems.drumgan.settings import DrumGANConfig

BETAS = (0.0, 0.99)
EPSILON = 1e-5  # without a first moment a step is a gradient over its own size; this keeps tiny gradients from noise
SPAN = 10.0  # difference of scores allowed for each root mean square by which two images differ


class Networks(NamedTuple):
    """The parts of a DrumGAN that its losses need. As no module it does not add parameters to an objective."""

    generator: Generator
    critic: Critic
    controls: Controls
    plane: Plane
    growth: GrowthState


class CriticLoss(Objective):
    """E D(G) - E D(x) + gradient penalty + drift + loss of the critic's estimate of the controls of real sounds."""

    name = "critic"
    unused_parameters = adversarial = True

    def __init__(self, networks: Networks, config: DrumGANConfig) -> None:
        super().__init__()
        self.critic, self.config, self._networks = networks.critic, config, networks

    def moves(self) -> Iterable[nn.Parameter]:
        return self.critic.parameters()

    def statistics(self) -> Iterable[Tensor]:
        return (self._networks.growth.number,)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(list(self.moves()), lr=self.config.learning_rate, betas=BETAS, eps=EPSILON)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        networks, config = self._networks, self.config
        growth, controls = networks.growth(fraction), networks.controls(batch.conditions)
        with torch.no_grad():
            real = at_level(networks.plane.encode(normalised(batch.x)), growth, config.levels)
            fake = networks.generator(*generator_inputs(batch, networks.controls, config, "critic"), growth)
            real = changed(real, config.change, config.power, batch, "change real")
            fake = changed(fake, config.change, config.power, batch, "change fake")
        output = self.critic(torch.cat((real, fake)), growth)
        on_real, on_fake = output.score.chunk(2)
        penalty, weight = real.new_zeros(()), config.penalty * config.penalty_every
        if batch.step % config.penalty_every == 0:
            between = torch.lerp(fake, real, batch.uniform(1, 1, 1, name="between"))
            unit = between[0].numel() ** 0.5 / SPAN  # the same for images of all levels
            penalty = gradient_penalty(lambda image: self.critic(image, growth).score, between, unit)
        drift = on_real.square().mean()
        categories, scalars = networks.controls.estimation_loss(output.controls[: len(real)], controls)
        distance = on_real.mean() - on_fake.mean()
        total = weight * penalty - distance + config.drift * drift
        total = total + config.category_weight * categories + config.scalar_weight * scalars
        parts = {"distance": distance, "penalty": penalty, "categories": categories, "scalars": scalars}
        return Loss(total, parts)


class GeneratorLoss(Objective):
    """-E D(G) + loss of the critic's estimate of the controls of generated sounds."""

    name = "generator"
    unused_parameters = adversarial = True

    def __init__(self, networks: Networks, config: DrumGANConfig) -> None:
        super().__init__()
        self.generator, self.config, self._networks = networks.generator, config, networks

    def moves(self) -> Iterable[nn.Parameter]:
        return self.generator.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(list(self.moves()), lr=self.config.learning_rate, betas=BETAS, eps=EPSILON)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        networks, config = self._networks, self.config
        growth = networks.growth(fraction)
        code, controls = generator_inputs(batch, networks.controls, config, "generator")
        fake = self.generator(code, controls, growth)
        with frozen(networks.critic):
            output = networks.critic(changed(fake, config.change, config.power, batch, "change made"), growth)
        categories, scalars = networks.controls.estimation_loss(output.controls, controls)
        total = -output.score.mean() + config.category_weight * categories + config.scalar_weight * scalars
        return Loss(total, {"score": output.score.mean(), "categories": categories, "scalars": scalars})


def generator_inputs(batch: Batch, controls: Controls, config: DrumGANConfig, name: str) -> tuple[Tensor, Tensor]:
    """Random codes, (rows, latent), and the controls of the batch's own sounds, some of them randomised.

    Args:
        name: of the random numbers, so that each loss draws its own.
    """
    code = on_sphere(batch.normal(config.latent, name=f"codes {name}"))
    rows = controls(batch.conditions)
    return code, controls.randomised(rows, batch, config.randomised_share, f"randomised {name}")


def gradient_penalty(score: Callable[[Tensor], Tensor], image: Tensor, unit: float = 1.0) -> Tensor:
    """(unit ||d score / d image|| - 1)^2, with the norm of each image and the mean over the batch; differentiable.

    Args:
        score: of images (batch, ...), each scored by itself or with its neighbours, (batch,).
        image: where the gradient is taken, (batch, ...).
        unit: distance between images over which the score may change by 1.
    """
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        at = image.detach().requires_grad_()
        (slope,) = torch.autograd.grad(score(at).sum(), at, create_graph=recorded)
    lengths: Tensor = torch.linalg.vector_norm(slope.float().flatten(1), dim=1)
    return (unit * lengths - 1).square().mean()


def at_level(image: Tensor, growth: Growth, levels: int) -> Tensor:
    """Full images at a level of the generator: averaged, and during a fade mixed with the level below."""
    for _ in range(levels - 1 - growth.level):
        image = coarser(image)
    return image if growth.share == 1.0 else torch.lerp(finer(coarser(image)), image, growth.share)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network but not reach its parameters."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
