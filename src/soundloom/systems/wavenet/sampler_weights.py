"""The weights of a trained network as the plain arrays that the sampler takes."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.arrays import as_array, matrix_of
from soundloom.systems.wavenet.logistics import LEAST_LOG_SCALE
from soundloom.systems.wavenet.network import Network
from soundloom.systems.wavenet.sampler.weights import Weights


def weights_of(network: Network) -> Weights:
    """The network's weights, with matrices as (input, output)."""
    layers, config = network.layers, network.config
    return Weights(
        first=as_array(network.first.taps),
        first_bias=as_array(network.first.bias),
        taps=np.stack([as_array(layer.dilated.weight.permute(2, 1, 0)) for layer in layers]),
        dilations=np.array(config.dilations, np.int64),
        mix=np.stack([matrix_of(layer.mix) for layer in layers]),
        mix_bias=np.stack([as_array(layer.mix.bias) for layer in layers]),
        skip_scale=layers.skip_scale,
        end=matrix_of(network.end),
        end_bias=as_array(network.end.bias),
        head=matrix_of(network.head),
        head_bias=as_array(network.head.bias),
        kind="softmax" if config.classes else "logistics",
        levels=network.levels,
        least_log_scale=LEAST_LOG_SCALE,
    )
