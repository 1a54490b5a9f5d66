"""Where a network comes to rest when nothing but silence is heard."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.sampler.drawing import HIGHEST
from soundloom.systems.wavenet.sampler.weights import Floats, Weights


def inputs_in_silence(weights: Weights, starts: Floats, silence: int) -> Floats:
    """Each layer's input, (layer, R), once all that its taps see is the same.

    A sequence is computed by itself and without a matrix product, which would sum in an order of its own choice.

    Args:
        starts: what one sequence's gates start with, (layer, 2 G).
        silence: the symbol of silence.
    """
    symbol = weights.first[:, silence] if weights.kind == "softmax" else weights.first * (2 * silence / HIGHEST - 1)
    x = weights.first_bias + symbol.sum(0)
    inputs = np.empty((len(starts), len(x)), np.float32)
    for layer, start in enumerate(starts):
        inputs[layer] = x
        gates = start + (weights.taps[layer] * x[:, None]).sum((0, 1))
        gated = np.tanh(gates[: weights.gates]) * (0.5 + 0.5 * np.tanh(gates[weights.gates :] / 2))
        mixed = (weights.mix[layer] * gated[:, None]).sum(0) + weights.mix_bias[layer]
        x = x + mixed[: weights.residual]
    return inputs
