"""From the network that was trained to the plain arrays that the sampler takes."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.arrays import matrix_of, plain
from soundloom.systems.wavenet.logistics import LEAST_LOG_SCALE
from soundloom.systems.wavenet.network import Network
from soundloom.systems.wavenet.sampler.weights import Weights


def weights_of(network: Network) -> Weights:
    """The network's numbers, matrices as (input, output)."""
    layers, config = network.layers, network.config
    return Weights(
        first=plain(network.first.taps),
        first_bias=plain(network.first.bias),
        taps=np.stack([plain(layer.dilated.weight.permute(2, 1, 0)) for layer in layers]),
        dilations=np.array(config.dilations, np.int64),
        mix=np.stack([matrix_of(layer.mix) for layer in layers]),
        mix_bias=np.stack([plain(layer.mix.bias) for layer in layers]),
        skip_scale=layers.skip_scale,
        end=matrix_of(network.end),
        end_bias=plain(network.end.bias),
        head=matrix_of(network.head),
        head_bias=plain(network.head.bias),
        kind="softmax" if config.classes else "logistics",
        levels=network.levels,
        least_log_scale=LEAST_LOG_SCALE,
    )
