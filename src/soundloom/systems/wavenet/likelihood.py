"""The likelihood in bits per sample, for training and for evaluation, of the network and of the baselines."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from soundloom.conditions.schema import Schema
from soundloom.contract import Batch, Loss, Objective
from soundloom.layers.condition_dropout import hide
from soundloom.systems.wavenet.baselines import Baselines
from soundloom.systems.wavenet.clip_encoder import ClipEncoder
from soundloom.systems.wavenet.crops import Crop, crop_of, mean_of
from soundloom.systems.wavenet.linear_prediction import ORDER
from soundloom.systems.wavenet.logistics import log_probability
from soundloom.systems.wavenet.network import Network

BASELINE_HISTORY = 2 * ORDER  # samples before a crop that the baselines see


class Likelihood(Objective):
    """Bits per sample: the mean over clips of the mean over a clip's samples."""

    name = "likelihood"

    def __init__(self, network: Network, baselines: Baselines, encoder: ClipEncoder, schema: Schema) -> None:
        super().__init__()
        self.network, self.baselines, self.encoder, self.schema = network, baselines, encoder, schema

    def moves(self) -> Iterable[nn.Parameter]:
        return self.network.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        config = self.network.config
        return torch.optim.AdamW(self.moves(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        config, training = self.network.config, self.network.training
        audio = self.encoder.aligned(batch.x)
        symbols = self.encoder.symbols(audio)
        drawn = batch.uniform(1, name="crop")[:, 0]
        crop = crop_of(symbols, audio[:, 0], drawn, config, self.encoder.before)
        share = config.unknown_share if training else 0.0  # a measured loss is conditioned on everything known
        drawn = batch.uniform(len(self.schema.dense))
        unconditional = batch.uniform(1, name="nothing") < share  # guidance needs a model without conditions
        codes = hide(batch.conditions, drawn.masked_fill(unconditional, -1), self.schema, share)
        hidden = batch.uniform(1, name="frames")[:, 0] < share
        bits = crop_bits(self.network, crop, codes, self.encoder.spectra(audio), hidden)
        total = mean_of(bits, crop.counted).mean()
        sounding = crop.sounding.any(dim=1).sum()  # a crop may lie in the silence after a sound
        parts = {"sounding": mean_of(bits, crop.sounding).sum() / sounding.clamp_min(1)}
        if not training:
            found = baseline_bits(self.baselines, crop, self.encoder.before)
            parts |= {name: mean_of(bits, crop.counted).mean() for name, bits in found.items()}
        return Loss(total, parts)


def crop_bits(
    network: Network, crop: Crop, codes: Tensor, spectra: Tensor | None, hidden: Tensor | None = None
) -> Tensor:
    """-log2 of the probability of each predicted sample of a crop, (batch, steps).

    Args:
        codes: condition rows, (batch, width).
        spectra, hidden: for a vocoder, as `Network.forward` takes them.
    """
    found, batch_size = [], network.config.batch_size
    for first in range(0, len(codes), batch_size):  # larger batches would not fit the cache
        rows = slice(first, first + batch_size)
        outputs = network(
            crop.symbols[rows, :-1],
            codes[rows],
            crop.steps,
            None if spectra is None else spectra[rows],
            None if hidden is None else hidden[rows],
            crop.position[rows],
            crop.begins,
        )
        found.append(bits_of(outputs, crop.symbols[rows, -crop.steps :], network.levels, network.config.classes))
    return torch.cat(found)


def baseline_bits(baselines: Baselines, crop: Crop, before: int) -> dict[str, Tensor]:
    """Bits of the predicted samples of a crop under each baseline, (batch, steps)."""
    symbols = crop.symbols[:, -crop.steps - BASELINE_HISTORY :]
    symbols = torch.where(symbols == before, baselines.silence, symbols)
    return {name: bits[:, -crop.steps :] for name, bits in baselines.bits(symbols).items()}


def bits_of(outputs: Tensor, symbols: Tensor, levels: int, classes: bool) -> Tensor:
    """-log2 of the probability of symbols (batch, time) under a network's outputs (batch, output, time)."""
    if classes:
        rows = rearrange(outputs.float(), "batch level time -> (batch time) level")  # several times faster so
        return F.cross_entropy(rows, symbols.flatten(), reduction="none").view_as(symbols) / math.log(2)
    return -log_probability(outputs, symbols, levels) / math.log(2)
