"""The objective of the VAE: the evidence lower bound, and the likelihood of the decoder's spread.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins et al. 2017; free bits: Kingma et al. 2016,
https://arxiv.org/abs/1606.04934; learned noise: Rybkin et al. 2021, https://arxiv.org/abs/2006.13202
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from soundloom.conditions.schema import Schema
from soundloom.contract import Batch, Loss, Objective
from soundloom.layers.batch_norm import running_statistics
from soundloom.layers.condition_dropout import hide
from soundloom.systems.vae.course import CourseNetwork
from soundloom.systems.vae.network import BandNetwork
from soundloom.systems.vae.observation import Observation
from soundloom.systems.vae.settings import VAEConfig

LINEAR_RATE = 0.1  # of the learning rate, for the linear path: it starts near its optimum


class ELBO(Objective):
    """The evidence lower bound, in nats for each value of the spectrogram, and the likelihood of its spread."""

    name = "elbo"

    def __init__(
        self, network: BandNetwork | CourseNetwork, observation: Observation, schema: Schema, config: VAEConfig
    ) -> None:
        super().__init__()
        self.observation, self.network = observation, network
        self.schema, self.config = schema, config

    def moves(self) -> Iterable[nn.Parameter]:
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def statistics(self) -> Iterable[Tensor]:
        return running_statistics(self.network)

    def optimizer(self) -> torch.optim.Optimizer:
        config = self.config
        linear = self.network.linear_path() if isinstance(self.network, BandNetwork) else []
        ids = {id(parameter) for parameter in linear}
        rest = [parameter for parameter in self.moves() if id(parameter) not in ids]
        groups = [
            {"params": rest, "lr": config.learning_rate},
            {"params": linear, "lr": config.learning_rate * LINEAR_RATE, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=config.weight_decay)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        config, observation = self.config, self.observation
        x = batch.x[:, 0]
        conditions = hide(batch.conditions, batch.uniform(len(self.schema.dense)), self.schema, config.unknown_share)
        code = self.network.encode(x, conditions)
        z = code.mean
        if config.variational:
            z = z + torch.exp(0.5 * code.log_variance) * batch.normal(config.latent)
        out = self.network.decode(z, conditions)
        error = observation.clamped(out.mean) - x
        reconstruction = _per_clip(observation.negative_log_likelihood(x, out.mean, observation.log_noise))
        total = reconstruction
        parts = {"reconstruction": reconstruction / x[0].numel(), "error": error.square().mean().sqrt()}
        if config.variational:
            divergence = kl_from_standard_normal(code.mean, code.log_variance)
            charged = divergence.clamp_min(config.free_bits).sum(dim=1).mean()
            warmup = min(1.0, fraction / config.kl_warmup) if config.kl_warmup > 0 else 1.0
            total = total + warmup * config.beta * charged
            parts["divergence"] = divergence.sum(dim=1).mean()
        if observation.residual_noise is not None:  # the spread learns from the mean's errors; the mean is detached
            total = total + _per_clip(observation.negative_log_likelihood(x, out.mean.detach(), out.log_spread))
        return Loss(total / x[0].numel(), parts)


def _per_clip(nats: Tensor) -> Tensor:
    """Sum over each clip, mean over the batch."""
    return nats.flatten(1).sum(dim=1).mean()


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), elementwise, in nats."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())
