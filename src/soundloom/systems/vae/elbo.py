"""The objective of the VAE: the evidence lower bound, and the likelihood of the decoder's spread.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins et al. 2017; free bits: Kingma et al. 2016,
https://arxiv.org/abs/1606.04934; learned noise: Rybkin et al. 2021, https://arxiv.org/abs/2006.13202
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from soundloom.contract import Batch, Loss, Objective
from soundloom.layers.batch_norm import running_statistics
from soundloom.layers.condition_dropout import hide
from soundloom.systems.vae.network import BandNetwork

if TYPE_CHECKING:
    from soundloom.systems.vae.vae import SpectrogramVAE

LINEAR_RATE = 0.1  # the principal components are near their best from the start


class ELBO(Objective):
    """The evidence lower bound, in nats for each number of the spectrogram, and the likelihood of its spread."""

    name = "elbo"

    def __init__(self, vae: SpectrogramVAE) -> None:
        super().__init__()
        self.vae = vae

    def moves(self) -> Iterable[nn.Parameter]:
        return (parameter for parameter in self.vae.parameters() if parameter.requires_grad)

    def statistics(self) -> Iterable[Tensor]:
        return running_statistics(self.vae.network)

    def optimizer(self) -> torch.optim.Optimizer:
        config, network = self.vae.config, self.vae.network
        careful = network.linear_path() if isinstance(network, BandNetwork) else []
        ids = {id(parameter) for parameter in careful}
        rest = [parameter for parameter in self.moves() if id(parameter) not in ids]
        groups = [
            {"params": rest, "lr": config.learning_rate},
            {"params": careful, "lr": config.learning_rate * LINEAR_RATE, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=config.weight_decay)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        vae, config = self.vae, self.vae.config
        x = batch.x[:, 0]
        conditions = hide(batch.conditions, batch.uniform(len(vae.schema.dense)), vae.schema, config.unknown_share)
        code = vae.network.encode(x, conditions)
        z = code.mean
        if config.variational:
            z = z + torch.exp(0.5 * code.log_variance) * batch.normal(config.latent)
        out = vae.network.decode(z, conditions)
        error = vae.heard(out.mean) - x
        reconstruction = vae.nats(x, out.mean, vae.log_noise).flatten(1).sum(dim=1).mean()
        total = reconstruction
        parts = {"reconstruction": reconstruction / x[0].numel(), "error": error.square().mean().sqrt()}
        if config.variational:
            divergence = kl_from_standard_normal(code.mean, code.log_variance)
            charged = divergence.clamp_min(config.free_bits).sum(dim=1).mean()
            warmth = min(1.0, fraction / config.kl_warmup) if config.kl_warmup > 0 else 1.0
            total = total + warmth * config.beta * charged
            parts["divergence"] = divergence.sum(dim=1).mean()
        if vae.texture is not None:  # the spread learns from the mean's errors, and never bends the mean
            total = total + vae.nats(x, out.mean.detach(), out.log_spread).flatten(1).sum(dim=1).mean()
        return Loss(total / x[0].numel(), parts)


def negative_log_likelihood(error: Tensor, log_deviation: Tensor) -> Tensor:
    """-ln N(error; 0, exp(log_deviation)), elementwise, in nats."""
    return 0.5 * (error * torch.exp(-log_deviation)).square() + log_deviation + 0.5 * math.log(2 * math.pi)


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), elementwise, in nats."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())
