"""The state that a network reaches after endless silence."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.sampler.draws import HIGHEST
from soundloom.systems.wavenet.sampler.weights import Floats, Weights


def layer_inputs_in_silence(weights: Weights, conditioning: Floats, silence: int) -> Floats:
    """Each layer's input, (layer, R), when every tap of the layer sees the same input.

    Computed for one sequence at a time and without a library's matrix product, whose order of sums is its own.

    Args:
        conditioning: added to the gates of one sequence, (layer, 2 G).
        silence: the symbol of silence.
    """
    symbol = weights.first[:, silence] if weights.kind == "softmax" else weights.first * (2 * silence / HIGHEST - 1)
    x = weights.first_bias + symbol.sum(0)
    inputs = np.empty((len(conditioning), len(x)), np.float32)
    for layer, start in enumerate(conditioning):
        inputs[layer] = x
        gates = start + (weights.taps[layer] * x[:, None]).sum((0, 1))
        gated = np.tanh(gates[: weights.gates]) * (0.5 + 0.5 * np.tanh(gates[weights.gates :] / 2))
        mixed = (weights.mix[layer] * gated[:, None]).sum(0) + weights.mix_bias[layer]
        x = x + mixed[: weights.residual]
    return inputs
