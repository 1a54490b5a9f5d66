"""From the network that was trained to the plain arrays that the sampler takes, and its logits for given symbols."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from soundloom.systems.wavenet.logistics import LEAST_LOG_SCALE
from soundloom.systems.wavenet.network import Network
from soundloom.systems.wavenet.sampler.weights import Weights


def weights_of(network: Network) -> Weights:
    """The network's numbers, matrices as (input, output)."""
    layers, config = network.layers, network.config
    return Weights(
        first=_plain(network.first.taps),
        first_bias=_plain(network.first.bias),
        taps=np.stack([_plain(layer.dilated.weight.permute(2, 1, 0)) for layer in layers]),
        dilations=np.array(config.dilations, np.int64),
        mix=np.stack([_matrix(layer.mix) for layer in layers]),
        mix_bias=np.stack([_plain(layer.mix.bias) for layer in layers]),
        skip_scale=network.skip_scale,
        end=_matrix(network.end),
        end_bias=_plain(network.end.bias),
        head=_matrix(network.head),
        head_bias=_plain(network.head.bias),
        kind="softmax" if config.classes else "logistics",
        levels=network.levels,
        least_log_scale=LEAST_LOG_SCALE,
    )


def _matrix(layer: nn.Conv1d) -> np.ndarray:
    """A convolution of one sample as (input, output)."""
    return _plain(layer.weight[:, :, 0].T)


def _plain(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float32).numpy())
